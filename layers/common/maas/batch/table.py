"""A block of CSV rows in the model's function: to columns, and back to rows with predictions beside them."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np

from maas.batch.cells import CellColumn, column, is_required, written
from maas.batch.rejects import NO_TEXT, Reject, is_text
from maas.batch.rows import Rows
from maas.contract import Columns, Contract
from maas.errors import InvalidRecord

DELIMITERS = (",", ";", "\t", "|")
MAX_FIELD = 2 * 1024 * 1024  # characters; the standard library's own limit is 131072


class UnfitFile(InvalidRecord):
    """Nothing in this file can be scored: its header does not fit the model."""

    code, title = "unfit-file", "Unfit file"


class Table:
    """The columns of one CSV file, as its header gives them.

    Raises:
        UnfitFile: The header lacks a required field, or names a field twice.
    """

    def __init__(self, header: str, contract: Contract[Any, Any]) -> None:
        self._contract = contract
        self.delimiter, self.names = _read_header(header, contract)
        known = {name: self.names.index(name) for name in contract.fields if name in self.names}
        missing = [f.name for f in contract.fields.values() if is_required(f) and f.name not in known]
        if missing:
            given = ", ".join(self.names)[:200]
            raise UnfitFile(
                f"The header lacks {', '.join(missing)}. It has: {given}. Required are: "
                f"{', '.join(f.name for f in contract.fields.values() if is_required(f))}."
            )
        twice = sorted(name for name in known if self.names.count(name) > 1)
        if twice:
            raise UnfitFile(f"The header names {', '.join(twice)} twice.")
        self._known = known
        self._readers = {name: CellColumn(f) for name, f in contract.fields.items()}
        self.ignored = frozenset(name for name in self.names if name not in contract.fields)
        self.answers = {
            name: f"predicted_{name}" if name in self.names else name for name in contract.answers
        }

    def header(self) -> str:
        """The header of the output."""
        return self._line([*self.names, *self.answers.values()])

    def read(self, text: str, line: int) -> Rows:
        """The rows of `text`, whose first line is line `line` of the file."""
        parsed = self._parse_plain(text, line) if _is_plain(text) and is_text(text) else None
        cells, lines, texts, rejects = parsed or self._parse(text, line)
        count = len(lines) + len(rejects)
        values: dict[str, list[Any]] = {}
        faults: dict[int, Reject] = {}
        for name, reader in self._readers.items():
            if name not in self._known:
                values[name] = reader.default(len(lines))
                continue
            values[name], found = reader.read(cells[self._known[name]])
            for row, (place, reason) in found.items():
                at = name if place is None else f"{name}/{place}"
                faults.setdefault(row, Reject(lines[row], at, reason))
        if faults:
            good = [row not in faults for row in range(len(lines))]
            values = {name: list(compress(found, good)) for name, found in values.items()}
            lines, texts = list(compress(lines, good)), list(compress(texts, good))
            rejects = sorted([*rejects, *faults.values()])
        columns = {name: column(f, values[name]) for name, f in self._contract.fields.items()}
        return Rows(columns, lines, texts, rejects, count, self.ignored)

    def write(self, texts: Sequence[str], predictions: Columns, _: frozenset[str] = frozenset()) -> str:
        """The rows with their predictions, each on a line of its own (or more, where it has line ends)."""
        cells = [self._quoted(written(answer, as_json=False)) for answer in predictions.values()]
        return "\n".join([*map(self.delimiter.join, zip(texts, *cells, strict=True)), ""])

    def _parse_plain(
        self, text: str, line: int
    ) -> tuple[list[list[str]], Sequence[int], list[str], list[Reject]] | None:
        """All cells by column where no cell is quoted; None where some row is blank or not of full width."""
        body = text.replace("\r\n", "\n").removesuffix("\n")
        width = len(self.names)
        data = np.frombuffer(body.encode(), dtype=np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        commas = np.flatnonzero(data == ord(self.delimiter))
        marks = np.searchsorted(commas, np.append(ends, len(data)))
        if not len(data) or (np.diff(marks, prepend=0) != width - 1).any():
            return None
        texts = body.split("\n")
        if width == 1 and "" in texts:
            return None
        cells = body.replace("\n", self.delimiter).split(self.delimiter)
        columns = [cells[i::width] for i in range(width)]
        return columns, range(line, line + len(texts)), texts, []

    def _parse(self, text: str, line: int) -> tuple[list[list[str]], Sequence[int], list[str], list[Reject]]:
        """The same for quoted cells, blank lines and rows of another width."""
        rows, lines, rejects = [], [], []
        width, damaged = len(self.names), not is_text(text)
        for at, row in self._records(text, line):
            if not row:
                continue  # a blank line is no row
            if damaged and not is_text("".join(row)):
                rejects.append(Reject(at, None, NO_TEXT))
            elif len(row) == width:
                rows.append(row)
                lines.append(at)
            else:
                rejects.append(Reject(at, None, f"The row has {len(row)} cells, the header {width}"))
        columns = [list(found) for found in zip(*rows, strict=True)] or [[] for _ in self.names]
        return columns, lines, list(map(self._line, rows)), rejects

    def _records(self, text: str, line: int) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter)
        after = 0
        for row in reader:
            yield line + after, row
            after = reader.line_num

    def _line(self, cells: Sequence[str]) -> str:
        return self.delimiter.join(self._quoted(cells))

    def _quoted(self, cells: Sequence[str]) -> list[str]:
        special = (self.delimiter, '"', "\n", "\r")
        whole = "".join(cells)
        if not any(sign in whole for sign in special):
            return list(cells)
        return [
            '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in special) else cell
            for cell in cells
        ]


def _is_plain(text: str) -> bool:
    return '"' not in text and ("\r" not in text or text.count("\r") == text.count("\r\n"))


def _read_header(header: str, contract: Contract[Any, Any]) -> tuple[str, list[str]]:
    """The delimiter under which most names are known, and the names."""

    def names(delimiter: str) -> list[str]:
        row: list[str] = next(csv.reader([header.strip("\r\n")], delimiter=delimiter), [])
        return [name.strip() for name in row]

    def known(delimiter: str) -> int:
        return len(set(names(delimiter)) & set(contract.fields))

    csv.field_size_limit(MAX_FIELD)
    try:
        best = max(DELIMITERS, key=known)  # the first of equals
        return best, names(best)
    except csv.Error as error:
        raise UnfitFile(f"The header cannot be read: {error}.") from error
