"""A progress bar on terminals, and silence everywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.ports import Progress


def _silent(_done: int) -> None:
    """Show nothing."""


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int], Progress]]:
    """Yield a function that takes the total and returns what is called as items get done.

    The bar is on standard error, with rate and remaining time, and disappears at the end.
    """
    if not sys.stderr.isatty():
        yield lambda _total: _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many items get done in a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:

        def begin(total: int) -> Progress:
            task = bar.add_task(label, total=total)
            return lambda done: bar.advance(task, done)

        yield begin
