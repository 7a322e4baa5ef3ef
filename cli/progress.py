"""Progress on standard error: a live line per step on a terminal, one plain line per step elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli import console


@dataclass
class Step:
    """One step in progress; calling it says what it is doing now and, where known, how far it is."""

    name: str
    seconds: float = 0.0
    quiet: bool = False
    _bar: Progress | None = None
    _task: TaskID = field(default_factory=lambda: TaskID(0))

    def __call__(self, doing: str, completed: float | None = None, total: float | None = None) -> None:
        """Show `doing`; with `completed` and `total`, a bar."""
        if self._bar:
            label = f"{self.name}: {doing}" if doing else self.name
            self._bar.update(self._task, description=label, completed=completed, total=total)
        elif not self.quiet:
            console.remark(f"{self.name}: {doing}")


@dataclass
class Steps:
    """Steps one after another, each timed; use as a context manager around all of them."""

    quiet: bool = False
    done: list[Step] = field(default_factory=list)
    _bar: Progress | None = None

    def __enter__(self) -> Self:
        out = console.stderr()
        if out.is_terminal and not self.quiet:
            self._bar = Progress(
                SpinnerColumn(finished_text="[green]+[/]"),
                TimeElapsedColumn(),
                BarColumn(bar_width=24),
                # Last, so that a narrow terminal cuts the text and not the bar.
                TextColumn("{task.description}", markup=False),
                console=out,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Run one step: `with steps.step("build") as step: ...`; its time is kept in `done`."""
        step = Step(name, quiet=self.quiet, _bar=self._bar)
        if self._bar:
            step._task = self._bar.add_task(name, total=None)  # noqa: SLF001 - the two are one unit
        started = time.perf_counter()
        try:
            yield step
        except BaseException:
            if self._bar:
                self._bar.stop_task(step._task)  # noqa: SLF001
            raise
        step.seconds = time.perf_counter() - started
        self.done.append(step)
        if self._bar:
            self._bar.update(step._task, description=name, completed=1, total=1)  # noqa: SLF001
        elif not self.quiet:
            console.stderr().print(Text(f"{name}: {step.seconds:.1f} s"), soft_wrap=True)
