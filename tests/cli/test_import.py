"""Import at its limits: thousands of tickets, interruptions, files of other people, tickets of others."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.app.import_tickets import write_entries
from reconciler.manifests.write import NewEntry
from reconciler.model.decision import Expectation
from reconciler.sandbox.seed import JANE
from reconciler.sandbox.world import World
from tests.builders import guid
from tests.cli.repo import FIRST, SECOND, THIRD, Repo
from tests.cli.terminals import on_terminal

MANY = 2_000
STRANGER = "d41d8cd9-8f00-4204-a980-0998ecf8427e"


def _at_reading(number: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something when the server looks at a ticket for the `number`th time."""
    true, seen = World.look_up, iter(range(1, 10 * MANY))

    def counted(self: World, *arguments: Any) -> Any:
        if next(seen) == number:
            act()
        return true(self, *arguments)

    monkeypatch.setattr(World, "look_up", counted)


@pytest.mark.slow
def test_thousands_are_imported_with_a_progress_bar_and_resumed_after_an_interruption(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = repo.sandbox.world
    for number in range(MANY - 3):
        world.add_ticket(guid(number), object=rf"\VED\Policy\Web\host-{number}.example.com", new=True)
    environ = {"TPP_TOKEN": repo.sandbox.token}
    terminal = on_terminal(repo.folder, "import", "--mine", environ=environ)
    _at_reading(1_500, lambda: os.kill(terminal.process.pid, signal.SIGINT), monkeypatch)
    assert terminal.wait() == 130, terminal.text[-2_000:]
    assert "Reading tickets" in terminal.text
    assert f"/{MANY}" in terminal.text
    (path,) = (repo.folder / "tickets").rglob("*.yaml")
    assert repo.run("validate").code == 0
    kept = path.read_text(encoding="utf-8").count("- guid: ")
    assert 1_000 <= kept < MANY
    said = repo.run("import", "--format", "json")
    report = json.loads(said.out)
    assert (report["known"], sum(map(len, report["written"].values()))) == (kept, MANY - kept)
    assert f"valid: {MANY:,} decisions" in repo.run("validate").out


def test_permissions_are_refreshed_before_anything_is_listed(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, object=r"\VED\Policy\Web\new.example.com", new=True)
    assert "4 new tickets" in repo.run("import").out
    called = [entry.operation for entry in repo.sandbox.log.entries]
    assert called.index("permissionsRefresh") < called.index("ticketEnumerate")


def test_tickets_of_others_are_written_and_named(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, object=r"\VED\Policy\Web\x.example.com", approvers=(JANE.name,))
    repo.write("guids.txt", f"{STRANGER}\n{FIRST}\n")
    report = json.loads(repo.run("import", "--file", "guids.txt", "--format", "json").out)
    assert report["not_ours"] == [STRANGER]
    assert f"approvers {JANE.universal}" in next((repo.folder / "tickets").rglob("*.yaml")).read_text(encoding="utf-8")
    repo.write("again.txt", f"{STRANGER}\n")
    assert "0 new tickets, 1 known already" in repo.run("import", "--file", "again.txt").out


def test_tickets_that_are_denied_are_named(repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, denied=("local:svc-approver",))
    repo.write("guids.txt", f"{STRANGER}\n")
    said = repo.run("import", "--file", "guids.txt")
    assert said.code == 0
    assert "1 ticket: the server does not let us see them" in said.out
    assert STRANGER in said.out


@pytest.mark.parametrize(
    ("head", "entry"),
    [
        (
            "# ours\r\nversion: 1\r\ntickets:   # all\r\n",
            f"- guid: {FIRST}   # odd\r\n  status: Pending\r\n# the end\r\n",
        ),
        ("\ufeffversion: 1\ntickets:\n", f"    - {{guid: {FIRST}, status: Pending}}\n\n\n"),
        ("{version: 1, tickets: [", f"{{guid: '{FIRST}', status: Pending}}]}}\n"),
        ("version: 1\ntickets:\n", f"  -\n    status: Pending\n    guid: {FIRST}"),
    ],
)
def test_every_byte_of_a_file_stays_when_entries_are_added(repo: Repo, head: str, entry: str) -> None:
    path = repo.folder / "tickets/web.yaml"
    path.parent.mkdir()
    path.write_bytes((head + entry).encode())
    repo.run("import", "--layout", "tickets/web.yaml")
    after = path.read_bytes().decode()
    taken = iter(after)
    assert all(char in taken for char in head + entry)  # in this order, with more between
    assert after.startswith(head)
    assert "valid: 3 decisions" in repo.run("validate").out
    assert (SECOND in after, THIRD in after) == (True, True)
    assert ("\r\n" in head) == ("\r\n" in after)
    assert after.count("\n") == after.count("\r\n") or "\r\n" not in after


_TEXTS = st.sampled_from(["", "  # ünï", "\t# tab", " "])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(_TEXTS, st.booleans(), st.integers(0, 2)), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_to_disk_keeps_every_line_of_before(
    tmp_path: Path, entries: list[tuple[str, bool, int]], newline: str, ended: bool
) -> None:
    lines = ["# ours", "version: 1", "tickets:"]
    for number, (comment, flow, gap) in enumerate(entries):
        one = f"  - {{guid: {guid(number)}, status: Pending}}{comment}"
        lines += [one] if flow else [f"  - guid: {guid(number)}{comment}", "    status: Approved"]
        lines += [""] * gap
    text = newline.join(lines).rstrip() + (newline if ended else "")
    path = tmp_path / "web.yaml"
    path.write_bytes(text.encode())
    new = NewEntry(guid(99), expect=Expectation(r"\VED\Policy\Web\new"), comments=("why",))
    write_entries(str(path), [new])
    after = path.read_bytes().decode()
    assert after.startswith(text)
    assert after[len(text) :].replace(newline, "\n").lstrip("\n") == (
        f"  # why\n  - guid: {guid(99)}\n    status: Pending\n    expect:\n      object: \\VED\\Policy\\Web\\new\n"
    )


def test_a_configuration_that_names_one_file_gets_its_entries_there(repo: Repo) -> None:
    config = (repo.folder / "reconciler.yaml").read_text(encoding="utf-8")
    repo.write("reconciler.yaml", config.replace("tickets: [tickets]", "tickets: [all.yaml]"))
    assert "wrote 3 tickets to all.yaml" in repo.run("import").out
    assert "0 new tickets, 3 known already" in repo.run("import").out


@pytest.mark.parametrize("layout", ["elsewhere/{object}.yaml", "tickets-of-others.yaml", "{folder}.yaml"])
def test_a_layout_outside_of_the_manifests_is_refused(repo: Repo, layout: str) -> None:
    said = repo.run("import", "--layout", layout)
    assert (said.code, "is not among the manifests that the configuration names: tickets" in said.err) == (2, True)


def test_a_file_in_the_place_of_a_folder_is_told_and_not_a_bug(repo: Repo) -> None:
    repo.write("tickets/web.yaml", f"version: 1\ntickets:\n  - {{guid: {FIRST}, status: Pending}}\n")
    repo.write("tickets/web", "in the way")
    said = repo.run("import", "--layout", "tickets/web/{object}.yaml")
    assert (said.code, "tickets/web: error: the file can't be written: " in said.err) == (1, True), said.err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("host\x07bell", False),
        ("two\nlines", False),
        ("x" * 1200, False),
        ("zero\u200bwidth", True),
        ("turned\u202etxt", True),
        ("\u2028line", True),
        ("plain #3: a", True),
    ],
)
def test_what_is_imported_is_valid_whatever_an_object_is_called(name: str, expected: bool, repo: Repo) -> None:
    repo.sandbox.world.add_ticket(STRANGER, object="\\VED\\Policy\\Web\\" + name, new=True)
    assert "4 new tickets" in repo.run("import").out
    assert repo.run("validate").code == 0
    text = "".join(path.read_text(encoding="utf-8") for path in (repo.folder / "tickets").rglob("*.yaml"))
    entry = text[text.index(STRANGER) :].partition("- guid")[0]
    assert ("object:" in entry) is expected
    assert ("not to be expected in a manifest: object" in text) is not expected
    assert repo.run("plan").code == 0
