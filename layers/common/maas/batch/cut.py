"""Cuts a file into blocks of whole rows, by bytes and without parsing them.

Neither a quote nor a line end is ever the second byte of a character in UTF-8, GBK or GB18030, so bytes tell.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BLOCK_BYTES = 1024 * 1024
MAX_ROW_BYTES = 2 * 1024 * 1024
TOO_LONG = "The row is too long: {size} MiB are the limit"
NEVER_CLOSED = "A quote is opened here and never closed, or only far behind"
_NEWLINE = b"\n"
# A quote opens a quoted cell only at a cell's beginning, as for Python's csv module.
_QUOTED = re.compile(rb'(?:^|(?<=[,;\t|\r\n]))"[^"]*+(?:""[^"]*+)*+(?P<end>"|\Z)')


@dataclass(frozen=True, slots=True)
class Cut:
    """Consecutive bytes of a file: whole rows, or one row that is left out.

    Attributes:
        data: The rows' bytes; empty for a row that is left out.
        line: The line of the file, counted from 1, that they begin with.
        end: Where in the file they end: bytes, uncompressed.
        next_line: The line that follows.
        refused: Why the row is left out.
    """

    data: bytes
    line: int
    end: int
    next_line: int
    refused: str | None = None


class Cutter:
    """Cuts chunks of bytes at the ends of rows.

    Args:
        quoted: Whether line ends inside double quotes belong to a cell, as in CSV.
        offset: Where in the file the first chunk begins, at a row's beginning.
        line: The line that begins there.
        block: About how many bytes go into one block.
        longest: How many bytes a row may have.
    """

    def __init__(
        self,
        *,
        quoted: bool,
        offset: int = 0,
        line: int = 1,
        block: int = BLOCK_BYTES,
        longest: int = MAX_ROW_BYTES,
    ) -> None:
        self._quoted = quoted
        self._offset = offset
        self._line = line
        self._block = block
        self._longest = longest

    def cut(self, chunks: Iterable[bytes]) -> Iterator[Cut]:
        """The cuts, in order: together every byte of the chunks, except for rows that are left out."""
        kept = b""
        skipped = 0  # bytes of a row that is left out and whose end was not met yet
        for chunk in chunks:
            kept += chunk
            if skipped:
                end = kept.find(_NEWLINE) + 1
                skipped += end or len(kept)
                kept = kept[end:] if end else b""
                if not end:
                    continue
                yield self._leave_out(skipped, 1, self._too_long)
                skipped = 0
            while len(kept) >= self._block:
                end = self._last_end(kept, self._block) or self._first_end(kept)
                if 0 < end <= self._longest:
                    yield self._take(kept[:end])
                elif not end and len(kept) <= self._longest:
                    break  # one row so far, of tolerable length: the rest of it may follow
                else:
                    end = kept.find(_NEWLINE) + 1
                    if not end:
                        skipped, kept = len(kept), b""
                        break
                    # Where the first line is short, a quote in it swallows what follows: go on behind it.
                    short = end <= self._longest
                    yield self._leave_out(end, 1, NEVER_CLOSED if short else self._too_long)
                kept = kept[end:]
        if skipped:
            yield self._leave_out(skipped, 0, self._too_long)
        yield from self._rest(kept)

    def _rest(self, kept: bytes) -> Iterator[Cut]:
        """What is left at the end of the file, where the last row may lack its line end."""
        while kept:
            spans = self._quoted_spans(kept)
            if not spans or spans[-1][2]:
                yield self._take(kept)
                return
            end = self._last_end(kept, spans[-1][0])
            if end:
                yield self._take(kept[:end])
                kept = kept[end:]
            end = (kept.find(_NEWLINE) + 1) or len(kept)
            yield self._leave_out(end, kept.count(_NEWLINE, 0, end), NEVER_CLOSED)
            kept = kept[end:]

    def _last_end(self, data: bytes, limit: int) -> int:
        """Where the last whole row within the first `limit` bytes ends; 0 where none does."""
        end = data.rfind(_NEWLINE, 0, limit) + 1
        if not end or not self._quoted or data.find(b'"', 0, end) < 0:
            return end
        for start, stop, closed in reversed(self._quoted_spans(data, end)):
            if closed and stop < end:
                break
            end = data.rfind(_NEWLINE, 0, start) + 1
        return end

    def _first_end(self, data: bytes) -> int:
        """Where the first row ends; 0 where it does not."""
        end = data.find(_NEWLINE) + 1
        for start, stop, closed in self._quoted_spans(data) if self._quoted else ():
            if not end or end <= start:
                break
            if end <= stop:
                end = data.find(_NEWLINE, stop) + 1 if closed else 0
        return end

    def _quoted_spans(self, data: bytes, limit: int | None = None) -> list[tuple[int, int, bool]]:
        """Beginning and end of each quoted cell that begins before `limit`, and whether it is closed."""
        spans: list[tuple[int, int, bool]] = []
        if not self._quoted or b'"' not in data:
            return spans
        for cell in _QUOTED.finditer(data):
            if limit is not None and cell.start() >= limit:
                break
            spans.append((cell.start(), cell.end(), bool(cell["end"])))
        return spans

    @property
    def _too_long(self) -> str:
        return TOO_LONG.format(size=round(self._longest / 1024 / 1024, 1))

    def _take(self, data: bytes) -> Cut:
        return self._advance(data, len(data), data.count(_NEWLINE), None)

    def _leave_out(self, size: int, lines: int, reason: str) -> Cut:
        return self._advance(b"", size, lines, reason)

    def _advance(self, data: bytes, size: int, lines: int, refused: str | None) -> Cut:
        line = self._line
        self._offset += size
        self._line += lines
        return Cut(data, line, self._offset, self._line, refused)


def first_row(data: bytes) -> int:
    """Where the first row of a CSV file ends; all of `data` where no line end shows."""
    return Cutter(quoted=True)._first_end(data) or len(data)  # noqa: SLF001 -- the same rule
