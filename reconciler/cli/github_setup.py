"""`reconciler github doctor`: is the repository on GitHub set as the guide asks?"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.codec import json_text
from reconciler.errors import CredentialsRefused
from reconciler.github.client import GitHub
from reconciler.github.provenance import token_from
from reconciler.github.setup import Finding, State, WantedSetup, called_workflows, examine_repository
from reconciler.model.settings import AuthMethod, Settings
from reconciler.rendering.escape import terminal

_REMOTE = re.compile(r"(?:https://[^/]+/|git@[^:]+:|ssh://git@[^/]+/)([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@click.command()
@click.option("--repository", metavar="OWNER/NAME", help="The repository [default: the one of this checkout].")
@click.option("--branch", default="main", show_default=True, help="The branch that is applied.")
@click.option("--ledger-branch", default="reconciler-ledger", show_default=True, help="The branch of the ledger.")
@click.option("--plan-environment", default="venafi-plan", show_default=True, help="Where plans log in.")
@click.option("--apply-environment", default="venafi-apply", show_default=True, help="Where an apply logs in.")
@click.option("--check", default="Gate / Gate", show_default=True, help="The check that a merge must wait for.")
@format_option()
@common_options
def doctor(
    invocation: Invocation,
    *,
    repository: str | None,
    branch: str,
    ledger_branch: str,
    plan_environment: str,
    apply_environment: str,
    check: str,
    style: str,
) -> int:
    """Check rules, environments, variables and permissions of the repository on GitHub. Changes nothing.

    Each line says ok, missing or cannot be seen; below what is missing stands where it is set, and the `gh` calls that
    set it. The token comes in GITHUB_TOKEN; some settings only an administrator's can see. Leaves with 5 when anything
    is missing.
    """
    settings = invocation.settings()
    wanted = wanted_setup(
        repository or _of_checkout(),
        settings,
        branch=branch,
        ledger_branch=ledger_branch,
        plan=plan_environment,
        apply=apply_environment,
        check=check,
        called=next(iter(called_workflows(Path())), None),
    )
    findings = []
    for finding in examine_repository(_client(wanted.repository), wanted, Path()):
        findings.append(finding)
        if style == "text":
            click.echo(_text(finding), nl=False)
    if style == "json":
        click.echo(_json(wanted, findings), nl=False)
    return int(Exit.ATTENTION if any(found.state is State.MISSING for found in findings) else Exit.OK)


def wanted_setup(
    repository: str,
    settings: Settings,
    *,
    branch: str = "main",
    ledger_branch: str = "reconciler-ledger",
    plan: str = "venafi-plan",
    apply: str = "venafi-apply",
    check: str = "Gate / Gate",
    called: tuple[str, str] | None = None,
) -> WantedSetup:
    """Return what GitHub must be set to for a configuration. Raises UsageError for what is no repository."""
    if not _REPOSITORY.fullmatch(repository):
        raise click.UsageError(f"{repository!r} is no repository; write OWNER/NAME")
    four_eyes = settings.policy.four_eyes
    return WantedSetup(
        repository,
        branch=branch,
        ledger_branch=ledger_branch,
        plan=plan,
        apply=apply,
        check=check,
        reviewers=four_eyes.reviewers if four_eyes else 1,
        server=settings.server or "",
        oidc=all(auth.method is AuthMethod.GITHUB_OIDC for auth in settings.auth.ways.values()),
        called=called,
    )


def _client(repository: str) -> GitHub:
    token = token_from(os.environ)
    if not token:
        raise CredentialsRefused("no token for GitHub was handed over", "run it with GITHUB_TOKEN=$(gh auth token)")
    return GitHub.open(os.environ.get("GITHUB_API_URL", "https://api.github.com"), repository, token, SystemClock())


def _of_checkout() -> str:
    """Return the repository that the environment or the remote of this checkout names. Raises UsageError."""
    if named := os.environ.get("GITHUB_REPOSITORY"):
        return named
    try:
        done = subprocess.run(
            ["git", "remote", "get-url", "origin"],  # noqa: S607 - the git of the person who asks
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        done = None
    found = _REMOTE.fullmatch(done.stdout.strip()) if done is not None else None
    if found is None:
        raise click.UsageError("which repository? No remote `origin` names one: add --repository OWNER/NAME")
    return found[1]


def _text(finding: Finding) -> str:
    lines = [f"{finding.state:<15}{finding.name}: {finding.says}"]
    lines += [f"  set it in {finding.place}"] if finding.place else []
    lines += [f"  {line}" for command in finding.commands for line in command.splitlines()]
    return "".join(terminal(line) + "\n" for line in lines)


def _json(wanted: WantedSetup, findings: Sequence[Finding]) -> str:
    return json_text(
        {
            "version": 1,
            "repository": wanted.repository,
            "complete": not any(found.state is State.MISSING for found in findings),
            "settings": [
                {
                    "name": found.name,
                    "state": found.state.value,
                    "says": found.says,
                    "place": found.place,
                    "commands": list(found.commands),
                }
                for found in findings
            ],
        }
    )
