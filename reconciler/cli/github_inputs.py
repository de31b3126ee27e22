"""The inputs of the action as a command line, and its results as the action's outputs."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from reconciler.app.outputs import Output, OutputKind, remove_earlier
from reconciler.app.saved_plan import read_plan
from reconciler.app.workflow_run import read_run
from reconciler.atomic import atomic_write
from reconciler.cli.exit_codes import Exit
from reconciler.codec import json_text, plain
from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.model.decision import Problem, Source
from reconciler.model.findings import JobFailure
from reconciler.model.plan import Plan
from reconciler.model.verdict import Group
from reconciler.rendering.problems import problems_github

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
            told = JobFailure(error.message, error.hint, problems)
            with suppress(OSError):
                atomic_write(_failure(self.result.path), json_text({"version": 1, **plain(told)}).encode())

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

    def _of_emergency(self) -> list[str]:
        """Return what an emergency is told, with equals signs: what people typed is never taken for an option."""
        told = [f"--{name.replace('_', '-')}={self._one(name)}" for name in _EMERGENCY if self._one(name)]
        return [*told, "--out", str(self.plan if "--dry-run" in self._many("arguments") else self.report)]

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
        """Say which newer commit was the reason that an apply did nothing, which is no failure; None for any other.

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
