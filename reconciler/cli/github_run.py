"""`reconciler github run`, the step of the action, and what all commands inside a workflow run share."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from reconciler.app.context import SystemClock
from reconciler.app.outputs import Output, OutputKind, remove_earlier
from reconciler.app.saved_plan import read_plan
from reconciler.app.validate import validate
from reconciler.app.workflow_run import WorkflowRun, open_workflow_run, read_run
from reconciler.atomic import atomic_write
from reconciler.cli.exit_codes import Exit
from reconciler.cli.main import main
from reconciler.cli.options import Invocation
from reconciler.cli.terminal import local_zone
from reconciler.codec import json_text, plain
from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.github.actions import Event, append_summary, read_event, set_outputs
from reconciler.github.posting import Posted, Posting
from reconciler.model.decision import Problem, Source
from reconciler.model.findings import JobFailure
from reconciler.model.plan import Plan
from reconciler.model.verdict import Group
from reconciler.rendering.escape import github_data, github_property, terminal
from reconciler.rendering.markdown.plan import problems_markdown
from reconciler.rendering.markdown.rows import Page
from reconciler.rendering.problems import problems_github

SUMMARY_BYTES = 900_000
"""Bytes of one job summary; GitHub drops one of more than 1 MiB whole."""


def this_event() -> Event:
    """Return the event of this run. Raises UsageError outside of GitHub Actions."""
    event = read_event(os.environ)
    if event is None:
        raise click.UsageError("this command works inside GitHub Actions: GITHUB_REPOSITORY is not set")
    return event


def this_run() -> WorkflowRun:
    """Return event and client. Raises UsageError outside of GitHub Actions, CredentialsRefused without a token."""
    return open_workflow_run(this_event(), os.environ, SystemClock())


def page_of(event: Event, budget: int) -> Page:
    """Return where a text of a run is going: at most `budget` bytes, with links to run and sources."""
    site = f"{event.server_url}/{event.repository}"
    return Page(zone=local_zone(), budget=budget, run_url=event.run_url or "", source_url=f"{site}/blob/{event.sha}/")


def announce(posted: Posted, what: str) -> None:
    """Return how a posting went. One that failed is a warning and nothing more: it is no part of the verdict."""
    if posted.posting is Posting.FAILED:
        warn(f"the {what} could not be posted: {posted.why}", f"{what} not posted")
    else:
        click.echo(f"{what}: {posted.posting.value}" + (f" {terminal(posted.url)}" if posted.url else ""), err=True)


def warn(message: str, title: str) -> None:
    """Annotate the run with a warning; outside of Actions it is a line on standard error."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(f"::warning title={github_property(title)}::{github_data(message)}")
    else:
        click.echo(f"warning: {terminal(message)}", err=True)


PREFIX = "RECONCILER_INPUT_"
_EMERGENCY = ("ticket", "status", "reason", "incident", "second_person", "deployment")
"""What `github emergency` is told, one variable each."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What stands in the variables of the action's step. Lists stand one item a line, so that no shell splits text."""

    given: Mapping[str, str]
    event: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables."""
        given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
        return cls(given, environ.get("GITHUB_EVENT_NAME", ""))

    @property
    def config(self) -> Path | None:
        """The configuration file, None for the usual one."""
        named = self._one("config")
        return Path(named) if named else None

    @property
    def environment(self) -> str | None:
        """The environment of the configuration, None for none."""
        return self._one("environment") or None

    @property
    def paths(self) -> list[str]:
        """Files and folders of manifests, none for those of the configuration."""
        return self._many("paths")

    @property
    def plan(self) -> Path:
        """Where the plan is written."""
        return Path(self._one("plan") or "plan.json")

    @property
    def report(self) -> Path:
        """Where the report of the run is written."""
        return Path(self._one("report") or "run.json")

    @property
    def result(self) -> Output | None:
        """What the command writes: the plan, or the report of the run."""
        match self.arguments()[0]:
            case "plan":
                return Output("--out", self.plan, OutputKind.PLAN)
            case "apply":
                return Output("--out", self.report, OutputKind.RUN)
            case _:
                return None

    def tell_failure(self, error: ReconcilerError) -> None:
        """Annotate each fault at its line, and write down why there is no result, for the comment that says so."""
        problems = tuple(error.problems) if isinstance(error, InvalidInput) else ()
        fault = Problem(f"{self.arguments()[0]} failed", Source(""), error.message, error.hint)
        click.echo(problems_github(problems or (fault,)), nl=False)
        if self.result is not None:
            cause = JobFailure(error.message, error.hint, problems)
            with suppress(OSError):
                atomic_write(_failure(self.result.path), json_text({"version": 1, **plain(cause)}).encode())

    def arguments(self) -> list[str]:
        """Return the command line. The plan of a scheduled run looks at settled tickets, too: nobody waits for it."""
        words = self._one("command").split()
        if not words:
            raise click.UsageError("the action's input `command` is empty: name a command such as plan")
        if any(word.startswith("-") for word in words):
            raise click.UsageError("the action's input `command` takes a command; options belong in `arguments`")
        match words[0]:
            case "validate":
                words += ["--format", "github"]
            case "plan":
                again = ["--recheck"] if self.event == "schedule" else []
                words += ["--out", str(self.plan), "--exit-code", *again]
            case "apply":
                words += ["--yes", "--lock-timeout", "90s", "--out", str(self.report)]
            case "github":
                branch = ["--branch", self._one("ledger_branch")]
                words += self._of_emergency() if words[1:] == ["emergency"] else branch
        for name, option in (("environment", "--env"), ("config", "--config"), ("shard", "--shard")):
            if value := self._one(name):
                words += [option, value]
        if reviewed := self._one("reviewed"):
            words += ["--reviewed", reviewed]
        return [*words, *self._many("arguments"), *(["--", *self.paths] if self.paths else [])]

    def remove_stale_result(self) -> None:
        """Remove the file that the command is to write, so that what is there afterwards is its own."""
        if self.result is not None:
            remove_earlier(self.result)
            with suppress(OSError):
                _failure(self.result.path).unlink(missing_ok=True)

    def results(self) -> dict[str, str]:
        """Return the outputs that tell of plan and report, as far as they are there."""
        found = {"report": str(self.report)} if self.report.exists() else {}
        try:
            made = read_plan(self.plan)
        except ReconcilerError:
            return found
        return found | {"plan": str(self.plan), **figures_of(made)}

    def newer_commit(self, code: int) -> str | None:
        """Return which newer commit was the reason that an apply did nothing, which is no failure; None for any other.

        What needs attention besides is the newer commit's to tell.
        """
        if self.arguments()[0] != "apply" or code not in (Exit.REFUSED, Exit.ATTENTION):
            return None
        try:
            return read_run(self.report).superseded
        except ReconcilerError:
            return None

    def tolerated(self) -> set[int]:
        """Return the exit codes that don't fail the step. That a plan has changes never does."""
        listed = self._one("tolerate")
        try:
            codes = {Exit(int(code)) for code in listed.split()}
        except ValueError:
            raise click.UsageError(f"the action's input `tolerate` takes exit codes, not {listed!r}") from None
        return codes | {Exit.OK} | ({Exit.CHANGES} if self.arguments()[0] == "plan" else set())

    def _of_emergency(self) -> list[str]:
        """Return what an emergency is told, with equals signs: what people typed is never taken for an option."""
        options = [f"--{name.replace('_', '-')}={self._one(name)}" for name in _EMERGENCY if self._one(name)]
        return [*options, "--out", str(self.plan if "--dry-run" in self._many("arguments") else self.report)]

    def _one(self, name: str) -> str:
        return self.given.get(name, "").strip()

    def _many(self, name: str) -> list[str]:
        return [line.strip() for line in self.given.get(name, "").splitlines() if line.strip()]


def _failure(result: Path) -> Path:
    """Where it is written why there is no result; its name begins so that nobody takes it for one."""
    return result.with_name(f"failed-{result.name}")


def figures_of(plan: Plan) -> dict[str, str]:
    """Return what a workflow decides by: how much changes, how much needs attention, and the digest."""
    attention = sum(step.group is Group.ATTENTION and step.own for step in plan.steps)
    return {"digest": plan.digest, "changes": str(len(plan.changes)), "persons": str(attention)}


@click.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the command that RECONCILER_INPUT_COMMAND and its companions describe, in this process.

    In this process, so that the signal of a cancelled job reaches it.
    """
    inputs = Inputs.of(os.environ)
    arguments, tolerated = inputs.arguments(), inputs.tolerated()
    inputs.remove_stale_result()
    try:
        main(arguments, inputs.tell_failure)
    except SystemExit as left:
        exit_code = left.code if isinstance(left.code, int) else 1
    if arguments[0] == "validate":
        _summarise_validation(inputs)
    set_outputs(os.environ, {"exit-code": str(exit_code), **_ledger(inputs), **inputs.results()})
    newer = inputs.newer_commit(exit_code)
    if newer is not None:
        click.echo(f"::notice title=superseded::{github_data(newer)}")
    ctx.exit(0 if newer is not None or exit_code in tolerated else exit_code)


def _ledger(inputs: Inputs) -> dict[str, str]:
    """Return where the ledger is, for the step that uploads it; nothing when the configuration can't be read."""
    try:
        return {"ledger": Invocation(inputs.config, inputs.environment).settings().ledger}
    except ReconcilerError:
        return {}


def _summarise_validation(inputs: Inputs) -> None:
    """Write every fault to the job summary: annotations show ten of a kind."""
    try:
        checked = validate(
            inputs.paths,
            config=inputs.config,
            environment=inputs.environment,
            environ=os.environ,
            now=SystemClock().now(),
        )
    except ReconcilerError:
        return
    append_summary(os.environ, problems_markdown(checked.problems, page_of(this_event(), SUMMARY_BYTES)))
