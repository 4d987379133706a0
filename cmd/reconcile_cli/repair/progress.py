"""A progress bar on stderr while a run works; stdout has only the summary."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reconcile.domain.run.request import OnProgress
from reconcile.domain.run.request import Progress as Step
from reconcile_cli.terminal import console


@contextmanager
def bar() -> Iterator[OnProgress]:
    """Show a progress bar while the block runs; the yielded function advances it.

    It is hidden if stderr is no terminal.
    """
    columns = (
        TextColumn("workspaces"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[leads]} leads, {task.fields[errors]} errors"),
        TimeElapsedColumn(),
    )
    out = console(is_stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("run", total=None, leads=0, errors=0)

        def advance(step: Step) -> None:
            progress.update(
                task,
                completed=step.workspaces_done,
                total=step.workspaces_planned,
                leads=step.leads_done,
                errors=step.errors,
            )

        yield advance
