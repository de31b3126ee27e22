"""`reconciler github run`: the action's inputs as a command line, and its result as the action's outputs."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

PREFIX = "RECONCILER_INPUT_"
_REFUSED = 3
_PENDING = 10
"""The exit code of `plan --exit-code` for changes: it tells something and is no failure of the step."""


@click.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the command that RECONCILER_INPUT_COMMAND and its companions describe, in this process.

    In this process, so that the signal of a cancelled job reaches it.
    """
    from reconciler.cli.main import main
    from reconciler.github.output import set_outputs

    inputs = {name.removeprefix(PREFIX).lower(): value for name, value in os.environ.items() if name.startswith(PREFIX)}
    arguments = arguments_of(inputs, os.environ.get("GITHUB_EVENT_NAME", ""))
    plan, report = files_of(inputs)
    if stale := {"plan": plan, "apply": report}.get(arguments[0]):
        stale.unlink(missing_ok=True)
    try:
        main(arguments)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    if arguments[0] == "validate":
        _summarise_validation(inputs)
    set_outputs(os.environ, {"exit-code": str(code), **_ledger(inputs), **_results(plan, report)})
    superseded = arguments[0] == "apply" and code == _REFUSED and _tells_of_a_newer_commit(report)
    ctx.exit(0 if superseded or code in _tolerated(arguments[0], inputs.get("tolerate", "")) else code)


def _ledger(inputs: Mapping[str, str]) -> dict[str, str]:
    """Return where the ledger is, for a step that rescues it; nothing when the configuration can't be read."""
    from reconciler.cli.options import Invocation
    from reconciler.errors import ReconcilerError

    config = inputs.get("config", "").strip()
    try:
        settings = Invocation(
            Path(config) if config else None, inputs.get("environment", "").strip() or None
        ).settings()
    except ReconcilerError:
        return {}
    return {"ledger": settings.ledger}


def _tells_of_a_newer_commit(report: Path) -> bool:
    """Say whether an apply did nothing because the branch has a newer commit, and name that one: all is well then."""
    from reconciler.app.apply import SUPERSEDED
    from reconciler.cli.github_files import load_run
    from reconciler.errors import ReconcilerError
    from reconciler.rendering.escape import github_data

    try:
        stopped = load_run(report).stopped or ""
    except ReconcilerError:
        return False
    if not stopped.startswith(f"{SUPERSEDED}: "):
        return False
    click.echo(f"::notice title={SUPERSEDED}::{github_data(stopped.removeprefix(f'{SUPERSEDED}: '))}")
    return True


def arguments_of(inputs: Mapping[str, str], event: str = "") -> list[str]:
    """Return the command line of the inputs. Lists stand one item a line, so that no text is ever split by a shell.

    The plan of a scheduled run looks at settled tickets, too: nobody waits for it.
    """
    words = inputs.get("command", "").split()
    if not words:
        raise click.UsageError("the action's input `command` is empty: name a command such as plan")
    if any(word.startswith("-") for word in words):
        raise click.UsageError("the action's input `command` takes a command; options belong in `arguments`")
    plan, report = files_of(inputs)
    match words[0]:
        case "validate":
            words += ["--format", "github"]
        case "plan":
            words += ["--out", str(plan), "--exit-code", *(["--recheck"] if event == "schedule" else [])]
        case "apply":
            words += ["--yes", "--out", str(report)]
        case "github":
            words += ["--branch", inputs.get("ledger_branch", "")]
    for name, option in (("environment", "--env"), ("config", "--config"), ("shard", "--shard")):
        if value := inputs.get(name, "").strip():
            words += [option, value]
    if reviewed := inputs.get("reviewed", "").strip():
        words += ["--reviewed", reviewed]
    paths = _lines(inputs.get("paths", ""))
    return [*words, *_lines(inputs.get("arguments", "")), *(["--", *paths] if paths else [])]


def files_of(inputs: Mapping[str, str]) -> tuple[Path, Path]:
    """Return where the plan and the report of the run are written."""
    return Path(inputs.get("plan") or "plan.json"), Path(inputs.get("report") or "run.json")


def _summarise_validation(inputs: Mapping[str, str]) -> None:
    """Write every fault to the job summary: annotations show ten of a kind."""
    from reconciler.app.context import SystemClock
    from reconciler.app.validate import validate
    from reconciler.cli.actions import page_of, this_event
    from reconciler.cli.github_files import SUMMARY_BYTES
    from reconciler.errors import ReconcilerError
    from reconciler.github.output import append_summary
    from reconciler.rendering.markdown.plan import problems_markdown

    config, environment = inputs.get("config", "").strip(), inputs.get("environment", "").strip()
    try:
        checked = validate(
            _lines(inputs.get("paths", "")),
            config=Path(config) if config else None,
            environment=environment or None,
            environ=os.environ,
            now=SystemClock().now(),
        )
    except ReconcilerError:
        return
    append_summary(os.environ, problems_markdown(checked.problems, page_of(this_event(), SUMMARY_BYTES)))


def _tolerated(command: str, listed: str) -> set[int]:
    try:
        codes = {int(code) for code in listed.split()}
    except ValueError:
        raise click.UsageError(f"the action's input `tolerate` takes numbers, not {listed!r}") from None
    return codes | {0} | ({_PENDING} if command == "plan" else set())


def _results(plan: Path, report: Path) -> dict[str, str]:
    from reconciler.app.plan import read_plan
    from reconciler.cli.github_files import figures_of
    from reconciler.errors import ReconcilerError

    found = {"report": str(report)} if report.exists() else {}
    try:
        made = read_plan(plan)
    except ReconcilerError:
        return found
    return found | {"plan": str(plan), **figures_of(made)}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
