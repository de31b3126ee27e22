"""Comments as GitHub renders them, on a phone and on a desk: nothing scrolls sideways, the question comes first."""

from pathlib import Path

import pytest

from tests.rendering.browser import Browser
from tests.rendering.comments import COMMENTS
from tests.rendering.conftest import SCREENSHOTS
from tests.rendering.github_page import page_of

pytestmark = pytest.mark.slow

SIZES = {"phone": (390, 844), "desk": (1200, 900)}


@pytest.fixture(scope="session")
def comments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comments")
    for name, made in COMMENTS.items():
        (folder / f"{name}.html").write_text(page_of(made(), name), encoding="utf-8")
    return folder


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_never_scrolls_sideways(browser: Browser, comments: Path, name: str, size: str) -> None:
    browser.size(SIZES[size])
    browser.open(comments / f"{name}.html")
    assert not browser.scrolls_sideways()
    wide = (
        "return [...document.querySelectorAll('p, li, h2, h3')].filter((each) => each.scrollWidth > each.clientWidth)"
    )
    assert browser.run(f"{wide}.map((each) => each.textContent)") == []
    browser.picture(SCREENSHOTS / f"comment-{name}-{size}.png")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "asked", "final", "when", "urgent"),
    [
        ("one-ticket", "Approve 1 certificate request?", "1 can't be undone", "at once", ""),
        ("only-rejections", "Reject 23 certificate requests?", "23 can't be undone", "at once", ""),
        (
            "fourteen-two-refused",
            "Reject 2 and approve 10",
            "8 can't be undone",
            "4 start Sun",
            "app042.example.com: “expires",
        ),
        (
            "four-hundred",
            "Approve 394 certificate requests?",
            "250 can't be undone",
            "144 start Sun",
            "app007.example.com",
        ),
        ("second-push", "Reject 2 and approve 10", "8 can't be undone", "start Sun 2026-11-29 23:00", "waiting 6 days"),
        ("policy-only", "and change the rules?", "1 can't be undone", "at once", ""),
        ("removal", "Remove 3 certificate decisions?", "2 will still run", "Sun 2026-11-29 23:00", ""),
    ],
)
def test_the_first_600_characters_say_what_is_asked_what_is_final_when_and_what_is_urgent(
    browser: Browser, comments: Path, name: str, asked: str, final: str, when: str, urgent: str, size: str
) -> None:
    browser.size(SIZES[size])
    browser.open(comments / f"{name}.html")
    first = " ".join(browser.run("return document.querySelector('.markdown-body').innerText").split())[:600]
    assert [said for said in (asked, final, when, urgent) if said not in first] == [], first
    assert ("Urgent:" in first) is bool(urgent)


@pytest.mark.parametrize("name", ["fourteen-two-refused", "four-hundred", "second-push"])
def test_the_head_fits_the_first_screen_of_a_phone(browser: Browser, comments: Path, name: str) -> None:
    browser.size(SIZES["phone"])
    browser.open(comments / f"{name}.html")
    assert browser.run("return document.querySelector('h3').getBoundingClientRect().top < innerHeight")
