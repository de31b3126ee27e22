"""`reconciler github`: what the workflows call, inside GitHub Actions."""

import os
from datetime import timedelta, tzinfo
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.app.ledger_branch import keep_ledger, pull_ledger, restore_ledger, start_again, stop_all
from reconciler.app.outputs import Output, OutputKind, check_outputs, saved_as, write_output
from reconciler.app.saved_plan import merge_files, read_plan
from reconciler.app.workflow_run import (
    Proposing,
    evidence_about,
    failure_of,
    heartbeat,
    looks_at,
    note_ledger,
    propose,
    read_run,
    report_drift,
    reports_of,
    tell_failure,
    tell_outcome,
)
from reconciler.cli.doctor import github_command as doctor
from reconciler.cli.emergency import emergency
from reconciler.cli.exit_codes import Exit, of_plan
from reconciler.cli.github_run import SUMMARY_BYTES, announce, figures_of, page_of, run, this_event, this_run, warn
from reconciler.cli.logs import start_logging
from reconciler.cli.options import DEFAULT_CONFIG, LOG_DEFAULTS, Invocation, common_options
from reconciler.codec import run_json
from reconciler.errors import ReconcilerError
from reconciler.github.actions import append_summary, set_outputs
from reconciler.github.git import git_from
from reconciler.github.posting import keep_comment
from reconciler.manifests.config import load_settings
from reconciler.manifests.problems import InvalidValue
from reconciler.manifests.times import zone_of
from reconciler.model.settings import Settings
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.planning.merge import merge_runs as merge
from reconciler.rendering.escape import code, terminal
from reconciler.rendering.markdown.plan import drift_markdown, failure_markdown, plan_markdown
from reconciler.rendering.markdown.run import ledger_note, run_markdown
from reconciler.rendering.problems import problems_github
from reconciler.rendering.summary import faults_of_plan, faults_of_run

_FILE = click.Path(path_type=Path, dir_okay=False)
_FILES = click.argument("files", nargs=-1, type=_FILE)
_OUT = click.option("--out", type=_FILE, required=True, help="The file to write.")
_PLAN = click.option("--plan", type=_FILE, default="plan.json", show_default=True, help="The saved plan.")
_RUN = click.option("--run", "report", type=_FILE, default="run.json", show_default=True, help="The report of the run.")
_BRANCH = click.option("--branch", default="reconciler-ledger", show_default=True, help="The branch of the ledger.")
_FAILED = click.option(
    "--failed", type=click.Path(path_type=Path), help="Folder with what parts left, and failed ones of their causes."
)
_COMMENT_BYTES = 64_000


@click.group()
def command() -> None:
    """Work inside GitHub Actions. Reads the variables of the job; the token comes in GITHUB_TOKEN."""
    start_logging(*LOG_DEFAULTS)


command.add_command(doctor)
command.add_command(emergency)
command.add_command(run)


@command.command()
@click.argument("why")
@_BRANCH
def stop(why: str, branch: str) -> None:
    """Have every run, everywhere, start no new write. WHY is what they say; `start` ends it.

    It is a file STOP on the branch of the ledger; a run under way sees it within half a minute. You need the right to
    push to the branch; the file can also be made on GitHub's own pages.
    """
    if not why.strip():
        raise click.BadParameter("say why", param_hint="WHY")
    notice = stop_all(branch, " ".join(why.split()), os.environ, SystemClock())
    click.echo(terminal(str(notice)))


@command.command()
@_BRANCH
def start(branch: str) -> None:
    """End the stop: runs may write again."""
    notice = start_again(branch, os.environ)
    click.echo(terminal(f"ended: {notice}" if notice else f"there is no stop on {branch}"))


def _zone(name: str | None) -> tzinfo | None:
    """Return the zone that a plan names, None when this machine does not know it."""
    try:
        return zone_of(name) if name else None
    except InvalidValue:
        return None


@command.command()
@_PLAN
@click.option("--key", default="", help="Tells the comments of one pull request apart [default: the environment].")
@click.option("--plan-url", default="", help="Where the whole plan is, for what does not fit.")
@_FAILED
def comment(plan: Path, key: str, plan_url: str, failed: Path | None) -> None:
    """Keep the plan's comment on this pull request up to date.

    It begins with what changed since the commit before, and since each reviewer's last review. Without a plan the
    comment says why, because an older one would be about another commit.
    """
    event = this_event()
    if event.pull_request is None or event.pull_request.head_repository != event.repository:
        click.echo("comment: none, this is no pull request of the repository itself", err=True)
        return
    workflow = this_run()
    page = replace(page_of(event, _COMMENT_BYTES), plan_url=plan_url)
    number = event.pull_request.number
    try:
        made = read_plan(plan)
    except ReconcilerError:
        body = failure_markdown("pull request", event.sha, failure_of(failed), page)
        announce(keep_comment(workflow.github, number, kind="plan", key=key or "default", body=body), "comment")
        return
    key = key or made.environment or "default"
    page = replace(page, zone=_zone(made.timezone), looks=looks_at(workflow, made, key))
    body = plan_markdown(made, page)
    announce(keep_comment(workflow.github, number, kind="plan", key=key, body=body), "comment")


@command.command()
@_RUN
@_FAILED
@click.option("--key", default="", help="The environment, where no report names it.")
@click.option(
    "--without",
    type=click.Choice(("plan", "apply")),
    default="apply",
    show_default=True,
    help="What came to nothing where there is no report.",
)
def outcome(report: Path, failed: Path | None, key: str, without: str) -> None:
    """Append to each merged pull request what became of its own decisions; what was not sent is told at its line.

    Where there is no report of the whole run, those of its parts are told, and why the others left none. The ledger's
    heads are noted in a check run of the commit.
    """
    reports, workflow = reports_of(report, failed), this_run()
    page = page_of(workflow.event, _COMMENT_BYTES)
    click.echo(problems_github([fault for done in reports for fault in faults_of_run(done)]), nl=False)
    for done in reports:
        if not done.reviews:
            why = "its decisions came without a pull request" if done.receipts else "nothing was to be written"
            click.echo(f"outcome: none, {why}", err=True)
        for posted in tell_outcome(workflow, done, lambda part: run_markdown(part, page)):
            announce(posted, "outcome")
        announce(note_ledger(workflow, done, ledger_note), "ledger's heads")
    if not report.exists():
        body = failure_markdown(without, workflow.event.sha, failure_of(failed, _JOBS[without]), page)
        for posted in tell_failure(workflow, key or None, body):
            announce(posted, "outcome")


_JOBS = {"plan": "the job that plans", "apply": "the job that applies"}


@command.command()
@_PLAN
@click.option(
    "--overdue", "hours", type=click.IntRange(1), default=26, show_default=True, help="Hours without success."
)
def drift(plan: Path, hours: int) -> None:
    """Open, update or close the one issue about drift, and warn when the schedule has not succeeded for long."""
    made, workflow = read_plan(plan), this_run()
    beat = heartbeat(workflow, SystemClock().now(), timedelta(hours=hours))
    if beat.known:
        click.echo(f"heartbeat: last success {format_instant(beat.last) if beat.last else 'not known'}", err=True)
    if beat.warning:
        warn(beat.warning, "reconcile is overdue" if beat.known else "heartbeat not known")
    page = page_of(workflow.event, _COMMENT_BYTES)
    announce(report_drift(workflow, made, lambda: drift_markdown(made, page, last_success=beat.last)), "drift issue")


@command.command()
@click.option("--plan", type=_FILE, help="A saved plan.")
@click.option("--run", "report", type=_FILE, help="The report of a run.")
def summary(plan: Path | None, report: Path | None) -> None:
    """Write a plan or the report of a run to the job summary."""
    page = page_of(this_event(), SUMMARY_BYTES)
    texts = [plan_markdown(read_plan(plan), page)] if plan is not None else []
    texts += [run_markdown(read_run(report), page)] if report is not None else []
    for text in texts:
        if not append_summary(os.environ, text):
            click.echo(text, nl=False)


@command.command()
@_PLAN
@click.option("--advisory/--binding", help="Succeed even when tickets need attention [default: binding].")
def verdict(plan: Path, advisory: bool) -> int:
    """Write a plan to the job summary and its figures to the outputs, and leave with its exit code.

    What needs attention is told at its line, unless the verdict is advisory: then it is told elsewhere.
    """
    made = read_plan(plan)
    if not advisory:
        click.echo(problems_github(faults_of_plan(made)), nl=False)
    append_summary(os.environ, plan_markdown(made, page_of(this_event(), SUMMARY_BYTES)))
    set_outputs(os.environ, figures_of(made))
    exit_code = of_plan(made)
    return int(Exit.OK if advisory and exit_code in (Exit.ATTENTION, Exit.REFUSED) else exit_code)


@command.command(name="import-pr")
@click.option("--branch", default="reconciler/import", show_default=True, help="The branch to propose from.")
@click.option("--base", help="The branch to propose to [default: the one that the run is on].")
@click.option("--title", default="Import new tickets", show_default=True, help="The pull request's title.")
@click.option("--body", type=_FILE, help="Markdown to put into it.")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
def import_pr(branch: str, base: str | None, title: str, body: Path | None, paths: tuple[str, ...]) -> None:
    """Propose what changed under PATHS in one pull request that is kept up to date."""
    workflow = this_run()
    lead = body.read_text(encoding="utf-8") if body is not None else _LEAD
    files, posted = propose(
        workflow,
        git_from(os.environ),
        Proposing(branch, base or workflow.event.branch or "main", title),
        paths,
        lambda names: "\n".join((lead, *(f"- {code(name, 200)}" for name in names), "")),
    )
    set_outputs(os.environ, {"files": str(len(files))})
    if files:
        announce(posted, "pull request")
    else:
        click.echo("import: nothing is new", err=True)


_LEAD = """\
New tickets are waiting. Every one of them is written down as `Pending`, so merging this changes nothing in TPP.

Decide in this pull request or in one of your own: set `status`, and the schedule where it needs one.
Once somebody else has pushed to this branch it is no longer updated.
"""


@command.group()
def ledger() -> None:
    """Fetch the ledger from its branch, push it there, or take it back."""


@ledger.command()
@_BRANCH
@common_options
def pull(invocation: Invocation, branch: str) -> None:
    """Fetch the ledger from its branch and verify it, so that nothing is applied on top of a broken one."""
    folder, environment = Path(invocation.settings().ledger), invocation.settings().environment
    head, unknown = pull_ledger(folder, branch, os.environ, environment, SystemClock())
    if unknown:
        warn(unknown, "ledger not compared")
    click.echo(f"ledger: {branch} {head[:12] if head else 'does not exist yet'}, verified", err=True)


@ledger.command()
@_BRANCH
@common_options
def push(invocation: Invocation, branch: str) -> None:
    """Add what this run wrote to the branch of the ledger."""
    head = keep_ledger(Path(invocation.settings().ledger), branch, os.environ)
    click.echo(f"ledger: {f'{branch} is now {head[:12]}' if head else 'nothing was written'}", err=True)


@ledger.command()
@_BRANCH
@click.argument("artifact", type=click.Path(path_type=Path, exists=True))
@common_options
def restore(invocation: Invocation, branch: str, artifact: Path) -> None:
    """Take the files of a run's ARTIFACT (a folder or a zip file) back to the branch of the ledger.

    A run that could not push has kept them there. Every line is verified first, and none that is there is changed.
    """
    news = restore_ledger(artifact, Path(invocation.settings().ledger), branch, os.environ)
    names = ", ".join(terminal(name) for name in news) or "nothing, the branch has every line"
    click.echo(f"ledger: taken back to {branch}: {names}", err=True)


@command.command()
@_RUN
@click.option("--predicate", type=_FILE, help="Write the predicate alone too, as actions/attest takes it.")
@click.option("--checksums", type=_FILE, help="List the subjects too, as actions/attest takes them.")
@click.option("--ledger", "folder", type=click.Path(path_type=Path, file_okay=False), help="The ledger after the run.")
@click.option("--heads", type=_FILE, help="Write the ledger's heads: the SHA-256 of this file is the ledger's head.")
@click.argument("subjects", nargs=-1, type=_FILE)
@_OUT
def statement(
    report: Path,
    predicate: Path | None,
    checksums: Path | None,
    folder: Path | None,
    heads: Path | None,
    subjects: tuple[Path, ...],
    out: Path,
) -> None:
    """Write the in-toto statement about a run; its subjects are report, SUBJECTS such as the plan, and the ledger."""
    places = (
        ("--out", out, OutputKind.STATEMENT),
        ("--predicate", predicate, OutputKind.PREDICATE),
        ("--checksums", checksums, OutputKind.CHECKSUMS),
        ("--heads", heads, OutputKind.HEADS),
    )
    _check(tuple(Output(option, path, kind) for option, path, kind in places if path is not None))
    found = evidence_about(this_run(), os.environ, report, read_run(report), subjects, folder)
    if found.why:
        click.echo(f"statement: {found.why}", err=True)
    texts = {out: found.statement, predicate: found.predicate, checksums: found.subjects, heads: found.heads}
    for path, text in texts.items():
        if path is not None and text is not None:
            write_output(path, text)


@command.command(name="merge-plans")
@_FILES
@_OUT
def merge_plans(files: tuple[Path, ...], out: Path) -> None:
    """Merge the plans of all shards to the plan of the whole; an absent shard is an error."""
    _check(saved_as(out, OutputKind.PLAN))
    merge_files(files, out)


@command.command(name="merge-runs")
@_FILES
@_OUT
def merge_runs(files: tuple[Path, ...], out: Path) -> None:
    """Merge the reports of all shards; an absent shard is an error, because nobody knows what it did."""
    _check(saved_as(out, OutputKind.RUN))
    write_output(out, run_json(merge([read_run(path) for path in files])))


def _check(outputs: tuple[Output, ...]) -> None:
    """Refuse places that can't be written, or that hold something else. Raises UnusableOutput."""
    config = Path(DEFAULT_CONFIG)
    try:
        settings = load_settings(config if config.exists() else None, None, os.environ)
    except ReconcilerError:
        settings = Settings()
    check_outputs(outputs, settings)
