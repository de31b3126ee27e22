"""`reconciler doctor`: check everything that a run depends on, one line each, with the remedy."""

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Invocation, common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.cli.exit_codes import Exit
    from reconciler.tpp.checks import Probe


@click.command()
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(invocation: Invocation, style: str) -> int:
    """Check configuration, manifests, ledger, the way to the server, the token and what it allows. Changes nothing.

    Each line says ok, warn, fail or skip. Leaves with the code that a run would end with because of the first failure.
    """
    from reconciler.cli.probing import probe_all

    probes = []
    for probe in probe_all(invocation):
        probes.append(probe)
        if style == "text":
            click.echo(_line(probe), nl=False)
    if style == "json":
        click.echo(_json(probes), nl=False)
    return int(_code(probes))


def _line(probe: "Probe") -> str:
    """Set one probe in one line; a terminal that is too narrow gets what it says wrapped under itself."""
    import sys

    from reconciler.cli.terminal import view_of
    from reconciler.rendering.escape import terminal
    from reconciler.rendering.text.layout import joined, wrapped

    start = f"{probe.health:<5}{probe.name:<14}"
    says = terminal(probe.says) + (f" — {terminal(probe.remedy)}" if probe.remedy else "")
    if not sys.stdout.isatty():
        return f"{start}{says}\n"
    first, *rest = wrapped(says, view_of().width - len(start))
    return joined([start + first, *(" " * len(start) + line for line in rest)])


def _json(probes: "Sequence[Probe]") -> str:
    import json

    document = {
        "version": 1,
        "healthy": not any(probe.health == "fail" for probe in probes),
        "probes": [
            {"name": probe.name, "health": probe.health.value, "says": probe.says, "remedy": probe.remedy}
            for probe in probes
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _code(probes: "Sequence[Probe]") -> "Exit":
    from reconciler.cli.exit_codes import Exit

    areas = {"configuration": Exit.INVALID, "manifests": Exit.INVALID, "ledger": Exit.REFUSED}
    failed = [probe for probe in probes if probe.health == "fail"]
    return areas.get(failed[0].name, Exit.SERVER) if failed else Exit.OK
