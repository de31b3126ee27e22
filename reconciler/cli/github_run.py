"""`reconciler github run`: the action's inputs as a command line, and its result as the action's outputs."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

PREFIX = "RECONCILER_INPUT_"
_TOLERATED = {"plan": {10}}
"""Exit codes that tell something and are no failure of the step."""


@click.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the command that RECONCILER_INPUT_COMMAND and its companions describe, in this process.

    In this process, so that the signal of a cancelled job reaches it.
    """
    from reconciler.cli.main import main
    from reconciler.github.summary import set_outputs

    inputs = {name.removeprefix(PREFIX).lower(): value for name, value in os.environ.items() if name.startswith(PREFIX)}
    arguments = arguments_of(inputs)
    plan, report = files_of(inputs)
    for stale in (plan, report):
        stale.unlink(missing_ok=True)
    try:
        main(arguments)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    set_outputs(os.environ, {"exit-code": str(code), **_results(plan, report)})
    ctx.exit(0 if code in _TOLERATED.get(arguments[0], set()) else code)


def arguments_of(inputs: Mapping[str, str]) -> list[str]:
    """Return the command line of the inputs. Lists stand one item a line, so that no text is ever split by a shell."""
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
            words += ["--out", str(plan), "--exit-code"]
        case "apply":
            words += ["--yes", "--out", str(report)]
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


def _results(plan: Path, report: Path) -> dict[str, str]:
    from reconciler.errors import ReconcilerError
    from reconciler.ledger.plan_files import load_plan
    from reconciler.model.verdict import Group

    found = {"report": str(report)} if report.exists() else {}
    try:
        made = load_plan(plan)
    except ReconcilerError:
        return found
    persons = sum(step.group is Group.PERSON for step in made.steps)
    told = {"plan": str(plan), "digest": made.digest, "changes": str(len(made.changes)), "persons": str(persons)}
    return found | told


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
