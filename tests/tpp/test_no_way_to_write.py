"""A session that reads can't reach UpdateStatus: by what it was made with, and by who may make a writer."""

import re
from pathlib import Path

import pytest

import reconciler
from reconciler.tpp import client as calls
from reconciler.tpp import writer
from reconciler.tpp.client import CONTEXT_READS, READS
from tests.tpp.conftest import Tpp

PACKAGE = Path(reconciler.__file__).parent


def test_a_session_refuses_update_status_before_anything_is_sent(tpp: Tpp) -> None:
    with pytest.raises(PermissionError, match="this client was not made for update-status"):
        tpp.session.client.call(writer._UPDATE_STATUS, b"{}", lambda outcome: (outcome, None))
    assert tpp.sandbox.log.entries == ()


def test_everything_that_a_session_can_send_is_a_read() -> None:
    defined = {value for value in vars(calls).values() if isinstance(value, calls.Call)}
    assert defined == READS | CONTEXT_READS
    assert not [call for call in defined if any(word in call.path.lower() for word in ("update", "create", "delete"))]


def test_update_status_is_named_as_a_call_in_one_file_of_this_room() -> None:
    naming = [path for path in (PACKAGE / "tpp").glob("*.py") if 'Ticket/UpdateStatus"' in path.read_text("utf-8")]
    assert [path.name for path in naming] == ["writer.py"]


@pytest.mark.parametrize(
    ("what", "by"),
    [
        ("reconciler.tpp.writer", {"tpp/backend.py"}),
        ("reconciler.app.apply", {"cli/apply.py", "app/emergency.py", "cli/emergency.py", "__init__.py"}),
    ],
)
def test_only_what_applies_makes_a_writer(what: str, by: set[str]) -> None:
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in sources.items() if f"from {what} import" in text} == by


def test_only_apply_asks_the_table_of_backends_for_a_writer() -> None:
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in sources.items() if re.search(r"import .*\bticket_writer\b", text)} == {
        "app/apply.py",
        "tpp/backend.py",
    }
    assert {name for name, text in sources.items() if ".writer(" in text} == {"app/context.py"}
