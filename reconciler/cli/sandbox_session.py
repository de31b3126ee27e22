"""One run of the sandbox from the command line: files in, server up, told to the user, down at a signal."""

import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.app.outputs import Output, OutputKind, check_outputs, write_output
from reconciler.cli.examples import examples
from reconciler.codec import Json, json_line
from reconciler.errors import InvalidInput, ServerFailure
from reconciler.manifests.schema import newer_version
from reconciler.manifests.yaml import read_file
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import Settings
from reconciler.rendering.escape import terminal
from reconciler.sandbox.change_systems import ChangeSystems, decode_change_systems
from reconciler.sandbox.fault_injection import Rule
from reconciler.sandbox.fault_rules import decode_rules
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox, server_context
from reconciler.sandbox.seed import READING_SCOPE, Seed, decode_seed


def read_seed(path: Path, profile: str | None = None) -> Seed:
    """Read what a sandbox starts with, over a profile. Raises InvalidInput with every fault of the file."""
    return decode_seed(_plain(path), str(path), profile)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules about what goes wrong. Raises InvalidInput with every fault of the file."""
    return decode_rules(_plain(path), str(path))


def read_change_systems(path: Path) -> ChangeSystems:
    """Read the change records that a sandbox plays. Raises InvalidInput with every fault of the file."""
    return decode_change_systems(_plain(path), str(path))


def _plain(path: Path) -> Json:
    """Return what stands in a file, without its version, which may be left out."""
    document = read_file(str(path))
    newer = newer_version(document.value, document.places)
    if problems := [newer] if newer is not None else document.problems:
        raise InvalidInput(tuple(problems))
    value = document.value
    return {k: v for k, v in value.items() if (k, v) != ("version", 1)} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What the command line asks for; durations in seconds."""

    host: str
    port: int
    seed: Path | None
    state: Path | None
    latency: float
    tick: float
    faults: Path | None
    changes: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    client_ca: Path | None
    profile: str | None
    ready_file: Path | None


def run_session(wish: SandboxOptions) -> int:
    """Run the sandbox until SIGINT or SIGTERM. Raises InvalidInput for files, ServerFailure for the address."""
    _check_outputs(wish)
    seed = read_seed(wish.seed or examples() / "sandbox" / "seed.yaml", wish.profile)
    rules, listening = read_rules(wish.faults) if wish.faults else (), _listening(wish)
    resumed = wish.state is not None and wish.state.exists()
    with ExitStack() as stack:
        stopped = stack.enter_context(_stop_signal())
        sandbox = _start(stack, running_sandbox(seed, state=wish.state, listening=listening), wish)
        sandbox.faults.extend(list(rules))
        reading = sandbox.issue(READING_SCOPE)
        _tell(sandbox, reading, wish, listening.changes, resumed=resumed)
        if wish.ready_file:
            client = {"version": 1, "url": sandbox.url, "token": sandbox.token, "reading_token": reading}
            write_output(wish.ready_file, json_line(client), 0o600)
        stopped.wait()
    click.echo("stopped", err=True)
    return 0


def _check_outputs(wish: SandboxOptions) -> None:
    named = (("--ready-file", wish.ready_file, OutputKind.READY), ("--state", wish.state, OutputKind.STATE))
    check_outputs([Output(option, path, kind) for option, path, kind in named if path is not None], Settings())


def _start(stack: ExitStack, sandbox: AbstractContextManager[Sandbox], wish: SandboxOptions) -> Sandbox:
    try:
        return stack.enter_context(sandbox)
    except sqlite3.Error as error:
        raise _invalid(
            "sandbox/state",
            wish.state,
            f"this is no state of a sandbox, or it can't be written: {error}",
            "give another file with --state, or --memory for none",
        ) from error
    except OSError as error:
        raise ServerFailure(
            f"can't listen on {wish.host}:{wish.port}: {error.strerror or error}", "choose another --host or --port"
        ) from error


def _invalid(code: str, path: Path | None, message: str, hint: str) -> InvalidInput:
    return InvalidInput((Problem(code, Source(str(path)), message, hint),))


def _listening(wish: SandboxOptions) -> Listening:
    tls = server_context(wish.tls_cert, wish.tls_key, wish.client_ca) if wish.tls_cert else None
    changes = read_change_systems(wish.changes or examples() / "sandbox" / "changes.yaml")
    return Listening(wish.host, wish.port, tls, wish.latency, wish.tick, changes)


def _tell_changes(changes: ChangeSystems | None) -> None:
    """Return which change records there are, and how to sign in to them."""
    if changes is None:
        return
    click.echo("\nChange records, as a ServiceNow and a Jira have them:")
    account = changes.account
    if account.password:
        click.echo(f"export CHANGE_RECORDS_USERNAME={account.username} CHANGE_RECORDS_PASSWORD={account.password}")
    for name in (*(row.number for row in changes.changes), *(issue.key for issue in changes.issues)):
        click.echo(f"  {terminal(name)}")


def _tell(
    sandbox: Sandbox, reading: str, wish: SandboxOptions, changes: ChangeSystems | None, *, resumed: bool
) -> None:
    click.echo(f"The sandbox listens at {sandbox.url}. Ctrl-C stops it.\n")
    click.echo(f"export TPP_URL={sandbox.url}")
    click.echo(f"export TPP_TOKEN={sandbox.token}\n")
    click.echo(f"This token may approve. One that only reads: {reading}\n")
    if wish.state and resumed:
        click.echo(f"It goes on from {terminal(str(wish.state))}; its tickets are not seeded again.")
    for ticket in sandbox.world.tickets.values():
        click.echo(f"{ticket.guid}  {ticket.status:<16}  {terminal(ticket.object)}")
    _tell_changes(changes)
    click.echo(f"\nWhat it received: {sandbox.url}/sandbox/log   Its tickets: {sandbox.url}/sandbox/state")
    sys.stdout.flush()


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
