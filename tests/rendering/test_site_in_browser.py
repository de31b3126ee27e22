"""The report site in a headless Chromium: what readers click, what is drawn, and what axe says of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.support.select import Select

from reconciler.model.certificate import Certificate, CertificateContext
from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.rendering.groups import BACK, BLOCKED, FINAL
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.html.site import Report, site
from reconciler.rendering.timeline import bars
from tests import builders
from tests.rendering import ledgers
from tests.rendering.browser import DESKTOP, ENTER, PHONE, TAB, Browser
from tests.rendering.conftest import SCREENSHOTS
from tests.rendering.plans import PLANS, large_plan
from tests.rendering.sites import FRAME, REPORT, written

pytestmark = pytest.mark.slow

PAGES = ("index.html", "timeline.html", "ledger.html", "controls.html", "plan.html")
TICKET = f"tickets/{builders.guid(1)}.html"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(site(REPORT), tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of one plan each: the large one and the hostile one."""
    folder = tmp_path_factory.mktemp("plans")
    return written(
        {
            "large.html": plan_page(large_plan()),
            "hostile.html": plan_page(PLANS["hostile"]),
            "long-note.html": plan_page(replace(_changes(), notes=(f"a token ({'certificate' * 9})",))),
            "changes.html": plan_page(_changes()),
            "certificates.html": plan_page(_certificates()),
        }
        | {f"hostile-{name}": text for name, text in site(Report(FRAME, PLANS["hostile"])).items() if "/" not in name},
        folder,
    )


def _changes() -> Plan:
    named = ("CHG0000001", "CHG0000002", None)
    return builders.plan(*(builders.step(n, change=change, object=f"host-{n}") for n, change in enumerate(named, 1)))


def _certificates() -> Plan:
    """Certificates that end in ten, forty and three days, and a ticket without one."""
    steps = [builders.step(number, object=f"host-{number}") for number in range(1, 5)]
    known = [
        replace(
            step, context=CertificateContext(Certificate(valid_to=builders.NOW + timedelta(days=days), days_left=days))
        )
        for step, days in zip(steps, (10, 40, 3), strict=False)
    ]
    return builders.plan(*known, steps[3])


def _rows(browser: Browser) -> int:
    return len(browser.all(".rows tbody tr:not(.group)"))


@pytest.mark.parametrize("page", [*PAGES, TICKET])
def test_a_page_loads_nothing_and_breaks_no_policy(browser: Browser, pages: Path, page: str) -> None:
    browser.open(pages / page)
    assert browser.said() == []
    assert browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
    assert browser.run("return document.querySelectorAll('h1').length") == 1


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize("page", [*PAGES, TICKET])
def test_axe_finds_nothing(
    browser: Browser, pages: Path, axe: str, page: str, size: tuple[int, int], scheme: str
) -> None:
    browser.size(size)
    browser.prefer(scheme)
    browser.open(pages / page)
    browser.run(axe)
    found = browser.wait("const done = arguments[0]; axe.run(document).then((found) => done(found.violations))")
    assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found] == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("page", [*PAGES, TICKET])
def test_a_page_never_scrolls_sideways(browser: Browser, pages: Path, page: str, size: tuple[int, int]) -> None:
    browser.size(size)
    browser.open(pages / page)
    assert not browser.scrolls_sideways()


def test_a_long_word_of_a_note_is_broken_instead_of_the_page(browser: Browser, others: Path) -> None:
    browser.size(PHONE)
    browser.open(others / "long-note.html")
    assert not browser.scrolls_sideways()


def test_buttons_choose_verdicts_and_add_up(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    plan = REPORT.plan
    assert plan is not None
    assert _rows(browser) == len(plan.steps)
    for chip in browser.all(".chips button"):
        chip.click()
        chosen = [step for step in plan.steps if step.verdict.value == chip.get_attribute("data-value")]
        assert _rows(browser) == len(chosen)
        assert set(browser.texts(".rows tbody .badge")) == {chip.get_attribute("data-value")}
        chip.click()
    for word in ("approve", "reject"):
        browser.find(f".chips [data-value={word}]").click()
    assert sorted(browser.texts(".rows tbody .badge")) == ["approve", "reject"]


def test_search_finds_by_any_words_and_says_when_nothing_matches(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    search = browser.find("#search")
    search.send_keys("VPN freeze")
    assert browser.texts(".rows tbody .name") == ["vpn-edge"]
    assert browser.find("#said").text.endswith("1 to 1 of 1 (16 in all)")
    search.clear()
    search.send_keys("no such thing")
    assert _rows(browser) == 0
    assert browser.find("#none").is_displayed()


def test_a_slash_goes_to_the_search_and_escape_empties_it(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    browser.press("/")
    browser.press("vpn")
    assert browser.find("#search").get_attribute("value") == "vpn"
    assert _rows(browser) == 1
    browser.press("\ue00c")
    assert _rows(browser) == 16


def test_an_address_can_carry_a_search(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html", "#vpn-edge")
    assert browser.texts(".rows tbody .name") == ["vpn-edge"]


STARTS = (
    "return [...document.querySelectorAll('td.c-move')]"
    ".map((cell) => cell.querySelector('.under:not(.was) time')?.dateTime ?? null)"
)


def test_a_head_sorts_its_column_up_then_down_then_as_listed(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    listed = browser.texts(".rows tbody .name")
    head = "thead th:nth-child(3)"
    for direction, backwards in (("ascending", False), ("descending", True)):
        browser.find(f"{head} button").send_keys(ENTER)
        assert browser.find(head).get_attribute("aria-sort") == direction
        starts = browser.run(STARTS)
        times = [start for start in starts if start is not None]
        assert len(times) >= 8
        assert starts == [*sorted(times, reverse=backwards), *[None] * (len(starts) - len(times))]
    browser.find(f"{head} button").click()
    assert browser.find(head).get_attribute("aria-sort") is None
    assert browser.texts(".rows tbody .name") == listed


def test_what_needs_attention_comes_first(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    assert browser.texts(".rows tbody .badge")[:3] == ["refused", "missing", "reject"]
    assert [tile.text.split("\n") for tile in browser.all(".tiles button")] == [
        ["2", "need attention"],
        ["11", "will change"],
        ["3", "unchanged"],
        ["16", "decisions"],
    ]


def test_tiles_are_filters_that_can_be_taken_back(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    tiles = {tile.text.split("\n")[1]: tile for tile in browser.all(".tiles button")}
    tiles["need attention"].click()
    assert browser.texts(".rows tbody .badge") == ["refused", "missing"]
    assert tiles["need attention"].get_attribute("aria-pressed") == "true"
    tiles["unchanged"].click()
    assert _rows(browser) == 3
    tiles["unchanged"].click()
    assert _rows(browser) == 16
    tiles["will change"].click()
    tiles["decisions"].click()
    assert _rows(browser) == 16


def test_a_link_shows_what_its_sender_saw(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    browser.find(".tiles [data-value='will change']").click()
    browser.find(".chips [data-value=schedule]").click()
    browser.find("#search").send_keys("example.com")
    browser.find("thead th:nth-child(2) button").click()
    browser.find("thead th:nth-child(2) button").click()
    Select(browser.find("#by")).select_by_visible_text("State")
    browser.find("#whole").click()
    shown = browser.texts(".rows tbody .name")
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == 4
    address = browser.driver.current_url
    assert "state=will+change&verdict=schedule&q=example.com&sort=-ticket&by=state&whole=yes" in address
    browser.driver.get("about:blank")
    browser.driver.get(address)
    assert browser.texts(".rows tbody .name") == shown
    assert browser.find("#search").get_attribute("value") == "example.com"
    assert browser.find(".chips [data-value=schedule]").get_attribute("aria-pressed") == "true"
    assert browser.find(".rows").get_attribute("class") == "rows whole"
    browser.find("#clear").click()
    assert _rows(browser) == 16
    assert "q=" not in browser.driver.current_url


def test_an_address_that_is_changed_by_hand_is_followed(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    browser.run("location.hash = 'verdict=missing&verdict=reject&nonsense=1&by=nonsense&page=99'")
    assert browser.wait(
        "const done = arguments[0]; setTimeout(() => done("
        "[...document.querySelectorAll('.rows tbody .badge')].map((one) => one.textContent)), 50)"
    ) == ["missing", "reject"]


def test_rows_are_grouped_by_what_is_chosen_and_a_group_is_a_filter(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    groups = Select(browser.find("#by"))
    assert [option.text for option in groups.options] == ["nothing", "Verdict", "State", "Workflow", "Folder"]
    groups.select_by_visible_text("Folder")
    heads = browser.texts(".group th button")
    plan = REPORT.plan
    assert plan is not None
    folders = {step.object.rpartition("\\")[0] or "unknown" for step in plan.steps}
    assert len(heads) == len(folders)
    assert _rows(browser) == 16
    browser.find(".group button[data-value$='Shop']").click()
    assert browser.texts(".rows tbody .name") == ["shop-prod-01"]
    extra = browser.find(".chips .extra button")
    assert extra.text.startswith(r"Folder: \VED\Policy\Shop")
    extra.click()
    assert _rows(browser) == 16


def test_a_plan_is_read_in_the_order_of_the_comment_unless_the_reader_wants_another(
    browser: Browser, pages: Path
) -> None:
    browser.open(pages / "plan.html")
    sections = [head.partition(":")[0] for head in browser.texts(".rows .group button")]
    assert list(dict.fromkeys(sections)) == [FINAL, BACK, BLOCKED, "Unchanged"]
    assert sections == sorted(sections, key=[FINAL, BACK, BLOCKED, "Unchanged"].index)
    Select(browser.find("#by")).select_by_visible_text("nothing")
    assert browser.all(".rows .group") == []
    assert browser.run("return location.hash") == "#by=nothing"
    browser.driver.refresh()
    assert browser.all(".rows .group") == []
    Select(browser.find("#by")).select_by_visible_text("Action")
    assert browser.run("return location.hash") == ""


def test_rows_are_chosen_by_change(browser: Browser, others: Path) -> None:
    browser.open(others / "changes.html")
    menu = Select(browser.find("[data-menu=Change]"))
    assert [option.text for option in menu.options] == ["any", "CHG0000001", "CHG0000002", "no change"]
    menu.select_by_visible_text("CHG0000002")
    assert browser.texts(".rows tbody .name") == ["host-2"]
    menu.select_by_visible_text("any")
    assert _rows(browser) == 3


def test_rows_are_sorted_and_chosen_by_the_end_of_their_certificates(browser: Browser, others: Path) -> None:
    browser.open(others / "certificates.html")
    names = ".rows tbody .name"
    browser.find("thead th.c-dated button").click()
    assert browser.texts(names) == ["host-3", "host-1", "host-2", "host-4"]
    ends = Select(browser.find("#ends"))
    for words, found in (("within 7 days", ["host-3"]), ("within 14 days", ["host-3", "host-1"]), ("in the past", [])):
        ends.select_by_visible_text(words)
        assert browser.texts(names) == found
    assert "ends=0" in browser.driver.current_url


def test_a_row_has_two_lines_unless_all_of_it_is_asked_for(browser: Browser, pages: Path) -> None:
    browser.size((1440, 900))
    browser.open(pages / "index.html")
    heights = "return [...document.querySelectorAll('.rows tbody .two')].map((cell) => cell.offsetHeight)"
    assert max(browser.run(heights)) <= 48
    browser.find("#whole").click()
    assert max(browser.run(heights)) > 60


def test_a_dn_breaks_behind_its_backslashes(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    dn = browser.find(".rows tbody .under.mono")
    assert dn.get_attribute("innerHTML") == r"\<wbr>VED\<wbr>Policy\<wbr>Net\<wbr>vpn-edge"


def _looked_at(browser: Browser, page: Path, when: str) -> None:
    """Open a page at a time of its own."""
    script = f"Date.now = () => {int(builders.at(when).timestamp())}000"
    added = browser.command("Page.addScriptToEvaluateOnNewDocument", source=script)
    try:
        browser.open(page)
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])


@pytest.mark.parametrize(
    ("when", "said", "red"),
    [
        ("2026-11-23T09:00:30Z", "just now", False),
        ("2026-11-24T10:59:00Z", "1 d 1 h ago", False),
        ("2026-11-24T11:01:00Z", "1 d 2 h ago, overdue", True),
        ("2026-12-24T09:00:00Z", "31 d ago, overdue", True),
        ("2026-11-20T09:00:00Z", "in the future", True),
    ],
)
@pytest.mark.parametrize("page", ["index.html", "controls.html"])
def test_the_heartbeat_is_that_of_the_moment_at_which_it_is_looked_at(
    browser: Browser, pages: Path, page: str, when: str, said: str, *, red: bool
) -> None:
    _looked_at(browser, pages / page, when)
    badge = browser.find("[data-beat] .badge")
    assert badge.text == said
    assert (badge.get_attribute("class") == "badge bad") is red


def test_a_plan_says_that_it_has_expired_once_it_has(browser: Browser, pages: Path) -> None:
    for page in ("index.html", "plan.html"):
        _looked_at(browser, pages / page, "2026-11-24T11:59:00Z")
        assert not browser.find("[data-from]").is_displayed()
        _looked_at(browser, pages / page, "2026-11-24T12:01:00Z")
        assert browser.find("[data-from]").text.startswith("This plan has expired: it was valid until Tue 2026-11-24")


def test_paper_gets_tables(browser: Browser, pages: Path) -> None:
    browser.command("Emulation.setEmulatedMedia", media="print")
    browser.size((700, 1000))
    browser.open(pages / "index.html")
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert browser.run(shown, ".rows tbody tr") == "table-row"
    assert browser.run(shown, ".rows tbody td") == "table-cell"
    assert browser.run(shown, ".rows thead") == "table-header-group"
    assert browser.run(shown, ".rows .two") == "block"
    assert browser.run(shown, "#controls") == "none"
    assert not browser.scrolls_sideways()
    browser.command("Emulation.setEmulatedMedia", media="")


def test_everything_can_be_done_by_keys(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    reached = []
    for _ in range(60):
        browser.press(TAB)
        reached.append(
            browser.run("const one = document.activeElement; return one.id || one.dataset.value || one.textContent")
        )
    wanted = {"zone", "theme", "needs attention", "search", "by", "whole", "refused", "Verdict", "Ticket", "vpn-edge"}
    assert wanted <= set(reached)
    browser.find(".chips [data-value=missing]").send_keys(" ")
    assert browser.texts(".rows tbody .badge") == ["missing"]


def test_ten_thousand_rows_are_paged_and_searched(browser: Browser, others: Path) -> None:
    browser.open(others / "large.html")
    assert _rows(browser) == 100
    assert browser.find("#said").text.endswith("1 to 100 of 10,000")
    browser.find("#next").click()
    assert browser.find("#said").text.endswith("101 to 200 of 10,000")
    browser.find("#search").send_keys("host-09999")
    assert browser.texts(".rows tbody .name") == ["host-09999.example.com"]


def test_printing_shows_every_row_that_was_found(browser: Browser, others: Path) -> None:
    browser.open(others / "large.html")
    browser.find(".chips [data-value=refused]").click()
    assert _rows(browser) == 100
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert _rows(browser) == 1_250


def test_the_navigation_leads_to_every_page_and_back(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    for page in (*PAGES[1:], PAGES[0]):
        browser.find(f'nav a[href="{page}"]').click()
        assert browser.driver.current_url == (pages / page).as_uri()
        assert browser.find("nav a[aria-current]").get_attribute("href") == (pages / page).as_uri()


def test_a_ticket_leads_to_its_story_and_back(browser: Browser, pages: Path) -> None:
    browser.open(pages / "ledger.html")
    link = browser.find(".rows tbody a.name")
    name = link.text
    link.click()
    assert browser.find("h1").text == name
    assert len(browser.all(".story > li")) >= 2
    browser.find('nav a[href="../ledger.html"]').click()
    assert browser.find("h1").text == "Ledger"


def test_no_link_of_the_site_is_broken(pages: Path, browser: Browser) -> None:
    for page in (*PAGES, TICKET):
        browser.open(pages / page)
        targets = browser.run(
            "return [...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))"
        )
        inside = [target for target in targets if not target.startswith(("#", "https://github.example/"))]
        assert [target for target in inside if not (pages / page).parent.joinpath(target).exists()] == []


def test_times_follow_the_chosen_zone_everywhere_and_stay_so(browser: Browser, pages: Path) -> None:
    browser.open(pages / "index.html")
    row = "//tr[.//*[text()='shop-prod-01']]//td[contains(@class,'c-move')]//*[@class='under']"
    cell = browser.driver.find_element("xpath", row)
    assert cell.text == "Sat 2026-11-28 22:00 to Sun 02:00 UTC"
    Select(browser.find("#zone")).select_by_visible_text("Local (Europe/Berlin)")
    cell = browser.driver.find_element("xpath", row)
    assert cell.text == "Sat 2026-11-28 23:00 to Sun 03:00 CET"
    assert "13:00 CET" in browser.find("footer").text
    browser.driver.get((pages / "timeline.html").as_uri())
    assert "Sat 2026-11-28 23:00 CET" in browser.find("main table").text
    Select(browser.find("#zone")).select_by_visible_text("UTC")
    assert "Sat 2026-11-28 22:00 UTC" in browser.find("main table").text


def test_colours_follow_the_system(browser: Browser, pages: Path) -> None:
    browser.prefer("dark")
    browser.open(pages / "index.html")
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 24)"
    assert browser.find("#theme").text == "Light"


def test_a_reader_chooses_the_colours_and_the_choice_stays(browser: Browser, pages: Path) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    browser.open(pages / "index.html")
    light = browser.run(background)
    browser.find("#theme").click()
    dark = browser.run(background)
    assert light != dark
    browser.driver.refresh()
    assert browser.run(background) == dark
    browser.find("#theme").click()
    assert browser.run(background) == light


def _drawn(browser: Browser) -> list[list[float]]:
    """Start and stop that each bar shows, computed back from its place in the picture and the axis."""
    found: list[list[float]] = browser.run(
        """
        const svg = document.getElementById("timeline");
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("rect.bar")].map((bar) => {
          const at = bar.getBoundingClientRect();
          return [(at.left - box.left) / box.width, (at.right - box.left) / box.width];
        });
        """
    )
    return found


def test_the_bars_of_the_timeline_stand_where_the_data_say(browser: Browser, pages: Path) -> None:
    plan = REPORT.plan
    assert plan is not None
    browser.open(pages / "timeline.html")
    browser.find("#fit").click()
    svg = browser.find("#timeline")
    start, stop = (float(svg.get_attribute(name) or 0) for name in ("data-start", "data-stop"))
    wanted = [(bar.schedule.start.timestamp(), bar.end.timestamp()) for bar in bars(plan.steps)]
    width = 1_200
    for (left, right), (begins, ends) in zip(_drawn(browser), wanted, strict=True):
        assert left == pytest.approx((begins - start) / (stop - start), abs=1.5 / width)
        assert right == pytest.approx(max((ends - start) / (stop - start), left + 2 / width), abs=2.5 / width)


def test_the_timeline_zooms_and_moves_by_buttons_and_keys(browser: Browser, pages: Path) -> None:
    browser.open(pages / "timeline.html")
    browser.find("#fit").click()
    before = _drawn(browser)
    browser.find("#zoom-in").click()
    zoomed = _drawn(browser)
    assert zoomed[0][0] == pytest.approx(0.5 + (before[0][0] - 0.5) * 2, abs=0.01) or zoomed[0][0] <= 0
    browser.find("#zoom-out").click()
    assert _drawn(browser) == before
    browser.find(".picture").click()
    browser.press("\ue014")
    assert _drawn(browser)[-1][0] == pytest.approx(before[-1][0] - 0.4, abs=0.01)
    browser.press("0")
    assert _drawn(browser) == before


def test_the_now_line_stands_at_the_time_of_the_plan(browser: Browser, pages: Path) -> None:
    browser.open(pages / "timeline.html")
    browser.find("#fit").click()
    place = browser.run(
        "const svg = document.getElementById('timeline'); return [svg.querySelector('.now').x1.baseVal.value"
        " / svg.viewBox.baseVal.width, Number(svg.dataset.start), Number(svg.dataset.stop)]"
    )
    assert place[0] == pytest.approx((builders.NOW.timestamp() - place[1]) / (place[2] - place[1]), abs=0.001)


def test_without_scripts_the_first_rows_are_there(pages: Path) -> None:
    text = (pages / "index.html").read_text()
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    plan = REPORT.plan
    assert plan is not None
    assert table.count("<tr") == len(plan.steps)
    assert "Sat 2026-11-28 22:00</time> to <time" in table


def test_scripts_draw_the_rows_as_they_stand_in_the_page(browser: Browser, pages: Path) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.driver.get((pages / "index.html").as_uri())
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    still = browser.texts(".rows tbody td")
    browser.open(pages / "index.html")
    assert browser.texts(".rows tbody td") == still


@pytest.mark.parametrize("page", ["hostile.html", *(f"hostile-{name}" for name in PAGES)])
def test_hostile_text_stays_text(browser: Browser, others: Path, page: str) -> None:
    browser.open(others / page)
    assert browser.said() == []
    allowed = (
        "html head meta title style body a header div span nav label select option button main h1 h2 p strong ul li dl "
        "dt dd table caption thead tbody tr th td input code time noscript script footer svg g rect line text circle "
        "wbr"
    )
    found = set(
        browser.run("return [...document.querySelectorAll('*')].map((element) => element.tagName.toLowerCase())")
    )
    assert found <= set(allowed.split())
    assert browser.run("return [...document.querySelectorAll('[onerror], img, iframe')].length") == 0
    links = browser.run("return [...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))")
    assert {link for link in links if not link.startswith(("#", "tickets/"))} <= set(PAGES)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("page", PAGES[:4])
def test_pictures_of_the_main_pages_are_kept(browser: Browser, pages: Path, page: str, size: tuple[int, int]) -> None:
    browser.size(size)
    browser.open(pages / page)
    picture = SCREENSHOTS / f"{Path(page).stem}-{'desktop' if size == DESKTOP else 'phone'}.png"
    browser.picture(picture)
    assert picture.stat().st_size > 10_000


def test_the_plan_that_is_shown_has_something_of_every_group() -> None:
    plan = REPORT.plan
    assert plan is not None
    assert {step.group for step in plan.steps} == set(Group)
    assert REPORT.heartbeat == builders.NOW - timedelta(hours=3)
    assert len(ledgers.lines()) > 80
