"""How far reading is: a bar on a terminal's standard error, and nothing anywhere else."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.event_sources import Batch, EventSource


@contextmanager
def reading_progress(source: "EventSource", what: str) -> "Generator[Callable[[Batch], None]]":
    """Gives the function to call when a batch is done with."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("reading"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[lines]:,} {task.fields[what]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("reading", total=source.total, lines=0, what=what)
        lines = 0

        def on_batch(batch: "Batch") -> None:
            nonlocal lines
            lines += len(batch.lines)
            progress.update(task, completed=batch.done, total=source.total, lines=lines)

        yield on_batch
