"""`reconciler sandbox`: a local test server that behaves like TPP, to try things out on."""

from pathlib import Path

import click

from reconciler.cli.options import DURATION, Invocation, common_options

_FILE = click.Path(path_type=Path, dir_okay=False)
PROFILES = ("26.1", "strict-26.1", "lenient-24", "old-20.3")
"""Those of reconciler.sandbox.behaviour, named here so that help needs no extra."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8480, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free port.")
@click.option("--seed", type=_FILE, help="Tickets, people and settings to start with (YAML) [default: the examples'].")
@click.option("--state", type=_FILE, default="sandbox.db", show_default=True, help="File that survives a restart.")
@click.option("--memory", is_flag=True, help="Keep nothing: no state file.")
@click.option("--latency", type=DURATION, default="0ms", show_default=True, help="Delay of every call.")
@click.option("--tick", type=DURATION, default="1s", show_default=True, help="How often TPP processes tickets.")
@click.option("--faults", type=_FILE, help="Rules about what goes wrong (YAML).")
@click.option("--changes", type=_FILE, help="Change records of a ServiceNow table and a Jira (YAML) [default: two].")
@click.option("--tls-cert", type=_FILE, help="Certificate of the server (PEM); HTTPS with it.")
@click.option("--tls-key", type=_FILE, help="Its key, when that is in a file of its own.")
@click.option("--client-ca", type=_FILE, help="CA whose client certificates are taken.")
@click.option(
    "--profile", type=click.Choice(PROFILES), help="Behave as this kind of server [default: the seed's or 26.1]."
)
@click.option("--ready-file", type=_FILE, help="Write url and tokens here (JSON, mode 0600) once the server listens.")
@common_options
def command(invocation: Invocation, *, memory: bool, state: Path, **options: object) -> int:  # noqa: ARG001
    """Run a local test server that behaves like TPP until it is interrupted.

    It speaks what reconciler uses of TPP's REST interface, forgets approved tickets as TPP does, and misbehaves on
    request. Everything under /sandbox/ looks inside and moves the clock.
    """
    try:  # an extra, which may be absent
        from reconciler.cli.sandbox_session import SandboxOptions, run_session
    except ImportError:
        raise click.UsageError("the sandbox is not installed: pip install 'tpp-reconciler[sandbox]'") from None
    return run_session(SandboxOptions(state=None if memory else state, **options))  # type: ignore[arg-type]
