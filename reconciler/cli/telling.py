"""A message to a chat about how it went. It never changes the verdict."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from reconciler.app.change_records import leave_notes
from reconciler.app.context import Context
from reconciler.atomic import atomic_write
from reconciler.codec import sha256
from reconciler.ledger.heads import ledger_head
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.rendering.change_records import notes_of
from reconciler.rendering.escape import terminal
from reconciler.rendering.notification import Chat, plan_notification, run_notification, state_of

_STATE_FILE = ".notified"
_TIMEOUT = 10.0
_LAST_CALL = 1.0
"""Seconds for a run that was told to end and has no time left."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is to be told. `notify` is the URL of an incoming webhook, which is a secret: it is never shown."""

    notify: str | None = None
    chat: str = "slack"


def listener_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --notify and --notify-as."""
    for option in (
        click.option("--notify-as", type=click.Choice(("slack", "teams")), default="slack", show_default=True),
        click.option(
            "--notify", metavar="URL", envvar="RECONCILER_NOTIFY_URL", help="Tell a chat of changes of state."
        ),
    ):
        function = option(function)
    return function


def notify_listeners(listeners: Listeners, context: Context, plan: Plan, run: Run | None = None) -> None:
    """Post the message. A failure is a warning: the outcome stands whoever hears of it."""
    if listeners.notify is not None:
        within = min(_TIMEOUT, max(context.deadline.left(), _LAST_CALL))
        _notify(listeners, context.ledger, plan, run, within)


def tell_change_records(context: Context, plan: Plan, run: Run) -> None:
    """Leave what the run did on the change records that its tickets name, where the configuration asks for it."""
    for record, why in leave_notes(context, notes_of(plan, run, ledger_head(context.ledger))).items():
        click.echo(f"warning: no note was left on {terminal(record)}: {terminal(why, 500)}", err=True)


def _notify(listeners: Listeners, ledger: Path, plan: Plan, run: Run | None, within: float) -> None:
    """Post only when something is other than the last time; the state is kept beside the ledger."""
    state_file = ledger / f"{_STATE_FILE}-{plan.environment or 'default'}"
    state = sha256(state_of(plan, run).encode("utf-8", "surrogatepass")).encode()
    if state_file.is_file() and state_file.read_bytes() == state:
        return
    chat = Chat(listeners.chat)
    message = run_notification(run, chat) if run is not None and run.receipts else plan_notification(plan, chat)
    why = _post(listeners.notify or "", message, within)
    if why is not None:
        click.echo(f"warning: the chat was not told: {why}", err=True)
        return
    try:
        ledger.mkdir(parents=True, exist_ok=True)
        atomic_write(state_file, state)
    except OSError as error:
        what = f"{state_file} was not written: {error.strerror or error}"
        click.echo(f"warning: the chat will be told again, because {what}", err=True)


def _post(address: str, body: str, within: float) -> str | None:
    """Post JSON without following redirects, and say why it failed; never with the address, which is a secret."""
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
        return "its URL must begin with https://"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=within)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body.encode("utf-8"), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"it answered HTTP {status}"
