"""`reconciler auth`: log in, look at the token, give the grant back. Nothing secret is ever printed."""

import os
import sys
from datetime import datetime

import click

from reconciler.app.context import SystemClock, open_context
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.terminal import is_interactive
from reconciler.model.settings import AuthMethod, Settings
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.rendering.escape import terminal
from reconciler.tpp.auth import revoke_grant, store_refresh_token
from reconciler.tpp.secrets import Secret, Secrets, read_secrets

_FOR = click.option(
    "--for",
    "purpose",
    type=click.Choice(("plan", "apply")),
    default="plan",
    show_default=True,
    help="Which of auth.plan and auth.apply holds, where the configuration has them.",
)


@click.group()
def command() -> None:
    """Log in, verify or revoke a grant, with the method and client_id of the configuration."""


@command.command()
@_FOR
@common_options
def login(invocation: Invocation, purpose: str) -> int:
    """Try the configured method, and say whose token it yields.

    The method refresh gets its first refresh token here: with TPP_USERNAME and TPP_PASSWORD, or asked for on a
    terminal. It goes into auth.token_file or auth.keyring. The other methods keep nothing between runs.
    """
    settings = _settings(invocation, purpose)
    if settings.auth.method is AuthMethod.REFRESH and "TPP_REFRESH_TOKEN" not in os.environ:
        store_refresh_token(settings, _asked(settings, _secrets()), SystemClock())
    return _show(settings)


@command.command()
@_FOR
@common_options
def verify(invocation: Invocation, purpose: str) -> int:
    """Return whose token this is, what it may do and until when. Leaves with 4 when the server does not accept it."""
    return _show(_settings(invocation, purpose))


@command.command()
@_FOR
@common_options
def revoke(invocation: Invocation, purpose: str) -> int:
    """Give back the grant of the access token, or of the stored refresh token."""
    click.echo(revoke_grant(_settings(invocation, purpose), _secrets(), SystemClock()))
    return 0


def _settings(invocation: Invocation, purpose: str) -> Settings:
    settings = invocation.settings()
    return replace(settings, auth=settings.auth.used(applying=purpose == "apply"))


def _secrets() -> Secrets:
    return read_secrets(os.environ, sys.stdin.read)


def _asked(settings: Settings, secrets: Secrets) -> Secrets:
    """Ask on a terminal for what the environment does not say."""
    if not is_interactive() or secrets.password is not None:
        return secrets
    username = secrets.username or settings.auth.username or click.prompt("User name", err=True)
    password = Secret(click.prompt(f"Password of {username}", hide_input=True, err=True))
    return replace(secrets, username=username, password=password)


def _show(settings: Settings) -> int:
    with open_context(settings) as context:
        caller, target, notes = context.backend.caller(), context.backend.target, context.backend.notes()
    click.echo(f"server    {terminal(target)}")
    click.echo(f"identity  {terminal(caller.identity)}")
    click.echo(f"scope     {terminal(caller.scope) or 'empty'}")
    click.echo(f"token     {_until(caller.valid_until)}")
    click.echo(f"grant     {_until(caller.expires_at)}")
    click.echo(f"may       {'plan and apply' if caller.may_write else 'plan, not apply'}")
    for note in notes:
        click.echo(f"note      {terminal(note)}")
    return 0


def _until(moment: datetime | None) -> str:
    return f"until {format_instant(moment)}" if moment else "the server does not say until when"
