"""The bar that shows on a terminal how far a command is. Loaded where there is one: rich takes a tenth of a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from reconciler.ports import Progress


class Rate(ProgressColumn):
    """How many items get done in a second."""

    def render(self, task: Task) -> Text:
        """Spell the rate once it is known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def shown(label: str, total: int) -> Iterator[Progress]:
    """Show a bar with rate and remaining time on standard error, and take it away at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.advance(task, done)
