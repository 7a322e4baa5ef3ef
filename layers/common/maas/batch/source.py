"""What a file is, beyond what its name says: compression, encoding, header; and its bytes, in order."""

import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

from maas.batch.cut import MAX_ROW_BYTES, first_row
from maas.batch.names import FileName, Refused

_INFLATED_BYTES = 1024 * 1024
# Text of a kind worth scoring shrinks to a twentieth at best; what shrinks further is made to fill memories.
MAX_RATIO = 250
MAX_SMALL_BYTES = 256 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_UTF_8_BOM = b"\xef\xbb\xbf"
_SAMPLE_LINES = 1000
_LAST_OF_TWO_BYTES = "\u07ff"
_DOUBTFUL = 0.25
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zXZ": "compressed with xz",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}

Encoding = Literal["utf-8", "gb18030"]


class RangeReader(Protocol):
    """Where the bytes come from, as `maas.batch.files.Files` reads them from S3."""

    def read_range(self, key: str, etag: str, start: int, end: int) -> bytes:
        """Bytes start to end (exclusive) of this version of an object."""


class Start(NamedTuple):
    """How a file begins.

    Attributes:
        offset: Where its first row begins, in bytes, uncompressed.
        line: That row's line, counted from 1.
        header: The header of a CSV file; empty where the file is.
        marked: Whether its text begins with a byte order mark.
        encoding: Its encoding, where its beginning tells; None where that is plain ASCII.
    """

    offset: int
    line: int
    header: str
    marked: bool
    encoding: Encoding | None


class Source:
    """The bytes of one version of an inbox file."""

    def __init__(
        self,
        files: RangeReader,
        key: str,
        etag: str,
        size: int,
        name: FileName,
        *,
        read: int = 4 * 1024 * 1024,
    ) -> None:
        """`read` is how many bytes one request asks for."""
        self._files = files
        self._key = key
        self._etag = etag
        self._size = size
        self._name = name
        self._read = read

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The uncompressed bytes from `start` on, up to `end`.

        Raises:
            Refused: The file is not the gzip file its name says, damaged, or a bomb.
            Replaced: It was replaced meanwhile.
        """
        if self._name.compressed:
            yield from _from(start, self._inflated())
        else:
            yield from self._stored(start, self._size if end is None else end)

    def begin(self) -> Start:
        """Look at the file's beginning.

        Raises:
            Refused: It is not what its name says.
        """
        data = b""
        for chunk in self.chunks(0, min(self._size, MAX_ROW_BYTES + _INFLATED_BYTES)):
            data += chunk
            if len(data) > MAX_ROW_BYTES:
                break
        _refuse_foreign(data, self._name)
        # The last character may be cut in two where more is to come.
        sample = data[: data.rfind(b"\n") + 1] if len(data) > MAX_ROW_BYTES else data
        marked = data.startswith(_UTF_8_BOM)
        offset = len(_UTF_8_BOM) if marked else 0
        encoding: Encoding | None = "utf-8" if marked else encoding_of(sample)
        if self._name.format == "jsonl":
            return Start(offset, 1, "", marked, encoding)
        line = 1
        while (
            data[offset:].strip() and not (header := data[offset : offset + first_row(data[offset:])]).strip()
        ):
            offset, line = offset + len(header), line + header.count(b"\n")
        if not data[offset:].strip():
            return Start(len(data), line, "", marked, encoding)
        if len(header) > MAX_ROW_BYTES:
            raise Refused("The first line is longer than any header can be.")
        try:
            text = header.decode(encoding or "utf-8").strip("\r\n")
        except UnicodeDecodeError:
            raise Refused("The header is neither UTF-8 nor GBK text.") from None
        return Start(offset + len(header), line + header.count(b"\n"), text, marked, encoding)

    def _stored(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, self._read):
            yield self._files.read_range(self._key, self._etag, at, min(at + self._read, end))

    def _inflated(self) -> Iterator[bytes]:
        allowed = max(MAX_SMALL_BYTES, MAX_RATIO * self._size)
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        total, between = 0, True  # between two members, of which a gzip file may have many
        for stored in self._stored(0, self._size):
            data = stored
            while data:
                if between and not (data := data.lstrip(b"\0")):
                    break  # padding
                try:
                    text = inflater.decompress(data, _INFLATED_BYTES)
                except zlib.error as error:
                    raise Refused(f"The file is not what .gz says, or damaged ({error}).") from None
                between, data = inflater.eof, inflater.unconsumed_tail or inflater.unused_data
                if between:
                    inflater = zlib.decompressobj(_GZIP_WINDOW)
                total += len(text)
                if total > allowed:
                    raise Refused(f"The file grows to more than {allowed} bytes: nothing earnest shrinks so.")
                if text:
                    yield text
        if not between:
            raise Refused("The file ends in the middle of its gzip data.")


def encoding_of(data: bytes) -> Encoding | None:
    """The encoding that the lines of `data` speak for, UTF-8 if they leave it open; None if all is ASCII."""
    lines = [line for line in data.splitlines() if not line.isascii()][:_SAMPLE_LINES]
    if not lines:
        return None
    evidence = {"utf-8": 0.0, "gb18030": 0.0}
    for line in lines:
        as_utf_8, as_gb18030 = _decoded(line, "utf-8"), _decoded(line, "gb18030")
        if as_utf_8 is None:
            evidence["gb18030"] += as_gb18030 is not None
        else:
            # GBK never looks like three bytes of UTF-8 by chance, but a single character may look like two.
            sure = as_gb18030 is None or max(as_utf_8) > _LAST_OF_TWO_BYTES
            evidence["utf-8"] += 1 if sure else _DOUBTFUL
    return "gb18030" if evidence["gb18030"] > evidence["utf-8"] else "utf-8"


def _decoded(line: bytes, encoding: Encoding) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _from(start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes from `start` on."""
    for chunk in chunks:
        if start >= len(chunk):
            start -= len(chunk)
            continue
        yield chunk[start:]
        start = 0


def _refuse_foreign(data: bytes, name: FileName) -> None:
    if data.startswith(_GZIP):
        raise Refused("The file is compressed with gzip: let its name end in .gz.")
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise Refused(f"The file is {what}, not .{name.format}.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("The file is UTF-16 text: save it as UTF-8.")
    if b"\0" in data[:4096]:
        raise Refused(f"The file is binary data, not .{name.format}.")
    first = data.removeprefix(_UTF_8_BOM).lstrip()[:1]
    if name.format == "jsonl" and first == b"[":
        raise Refused("The file is one JSON array, not JSON Lines: write one object per line.")
    if name.format == "jsonl" and first and first != b"{":
        raise Refused("The file does not begin with a JSON object: it is no JSON Lines.")
    if name.format == "csv" and first in {b"{", b"["}:
        raise Refused("The file begins like JSON: if it is JSON Lines, let its name end in .jsonl.")
