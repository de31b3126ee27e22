"""The options that every command takes, and the value that carries them."""

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.base_branch import protected
from reconciler.app.tickets import Wanted
from reconciler.cli.logs import start_logging
from reconciler.cli.terminal import use_zone
from reconciler.errors import GuardRefused
from reconciler.manifests.config import load_settings
from reconciler.model.plan import parse_shard
from reconciler.model.settings import Settings
from reconciler.model.status import parse_instant
from reconciler.rendering.escape import terminal

if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType


class _Parsed(_Type):
    """A click type around one of our parsers, which raise ValueError."""

    def __init__(self, name: str, parse: Any, example: str) -> None:
        self.name = name
        self._parse = parse
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse text; a value that is parsed already is left alone."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f"{error} (for example {self._example})", param, ctx)


def parsed(name: str, parse: Callable[[str], object], example: str) -> _Type:
    """Return an option's type around a parser that raises ValueError; the example goes into the message."""
    return _Parsed(name, parse, example)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time with an offset: {error}") from None


SHARD = _Parsed("shard", parse_shard, "2/4")
INSTANT = _Parsed("time", _instant, "2026-11-28T22:00:00Z")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration")
    return float(match.group(1)) * _UNITS[match.group(2)]


DURATION = parsed("duration", _seconds, "25ms, 1.5s or 2m")


DEFAULT_CONFIG = "reconciler.yaml"
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_DEFAULTS = ("warning", "text")
_ANYWHERE = ("init", "demo", "sandbox", "schema", "show")
"""Commands that need no configuration, and stay where they were started."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """How the command was called: which configuration, and which environment of it."""

    config: Path | None
    environment: str | None

    def settings(self) -> Settings:
        """Load the configuration with the variables of the environment on top. Raises InvalidInput.

        In the run of a pull request, server and credentials are those of its base.
        Without --config, reconciler.yaml of the working directory is read when it is there: `common_options` went where
        it is, up to the root of the repository.
        """
        default = Path(DEFAULT_CONFIG)
        path = self.config or (default if default.exists() else None)
        settings = protected(load_settings(path, self.environment, os.environ), os.environ)
        use_zone(settings.timezone)
        return settings


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config, --env, --log-level and --log-format; it receives them as its first argument."""

    @click.option("--config", type=click.Path(path_type=Path), help=f"Configuration file [default: {DEFAULT_CONFIG}].")
    @click.option("--env", "environment", metavar="NAME", help="Environment of the configuration to use.")
    @click.option(
        "--log-level", type=click.Choice(LOG_LEVELS), default=LOG_DEFAULTS[0], help="What to log on standard error."
    )
    @click.option("--log-format", type=click.Choice(("text", "json")), default=LOG_DEFAULTS[1], help="How to log it.")
    @functools.wraps(function)
    def called(config: Path | None, environment: str | None, log_level: str, log_format: str, **rest: Any) -> Any:
        if config is None and click.get_current_context().info_name not in _ANYWHERE:
            rest = _seen_from_configuration(rest)
        start_logging(log_level, log_format)
        return function(Invocation(config, environment), **rest)

    return called


def warn_without_policy(settings: Settings) -> None:
    """Warn that nothing limits what may be decided, because there is no configuration."""
    if settings.path is None:
        click.echo(f"warning: no {DEFAULT_CONFIG} was found, so no policy applies: nothing is limited", err=True)


def require_policy(settings: Settings, *, no_policy: bool) -> None:
    """Refuse to apply without a configuration, unless that is asked for. Raises GuardRefused."""
    if settings.path is None and not no_policy:
        raise GuardRefused(
            f"no {DEFAULT_CONFIG} was found, so no policy would hold",
            "name one with --config, make one with `reconciler init`, or add --no-policy",
        )
    warn_without_policy(settings)


def part_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --ticket, --object and --change; it receives them as `wanted`."""

    @click.option("--ticket", "names", multiple=True, help="Only this ticket, by GUID or name (repeatable).")
    @click.option(
        "--object",
        "objects",
        multiple=True,
        metavar="PATTERN",
        help=r"Only these objects, by name or DN: \VED\Policy\Web\**.",
    )
    @click.option("--change", "changes", multiple=True, help="Only decisions of this change (repeatable).")
    @functools.wraps(function)
    def called(
        *arguments: Any, names: tuple[str, ...], objects: tuple[str, ...], changes: tuple[str, ...], **rest: Any
    ) -> Any:
        return function(*arguments, wanted=Wanted(names, objects, changes), **rest)

    return called


def emergency_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --emergency; it receives the incident as `incident`, None when it is none."""
    return click.option(
        "--emergency", "incident", metavar="INCIDENT", help="Decide one ticket at once: two people, no pull request."
    )(function)


def check_emergency(incident: str | None, wanted: Wanted, paths: tuple[str, ...]) -> None:
    """Raise UsageError unless an emergency names its one ticket, and no saved plan."""
    if incident is None:
        return
    if len(wanted.names) != 1 or wanted.objects or wanted.changes:
        raise click.UsageError("--emergency decides one ticket: name it with --ticket, and nothing else")
    if any(path.endswith(".json") for path in paths):
        raise click.UsageError("--emergency plans its ticket itself: leave the saved plan out")


def _seen_from_configuration(values: dict[str, Any]) -> dict[str, Any]:
    """Go to the folder above that has the configuration, and return the values with their paths as seen from there."""
    here, root = Path.cwd(), _folder_of_configuration()
    if root is None:
        return values
    os.chdir(root)
    click.echo(f"found {DEFAULT_CONFIG} in {terminal(str(root))}; paths are shown as seen from there", err=True)
    return {name: _seen_from(here, value, paths=name == "paths") for name, value in values.items()}


def _folder_of_configuration() -> Path | None:
    """Look upwards as far as the root of the repository; None when it is here already, or nowhere."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DEFAULT_CONFIG).is_file():
            inside = any((above / ".git").exists() for above in (folder, *folder.parents))
            return folder if folder != here and inside else None
        if (folder / ".git").exists():
            return None
    return None


def _seen_from(here: Path, value: Any, *, paths: bool) -> Any:
    if isinstance(value, Path):
        return Path(os.path.relpath(here / value))
    if isinstance(value, tuple) and value and (paths or all(isinstance(each, Path) for each in value)):
        return tuple(type(each)(os.path.relpath(here / each)) for each in value)
    return value
