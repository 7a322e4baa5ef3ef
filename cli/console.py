"""What is printed: answers on standard output, progress and remarks on standard error."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Piped output has no width of its own: wide enough that no cell of ours is cut.
PIPED_WIDTH = 200


def stdout() -> Console:
    """A console on standard output as it is now (tests and shells replace it)."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def stderr() -> Console:
    """A console on standard error as it is now."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PIPED_WIDTH, highlight=False)


def emit(document: Any) -> None:
    """Print one JSON document on standard output; NaN becomes null, as JSON has no word for it."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    typer.echo(orjson.dumps(document, option=options, default=str).decode())


def say(text: str = "", *, style: str = "") -> None:
    """Print one line on standard output, never wrapped: addresses and commands stay copyable."""
    stdout().print(Text(text, style=style), soft_wrap=True)


def remark(text: str, *, style: str = "dim") -> None:
    """Print one line on standard error, for what is no part of the answer."""
    stderr().print(Text(text, style=style), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table on standard output; columns of numbers are set to the right."""
    cells = [[cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row] for row in rows]
    grid = Table(
        box=box.SIMPLE_HEAD,
        show_header=any(columns),
    )
    for index, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[index].plain) for row in cells)
        # Folding keeps long values whole where cutting would lose them.
        grid.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        grid.add_row(*row)
    if title:  # not the table's own, which is folded to the table's width
        say(title, style="bold")
    stdout().print(grid)


def plain(value: object, digits: int = 4) -> str:
    """A value as people read it: rounded to significant digits, long arrays as their shape, None as '-'."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
        case list() | tuple():
            return _array(value, digits)
        case dict():
            return ", ".join(f"{key}: {plain(item, digits)}" for key, item in value.items())
        case _:
            return str(value)


def size(octets: int) -> str:
    """A number of bytes in the binary unit that suits it."""
    amount, units = float(octets), ["B", "KiB", "MiB", "GiB"]
    while amount >= 1024 and len(units) > 1:  # noqa: PLR2004 - the unit's definition
        amount, units = amount / 1024, units[1:]
    return f"{octets} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def _array(values: Sequence[object], digits: int) -> str:
    """A short array as its values, a long or nested one as its shape."""
    shown = 4
    nested = bool(values) and isinstance(values[0], list | tuple)
    if not nested and len(values) <= shown:
        return "[" + ", ".join(plain(value, digits) for value in values) + "]"
    shape, inner = [len(values)], values[0]
    while isinstance(inner, list | tuple) and inner:
        shape.append(len(inner))
        inner = inner[0]
    return "[" + " x ".join(map(str, shape)) + " values]"


def _is_number(text: str) -> bool:
    """Whether a printed cell reads as a number ('-' counts: a missing one)."""
    return text == "-" or text.replace(",", "").replace(".", "", 1).lstrip("+-").isdigit()
