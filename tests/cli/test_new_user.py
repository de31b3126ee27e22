"""A new user's first session: from an empty folder to an applied decision, without an editor."""

from tests.cli.desk import FIRST, Desk
from tests.cli.terminals import on_terminal


def test_from_an_empty_folder_to_an_applied_decision(desk: Desk) -> None:
    (desk.folder / "reconciler.yaml").unlink()
    environ = {"TPP_URL": desk.sandbox.url, "TPP_TOKEN": desk.sandbox.token}

    def session(*typed: str, answers: dict[str, str] | None = None) -> str:
        terminal = on_terminal(desk.folder, *typed, environ=environ, answers=answers)
        assert terminal.wait() == 0, terminal.text
        return terminal.text.replace("\r\n", "\n")

    seen = session("list", "--undecided")
    assert "www.example.com" in seen
    assert "in no manifest" in seen
    said = session(
        "decide", "www.example.com", "--status", "Rejected", "--explanation", "off", "--change", "CHG0000001"
    )
    assert f"www.example.com {FIRST[:8]}: Rejected" in said
    assert "Nothing was sent." in said
    assert "valid: 1 decision in 1 file" in session("validate")
    planned = session("plan", "--out", "plan.json")
    assert "warning: no reconciler.yaml was found, so no policy applies" in planned
    assert "1 of them takes effect at once and can't be undone." in planned
    applied = session("apply", "plan.json", "--no-policy", answers={"Apply 1 change?": "y"})
    assert "Nothing is left to do." in applied
    assert f"{FIRST[:8]}" in session("ledger", "log", "--ticket", "www.example.com")
    assert len(desk.writes()) == 1
