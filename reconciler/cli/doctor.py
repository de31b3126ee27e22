"""`reconciler doctor` and `reconciler github doctor`: what a run depends on, and how GitHub is set."""

import os
import sys
from collections.abc import Sequence

import click

from reconciler.app.context import SystemClock
from reconciler.app.doctor import examine, examine_setup
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.terminal import view_of
from reconciler.codec import json_text
from reconciler.github.setup import Names, SettingFinding, SettingState
from reconciler.ports import Probe
from reconciler.rendering.escape import terminal
from reconciler.rendering.text.layout import joined, wrapped


@click.command()
@format_option()
@common_options
def command(invocation: Invocation, style: str) -> int:
    """Check configuration, manifests, ledger, the way to the server, the token and what it allows. Changes nothing.

    Each line says ok, warn, fail or skip. Leaves with the code that a run would end with because of the first failure.
    """
    probes = []
    for probe in examine(invocation.settings):
        probes.append(probe)
        if style == "text":
            click.echo(_line(probe), nl=False)
    if style == "json":
        click.echo(_json(probes), nl=False)
    return int(_code(probes))


def _line(probe: Probe) -> str:
    """Set one probe in one line; a terminal that is too narrow gets what it says wrapped under itself."""
    start = f"{probe.health:<5}{probe.name:<14}"
    says = terminal(probe.says) + (f" — {terminal(probe.remedy)}" if probe.remedy else "")
    if not sys.stdout.isatty():
        return f"{start}{says}\n"
    first, *rest = wrapped(says, view_of().width - len(start))
    return joined([start + first, *(" " * len(start) + line for line in rest)])


def _json(probes: Sequence[Probe]) -> str:
    document = {
        "version": 1,
        "healthy": not any(probe.health == "fail" for probe in probes),
        "probes": [
            {"name": probe.name, "health": probe.health.value, "says": probe.says, "remedy": probe.remedy}
            for probe in probes
        ],
    }
    return json_text(document)


def _code(probes: Sequence[Probe]) -> Exit:
    areas = {"configuration": Exit.INVALID, "manifests": Exit.INVALID}
    failed = [probe for probe in probes if probe.health == "fail"]
    return areas.get(failed[0].name, Exit.SERVER) if failed else Exit.OK


@click.command(name="doctor")
@click.option("--repository", metavar="OWNER/NAME", help="The repository [default: the one of this checkout].")
@click.option("--branch", default="main", show_default=True, help="The branch that is applied.")
@click.option("--ledger-branch", default="reconciler-ledger", show_default=True, help="The branch of the ledger.")
@click.option("--plan-environment", default="venafi-plan", show_default=True, help="Where plans log in.")
@click.option("--apply-environment", default="venafi-apply", show_default=True, help="Where an apply logs in.")
@click.option("--check", default="Gate / Gate", show_default=True, help="The check that a merge must wait for.")
@format_option()
@common_options
def github_command(
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
            click.echo(_setting_text(finding), nl=False)
    if style == "json":
        click.echo(_settings_json(findings), nl=False)
    return int(Exit.ATTENTION if any(found.state is SettingState.MISSING for found in findings) else Exit.OK)


def _setting_text(finding: SettingFinding) -> str:
    lines = [f"{finding.state:<15}{finding.name}: {finding.says}"]
    lines += [f"  set it in {finding.place}"] if finding.place else []
    lines += [f"  {line}" for command in finding.commands for line in command.splitlines()]
    return "".join(terminal(line) + "\n" for line in lines)


def _settings_json(findings: Sequence[SettingFinding]) -> str:
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
