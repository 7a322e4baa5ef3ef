"""One growing result, written in parts of a multipart upload that stays invisible until it is complete.

Results of ranges that were scored apart, in any order, make one object: each range has part numbers of its
own, and holds back its first bytes, its head. S3 takes a part below 5 MiB only at the very end, so the
heads of ranges that gave little are joined when all are there.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from maas.batch.files import Files
from maas.batch.names import Refused

MAX_PARTS = 10_000  # S3's limit


class Part(NamedTuple):
    """One part of the upload: number and entity tag."""

    number: int
    etag: str


class Piece(NamedTuple):
    """Consecutive bytes of a file that went through one invocation: their number and their SHA-256."""

    size: int
    sha256: str


class StreamState(BaseModel):
    """What is known of a stream between invocations.

    Attributes:
        upload: The multipart upload's id, once there is one.
        head: The key of the first bytes, once there are more.
        parts: The parts after them.
        carry: The key of the bytes that made no part yet.
        pieces: Digests of all bytes so far, in order.
    """

    model_config = ConfigDict(frozen=True)

    upload: str | None = None
    head: str | None = None
    parts: tuple[Part, ...] = ()
    carry: str | None = None
    pieces: tuple[Piece, ...] = ()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return sum(piece.size for piece in self.pieces)


class Stream:
    """Takes bytes in order and turns them into a head and parts.

    Args:
        files: Where to.
        key: The object that is to appear.
        state: What an earlier invocation left.
        scratch: A prefix of our own for bytes that wait.
        first_number: The first of the numbers that this range may give its parts; the head has this one.
        part: Bytes per part.
    """

    def __init__(
        self,
        files: Files,
        key: str,
        state: StreamState,
        *,
        scratch: str,
        metadata: dict[str, str],
        content_type: str,
        first_number: int = 1,
        part: int,
    ) -> None:
        self._files = files
        self._key = key
        self._state = state
        self._scratch = scratch
        self._metadata = metadata
        self._content_type = content_type
        self._first_number = first_number
        self._part = part
        self._buffer = [files.read(state.carry).body] if state.carry else []
        self._buffered = sum(map(len, self._buffer))
        self._digest = sha256()
        self._written = 0

    @property
    def whole(self) -> bytes | None:
        """All bytes, where they are few; None where parts of them were uploaded already."""
        return None if self._state.head else b"".join(self._buffer)

    def write(self, data: bytes) -> None:
        """Take more bytes."""
        if not data:
            return
        self._digest.update(data)
        self._written += len(data)
        self._buffer.append(data)
        self._buffered += len(data)
        # Twice a part, so that what remains at the end is never too little for one.
        while self._buffered >= 2 * self._part:
            buffer = b"".join(self._buffer)
            self._flush(buffer[: self._part])
            self._buffer, self._buffered = [buffer[self._part :]], len(buffer) - self._part

    def checkpoint(self, name: str) -> StreamState:
        """Save what waits, under a name that was never used; the state from which a later stream goes on."""
        carry = None
        if self._buffered:
            carry = f"{self._scratch}{name}"
            self._files.put(carry, b"".join(self._buffer))
        pieces = (*self._state.pieces, *self._current_piece())
        return self._state.model_copy(update={"carry": carry, "pieces": pieces})

    def described(self) -> StreamState:
        """The state of a stream that was never stored: its digests alone."""
        pieces = (*self._state.pieces, *self._current_piece())
        return self._state.model_copy(update={"carry": None, "pieces": pieces})

    def close(self, name: str) -> StreamState:
        """Write all that waits; the final state, which has no carry."""
        if self._buffered:
            self._flush(b"".join(self._buffer), name)
            self._buffer, self._buffered = [], 0
        pieces = (*self._state.pieces, *self._current_piece())
        return self._state.model_copy(update={"carry": None, "pieces": pieces})

    def _number(self) -> int:
        number = self._first_number + 1 + len(self._state.parts)
        if number > MAX_PARTS:
            raise Refused("The result is larger than S3 lets an object become.")
        return number

    def _current_piece(self) -> list[Piece]:
        return [Piece(self._written, self._digest.hexdigest())] if self._written else []

    def _flush(self, data: bytes, name: str = "head") -> None:
        if self._state.head is None:
            head = f"{self._scratch}{name}-{sha256(data).hexdigest()[:16]}"
            self._files.put(head, data)
            self._state = self._state.model_copy(update={"head": head})
            return
        if self._state.upload is None:
            upload = self._files.begin(self._key, metadata=self._metadata, content_type=self._content_type)
            self._state = self._state.model_copy(update={"upload": upload})
        number = self._number()
        etag = self._files.upload_part(self._key, str(self._state.upload), number, data)
        parts = (*self._state.parts, Part(number, etag))
        self._state = self._state.model_copy(update={"parts": parts})


def assemble(
    files: Files, key: str, upload: str, ranges: Sequence[tuple[int, StreamState]], *, least: int
) -> Iterator[Part]:
    """All parts of the object that the ranges make, in order, after uploading the heads as parts.

    Args:
        files: Where they lie.
        key: The object that is to appear.
        upload: The multipart upload.
        ranges: Each range's first number and final state, in the order of the file.
        least: The fewest bytes of a part that is not the last.
    """
    waiting, number = b"", 1
    for first_number, state in ranges:
        if state.head:
            waiting += files.read(state.head).body
        number = first_number
        if state.parts or len(waiting) >= least:
            yield Part(number, files.upload_part(key, upload, number, waiting))
            waiting = b""
        yield from state.parts
    if waiting:
        yield Part(number, files.upload_part(key, upload, number, waiting))
