"""What a person sees while waiting and when a step is done; on a log or a pipe, nothing of it."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.table import Table

    from churn.governance.gates import GateResult

Item = TypeVar("Item")
COLOURS = {"accepted": "green", "refused": "bold red", "undetermined": "yellow"}


def track(items: Iterable[Item], what: str) -> Iterator[Item]:
    """Pass items on, with a progress line on a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}, batch {task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        for item in items:
            yield item
            progress.advance(task)


def gate_table(results: "list[GateResult]") -> "Table":
    """Gate results as a table: gate, verdict, what was found, limit."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )  # fits 80 columns
    for heading in ("gate", "verdict", "found", "limit"):
        table.add_column(heading)
    for result in results:
        verdict = Text(result.verdict, style=COLOURS[result.verdict])
        table.add_row(result.gate, verdict, Text(result.reason), Text(result.limit))
    return table


def show(step: str, result: Any) -> None:
    """Print what a step found: its table where it has one, and its line of facts."""
    from rich.console import Console

    if getattr(result, "gates", None):
        Console().print(gate_table(result.gates))
    sys.stdout.write(f"{step}: {result}\n")
