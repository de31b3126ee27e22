"""`reconciler windows`: when the named windows of the configuration open next."""

from datetime import datetime

import click

from reconciler.app.context import SystemClock
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.terminal import local_zone
from reconciler.manifests.times import zone_of
from reconciler.manifests.windows import preview
from reconciler.model.status import parse_instant
from reconciler.rendering.times import windows_json, windows_text


@click.command()
@click.option("--at", metavar="TIME", help="Look from this time on, such as 2036-03-29T00:00:00Z [default: now].")
@click.option("--count", type=click.IntRange(1, 100), default=3, show_default=True, help="Occurrences of each window.")
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(invocation: Invocation, at: str | None, count: int, style: str) -> int:
    """Preview the named windows in UTC and local time, daylight saving shown."""
    previews = preview(invocation.settings().windows, _instant(at), count)
    if style == "json":
        click.echo(windows_json(previews), nl=False)
        return 0
    if not previews:
        click.echo("no windows are defined; define them under `windows` in the configuration", err=True)
    zones = [zone_of(window.timezone) if window.timezone else local_zone() for window in previews]
    click.echo(windows_text(previews, zones), nl=False)
    return 0


def _instant(at: str | None) -> datetime:
    if at is None:
        return SystemClock().now()
    try:
        return parse_instant(at)
    except (ValueError, OverflowError):
        hint = f"{at!r} is no time with an offset, such as 2036-03-29T00:00:00Z"
        raise click.BadParameter(hint, param_hint="'--at'") from None
