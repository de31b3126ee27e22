"""`reconciler github summary | verdict | statement | merge-plans | merge-runs`: files made of plans and reports."""

import hashlib
import json
import os
from pathlib import Path

import click

from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.model.verdict import Group

_FILE = click.Path(path_type=Path, dir_okay=False)
_FILES = click.argument("files", nargs=-1, type=_FILE)
_OUT = click.option("--out", type=_FILE, required=True, help="The file to write.")
SUMMARY_BYTES = 900_000
"""Bytes of one job summary; GitHub drops one of more than 1 MiB whole."""
_INDENT = 2


@click.command()
@click.option("--plan", type=_FILE, help="A saved plan.")
@click.option("--run", "report", type=_FILE, help="The report of a run.")
def summary(plan: Path | None, report: Path | None) -> None:
    """Write a plan or the report of a run to the job summary."""
    from reconciler.app.plan import read_plan
    from reconciler.cli.actions import page_of, this_event
    from reconciler.github.output import append_summary
    from reconciler.rendering.markdown.plan import plan_markdown
    from reconciler.rendering.markdown.run import run_markdown

    page = page_of(this_event(), SUMMARY_BYTES)
    texts = [plan_markdown(read_plan(plan), page)] if plan is not None else []
    texts += [run_markdown(load_run(report), page)] if report is not None else []
    for text in texts:
        if not append_summary(os.environ, text):
            click.echo(text, nl=False)


@click.command()
@click.option("--plan", type=_FILE, default="plan.json", show_default=True, help="The saved plan.")
@click.option("--advisory/--binding", help="Succeed even when tickets need attention [default: binding].")
def verdict(plan: Path, advisory: bool) -> int:
    """Write a plan to the job summary and its figures to the outputs, and leave with its exit code."""
    from reconciler.app.plan import read_plan
    from reconciler.cli.actions import page_of, this_event
    from reconciler.cli.exit_codes import Exit, of_plan
    from reconciler.github.output import append_summary, set_outputs
    from reconciler.rendering.markdown.plan import plan_markdown

    made = read_plan(plan)
    append_summary(os.environ, plan_markdown(made, page_of(this_event(), SUMMARY_BYTES)))
    set_outputs(os.environ, figures_of(made))
    code = of_plan(made)
    return int(Exit.OK if advisory and code in (Exit.ATTENTION, Exit.REFUSED) else code)


def figures_of(plan: Plan) -> dict[str, str]:
    """Return what a workflow decides by: how much changes, how much needs a person, and the digest."""
    persons = sum(step.group is Group.ATTENTION for step in plan.steps)
    return {"digest": plan.digest, "changes": str(len(plan.changes)), "persons": str(persons)}


@click.command()
@click.option("--run", "report", type=_FILE, default="run.json", show_default=True, help="The report of the run.")
@click.option("--predicate", type=_FILE, help="Write the predicate alone too, as actions/attest takes it.")
@click.argument("subjects", nargs=-1, type=_FILE)
@_OUT
def statement(report: Path, predicate: Path | None, subjects: tuple[Path, ...], out: Path) -> None:
    """Write the in-toto statement about a run; its subjects are the report and SUBJECTS, such as plan and ledger."""
    from reconciler.app.reviews import provenance_of
    from reconciler.cli.actions import open_actions
    from reconciler.github.statement import predicate_of, statement_of

    run, actions = load_run(report), open_actions()
    review, why = actions.review()
    if why:
        click.echo(f"statement: {why}", err=True)
    said = predicate_of(run, provenance_of(os.environ, run.target, run.environment, review))
    digests = {path.name: _digest(path) for path in (report, *subjects)}
    out.write_text(json.dumps(statement_of(digests, said), indent=_INDENT) + "\n", encoding="utf-8")
    if predicate is not None:
        predicate.write_text(json.dumps(said, indent=_INDENT) + "\n", encoding="utf-8")


@click.command()
@_FILES
@_OUT
def merge_plans(files: tuple[Path, ...], out: Path) -> None:
    """Merge the plans of all shards to the plan of the whole; an absent shard is an error."""
    from reconciler.app.plan import merge_files

    merge_files(files, out)


@click.command()
@_FILES
@_OUT
def merge_runs(files: tuple[Path, ...], out: Path) -> None:
    """Merge the reports of all shards; an absent shard is an error, because nobody knows what it did."""
    from reconciler.planning.merge import merge_runs as merge
    from reconciler.rendering.json_text import run_json

    out.write_text(run_json(merge([load_run(path) for path in files])), encoding="utf-8")


def load_run(path: Path) -> Run:
    """Read the report of a run. Raises InvalidInput when it is not there or not what `apply --out` writes."""
    from reconciler.codec import decode_run

    try:
        return decode_run(path.read_bytes())
    except OSError as fault:
        message = f"the report of the run can't be read: {fault.strerror}"
    except ValueError as fault:
        message = f"this is no report of a run: {fault}"
    problem = Problem("run-file/invalid", Source(str(path)), message, "apply writes it with --out")
    raise InvalidInput((problem,)) from None


def _digest(path: Path) -> str:
    try:
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as fault:
        problem = Problem("statement/subject", Source(str(path)), f"the file can't be read: {fault.strerror}")
        raise InvalidInput((problem,)) from None
