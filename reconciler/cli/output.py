"""Plans and runs in every format, to standard output. A new format is a renderer and a line in its table."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from reconciler.cli.terminal import view_of
from reconciler.codec import plan_json, run_json
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.markdown.plan import plan_markdown
from reconciler.rendering.markdown.rows import Page
from reconciler.rendering.markdown.run import run_markdown
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.plan import plan_text
from reconciler.rendering.text.run import run_text
from reconciler.rendering.text.timeline import timeline_text

PLAN_FORMATS: dict[str, Callable[[Plan, View], str]] = {
    "text": plan_text,
    "json": lambda plan, _view: plan_json(plan),
    "markdown": lambda plan, view: plan_markdown(plan, Page(zone=view.zone)),
    "html": lambda plan, _view: plan_page(plan),
}
RUN_FORMATS: dict[str, Callable[[Run, View], str]] = {
    "text": run_text,
    "json": lambda run, _view: run_json(run),
    "markdown": lambda run, view: run_markdown(run, Page(zone=view.zone)),
}


def format_option(names: Sequence[str] | dict[str, Any] = ("text", "json")) -> Callable[..., Any]:
    """Give a command --format with these choices, the first being the default; it receives `style`."""
    names = tuple(names)
    return click.option("--format", "style", type=click.Choice(names), default=names[0], show_default=True)


def detail_of(quiet: bool, verbose: bool) -> Detail:
    """Map --quiet and --verbose to a level of detail."""
    return Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL


def plan_in(plan: Plan, style: str, detail: Detail = Detail.NORMAL) -> str:
    """Spell a plan in one of PLAN_FORMATS."""
    return PLAN_FORMATS[style](plan, view_of(sys.stdout, detail))


def show_plan(plan: Plan, style: str, detail: Detail = Detail.NORMAL) -> None:
    """Print a plan."""
    click.echo(plan_in(plan, style, detail), nl=False)


def show_run(run: Run, style: str, detail: Detail = Detail.NORMAL) -> None:
    """Print the report of a run."""
    click.echo(RUN_FORMATS[style](run, view_of(sys.stdout, detail)), nl=False)


def show_timeline(plan: Plan) -> None:
    """Print windows and freezes along a line of time."""
    click.echo(timeline_text(plan, view_of()), nl=False)
