"""`reconciler doctor`: check everything that a run depends on, one line each, with the remedy."""

import sys
from collections.abc import Sequence

import click

from reconciler.app.doctor import examine
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.terminal import view_of
from reconciler.codec import json_text
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
