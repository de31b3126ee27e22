"""Plans and runs in every format, to standard output."""

import sys

import click

from reconciler.cli.terminal import view_of
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.rendering.view import Detail

SAVED_PLAN_FORMATS = ("text", "json", "markdown", "html")
PLAN_FORMATS = (*SAVED_PLAN_FORMATS, "patch")
"""The formats of `plan`. A patch is made from the manifests as they are, so there is none for a saved plan."""
RUN_FORMATS = ("text", "json", "markdown")


def detail_of(quiet: bool, verbose: bool) -> Detail:
    """Return how much a text says."""
    return Detail.QUIET if quiet else Detail.VERBOSE if verbose else Detail.NORMAL


def show_plan(plan: Plan, style: str, detail: Detail = Detail.NORMAL) -> None:
    """Print a plan."""
    click.echo(plan_in(plan, style, detail), nl=False)


def plan_in(plan: Plan, style: str, detail: Detail = Detail.NORMAL) -> str:
    """Spell a plan in one of SAVED_PLAN_FORMATS."""
    if style == "json":
        from reconciler.rendering.json_text import plan_json

        return plan_json(plan)
    if style == "markdown":
        from reconciler.rendering.markdown.plan import plan_markdown
        from reconciler.rendering.markdown.rows import Page

        return plan_markdown(plan, Page(zone=view_of().zone))
    if style == "html":
        from reconciler.rendering.html.plan import plan_page

        return plan_page(plan)
    from reconciler.rendering.text.plan import plan_text

    return plan_text(plan, view_of(sys.stdout, detail))


def show_run(run: Run, style: str, detail: Detail = Detail.NORMAL) -> None:
    """Print the report of a run."""
    if style == "json":
        from reconciler.rendering.json_text import run_json

        text = run_json(run)
    elif style == "markdown":
        from reconciler.rendering.markdown.rows import Page
        from reconciler.rendering.markdown.run import run_markdown

        text = run_markdown(run, Page(zone=view_of().zone))
    else:
        from reconciler.rendering.text.run import run_text

        text = run_text(run, view_of(sys.stdout, detail))
    click.echo(text, nl=False)
