"""`validate`, `schema` and `windows` as a user calls them: offline, without credentials, with the right exit code."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli.main import main
from reconciler.manifests.schema import text
from tests.manifests.corpus import EXAMPLES, INVALID

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line; the answer is exit code, standard output and standard error."""
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")

    def called(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return called


def test_the_examples_are_valid(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    assert call("validate") == (0, "valid: 5 decisions in 2 files\n", "")
    code, out, _ = call("validate", "campaigns", "--env", "staging")  # its comment asks for another date first
    assert (code, out.count(" error: "), "is too far ahead [rule-too-long]" in out) == (1, 1, True)


def test_faults_of_manifests_and_configuration_are_told_together(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reconciler.yaml").write_text("version: 1\nwindows: {sat-night: {start: '22:00', rule: FREQ=DAILY}}\n")
    Path("web.yaml").write_text((INVALID / "schema" / "status-wrong-case.yaml").read_text())
    assert call("validate", "web.yaml") == (
        1,
        "reconciler.yaml:2:22: error: `duration` is missing in `sat-night` [schema/missing-key]\n"
        "    help: add `duration: …`\n"
        "web.yaml:4:13: error: `status` can't be `approved` [schema/value]\n"
        "    help: did you mean `Approved`?\n"
        "2 errors found\n",
        "",
    )


def test_a_window_with_a_faulty_definition_is_not_also_called_unknown(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "reconciler.yaml"
    config.write_text("version: 1\nwindows: {sat-night: {start: soon}}\n")
    code, out, _ = call("validate", "--config", str(config), str(EXAMPLES / "campaigns"))
    assert (code, out.count("error:")) == (1, 1)


def test_no_manifests_is_a_fault(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("validate") == (
        1,
        "tickets: error: there is no such file or folder [file/missing]\n    help: check the path\n1 error found\n",
        "",
    )


def test_as_json_a_program_can_read_it(call: Call) -> None:
    code, out, _ = call("validate", str(INVALID / "schema" / "status-wrong-case.yaml"), "--format", "json")
    (problem,) = json.loads(out)["problems"]
    assert (code, problem["code"], problem["line"], problem["column"]) == (1, "schema/value", 4, 13)


def test_on_github_lines_are_annotated_from_the_root_of_the_repository(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(INVALID.parent))
    monkeypatch.chdir(INVALID)
    code, out, _ = call("validate", "schema/status-wrong-case.yaml", "--format", "github")
    assert (code, out) == (
        1,
        "::error file=invalid/schema/status-wrong-case.yaml,title=schema/value,line=4,endLine=4,col=13"
        "::`status` can't be `approved`%0Ahelp: did you mean `Approved`?\n",
    )


def test_as_sarif_for_code_scanning(call: Call) -> None:
    code, out, _ = call("validate", str(INVALID / "schema" / "status-wrong-case.yaml"), "--format", "sarif")
    (run,) = json.loads(out)["runs"]
    assert (code, [result["ruleId"] for result in run["results"]]) == (1, ["schema/value"])


def test_a_schema_is_printed_for_editors(call: Call) -> None:
    assert call("schema", "decisions") == (0, text("decisions"), "")
    assert call("schema") == (0, "config\ndecisions\nledger\nplan\npredicate\nreceipt\nrules\n", "")
    assert call("schema", "nothing")[0] == 2


def test_windows_are_previewed_from_a_time_on(call: Call) -> None:
    config = str(EXAMPLES / "reconciler.yaml")
    assert call("windows", "--config", config, "--at", "2036-06-14T00:00:00Z", "--count", "1") == (
        0,
        "data-centre-move: once\n"
        "  Sat 2036-06-14 18:00 to Sun 2036-06-15 02:00 UTC (Sat 20:00 to Sun 04:00 Europe/Berlin)\n"
        "sat-night: FREQ=WEEKLY;BYDAY=SA, Europe/Berlin\n"
        "  Sat 2036-06-14 20:00 to Sun 2036-06-15 00:00 UTC (Sat 22:00 to Sun 02:00 Europe/Berlin)\n",
        "",
    )
    code, out, _ = call("windows", "--config", config, "--format", "json")
    assert (code, [window["name"] for window in json.loads(out)["windows"]]) == (0, ["data-centre-move", "sat-night"])


def test_windows_need_a_time_that_is_one(call: Call) -> None:
    code, out, err = call("windows", "--at", "tomorrow")
    assert (code, out) == (2, "")
    assert "'tomorrow' is no time with an offset" in err


def test_no_windows_is_said_on_standard_error(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("windows") == (0, "", "no windows are defined; define them under `windows` in the configuration\n")


def test_fmt_names_what_is_not_in_order_and_then_puts_it_in_order(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    messy = b"tickets:\r\n- {status: Pending, guid: 6ede0e12-f7c0-4068-9977-001076205c84}\r\nversion: 1\r\n"
    Path("web.yaml").write_bytes(messy)
    assert call("fmt", "--check", "web.yaml") == (1, "not in order: web.yaml\n", "")
    assert Path("web.yaml").read_bytes() == messy
    assert call("fmt", "web.yaml") == (0, "put in order: web.yaml\n", "")
    assert Path("web.yaml").read_bytes() == (
        b"version: 1\r\ntickets:\r\n- {guid: 6ede0e12-f7c0-4068-9977-001076205c84, status: Pending}\r\n"
    )
    assert call("fmt", "--check", "web.yaml") == (0, "", "")


def test_fmt_leaves_faulty_manifests_alone(call: Call) -> None:
    bad = INVALID / "schema" / "status-wrong-case.yaml"
    before = bad.read_bytes()
    code, out, err = call("fmt", str(bad))
    assert (code, out, bad.read_bytes()) == (1, "", before)
    assert "did you mean `Approved`?" in err


def test_a_name_that_a_comment_cuts_off_is_warned_of(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web.yaml").write_text(
        "version: 1\n"
        "tickets:\n"
        "  - guid: 6ede0e12-f7c0-4068-9977-001076205c84\n"
        "    status: Approved\n"
        "    expect:\n"
        "      object: \\VED\\Policy\\Web\\host #3\n"
        "      workflow: '\\VED\\Policy\\Stage #0' # reviewed\n"
    )
    assert call("validate", "web.yaml") == (
        0,
        "web.yaml:6:15: warning: `\\VED\\Policy\\Web\\host` ends before ` #`, which begins a comment"
        " [yaml/comment-in-text]\n"
        "    help: put the text into quotes if `#` belongs to it, else the comment on a line of its own\n"
        "1 warning found\n"
        "valid: 1 decision in 1 file\n",
        "",
    )


def test_a_window_in_an_unknown_zone_is_told_of_once(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reconciler.yaml").write_text(
        "version: 1\ntimezone: Europe/Berlln\n"
        "windows: {sat-night: {rule: FREQ=WEEKLY;BYDAY=SA, start: '22:00', duration: 4h}}\n"
    )
    Path("web.yaml").write_text(
        "version: 1\ntickets:\n  - guid: 6ede0e12-f7c0-4068-9977-001076205c84\n"
        "    status: Approved Between\n    schedule: sat-night\n"
    )
    code, out, _ = call("validate", "web.yaml")
    assert (code, out.count("error:"), "reconciler.yaml:2:11" in out) == (1, 1, True)
