"""How far a measurement is, on standard error."""

from typing import Protocol

from rich.console import Console


class Progress(Protocol):
    """Told what is measured now and how far it is."""

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Show it."""
        ...


def on_terminal(part: str) -> Progress:
    """One line that is overwritten on a terminal, one line per step elsewhere."""
    console = Console(stderr=True, highlight=False)
    last = ""

    def show(doing: str, done: int, total: int) -> None:
        nonlocal last
        line = f"{part}: {doing} ({done + 1}/{total})"
        if console.is_terminal:
            console.print(line, end="\r")
        elif doing != last:
            console.print(line)
        last = doing

    return show
