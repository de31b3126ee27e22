"""The options that every command takes, and the value that carries them."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reconciler.model.settings import Settings

DEFAULT_CONFIG = "reconciler.yaml"
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Invocation:
    """How the command was called: which configuration, which environment of it."""

    config: Path | None
    environment: str | None

    def settings(self) -> "Settings":
        """Load the configuration with the variables of the environment on top. Raises InvalidInput.

        Without --config, reconciler.yaml of the working directory is read when it is there.
        """
        import os

        from reconciler.manifests.config import load_settings

        default = Path(DEFAULT_CONFIG)
        path = self.config or (default if default.exists() else None)
        return load_settings(path, self.environment, os.environ)


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config, --env, --log-level and --log-format; it receives them as its first argument."""

    @click.option("--config", type=click.Path(path_type=Path), help=f"Configuration file [default: {DEFAULT_CONFIG}].")
    @click.option("--env", "environment", metavar="NAME", help="Environment of the configuration to use.")
    @click.option(
        "--log-level", type=click.Choice(LOG_LEVELS), default="warning", help="What to log on standard error."
    )
    @click.option("--log-format", type=click.Choice(("text", "json")), default="text", help="How to log it.")
    @functools.wraps(function)
    def called(config: Path | None, environment: str | None, log_level: str, log_format: str, **rest: Any) -> Any:
        from reconciler.cli.logs import start_logging

        start_logging(getattr(logging, log_level.upper()), log_format)
        return function(Invocation(config, environment), **rest)

    return called
