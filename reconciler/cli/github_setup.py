"""`reconciler github doctor`: is the repository on GitHub set as the guide asks?"""

import os
from collections.abc import Sequence

import click

from reconciler.app.context import SystemClock
from reconciler.app.github_setup import examine_setup
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.codec import json_text
from reconciler.github.setup import Names, SettingFinding, SettingState
from reconciler.rendering.escape import terminal


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
    names = Names(branch, ledger_branch, plan_environment, apply_environment, check)
    findings = []
    for finding in examine_setup(repository, invocation.settings(), names, os.environ, SystemClock()):
        findings.append(finding)
        if style == "text":
            click.echo(_text(finding), nl=False)
    if style == "json":
        click.echo(_json(findings), nl=False)
    return int(Exit.ATTENTION if any(found.state is SettingState.MISSING for found in findings) else Exit.OK)


def _text(finding: SettingFinding) -> str:
    lines = [f"{finding.state:<15}{finding.name}: {finding.says}"]
    lines += [f"  set it in {finding.place}"] if finding.place else []
    lines += [f"  {line}" for command in finding.commands for line in command.splitlines()]
    return "".join(terminal(line) + "\n" for line in lines)


def _json(findings: Sequence[SettingFinding]) -> str:
    return json_text(
        {
            "version": 1,
            "complete": not any(found.state is SettingState.MISSING for found in findings),
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
