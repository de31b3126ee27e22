"""What a use case tells people who wait: a bar on terminals, sentences on standard error, the run's id in logs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from reconciler.cli.logs import name_run
from reconciler.ports import Progress


class Rate(ProgressColumn):
    """How many items get done in a second."""

    def render(self, task: Task) -> Text:
        """Spell the rate once it is known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class Terminal:
    """The observer of a command line; implements ports.Observer."""

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Progress]:
        """Show a bar with rate and remaining time on standard error, where that is a terminal; it disappears again."""
        if not sys.stderr.isatty():
            yield lambda _done: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda done: bar.advance(task, done)

    def notice(self, text: str) -> None:
        """Print a sentence on standard error."""
        click.echo(text, err=True)

    def run_named(self, run: str) -> None:
        """Give all further log records the id of the run."""
        name_run(run)
