"""Lines between the processes of a team: messages as they are, over TCP."""

import json
import socket
import struct
import time
from contextlib import ExitStack
from typing import Self

from maas.errors import TrainingError
from models.batch_environment import BatchJob

_LENGTH = struct.Struct(">Q")
_PAUSE_SECONDS = 0.2
_GREETING_SECONDS = 5.0
_LONGEST_GREETING = 1024


class Line:
    """One connection; every message is its length and its bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rwb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever state it is in."""
        try:
            self._file.close()
        except OSError:
            pass  # the other side is gone, which was said when it mattered
        finally:
            self._socket.close()

    def say(self, message: bytes) -> None:
        """Send a message.

        Raises:
            TrainingError: The other side is gone.
        """
        try:
            self._file.write(_LENGTH.pack(len(message)))
            self._file.write(message)
            self._file.flush()
        except OSError as error:
            raise _gone() from error

    def hear(self, most: int = 1 << 40) -> bytes:
        """Wait for a message, of so many bytes at most.

        Raises:
            TrainingError: The other side is gone, or speaks another language.
        """
        try:
            head = self._file.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else -1
            message = self._file.read(length) if 0 <= length <= most else b""
        except OSError as error:
            raise _gone() from error
        if len(message) != length:
            raise _gone()
        return message


def call(job: BatchJob, address: tuple[str, int], patience: float) -> Line:
    """An assistant's line to the leader, who may not be there yet.

    Raises:
        TrainingError: Nobody answers in time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection = socket.create_connection(address, timeout=_GREETING_SECONDS)
        except OSError as error:
            if time.monotonic() > deadline:
                raise TrainingError(f"The main node does not answer at {address[0]}:{address[1]}") from error
            time.sleep(_PAUSE_SECONDS)
            continue
        connection.settimeout(None)
        line = Line(connection)
        line.say(_greeting(job, job.node))
        return line


def answer(job: BatchJob, address: tuple[str, int], patience: float) -> list[Line]:
    """The leader's lines to all its assistants, in their order; callers of other jobs are turned away.

    Raises:
        TrainingError: One does not call in time.
    """
    deadline = time.monotonic() + patience
    lines: dict[int, Line] = {}
    with socket.create_server(address, backlog=job.nodes) as server, ExitStack() as opened:
        while missing := set(range(1, job.nodes)) - lines.keys():
            server.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                connection, _ = server.accept()
            except TimeoutError as error:
                raise TrainingError(
                    f"Nodes {sorted(missing)} of {job.nodes} did not come in {patience:g} s"
                ) from error
            connection.settimeout(_GREETING_SECONDS)
            line = opened.enter_context(Line(connection))
            rank = _rank(job, line)
            if rank in missing:
                connection.settimeout(None)
                lines[rank] = line
            else:
                line.close()
        opened.pop_all()  # all are there: whoever asked for the lines closes them
    return [lines[rank] for rank in sorted(lines)]


def _greeting(job: BatchJob, rank: int) -> bytes:
    return json.dumps([job.id, rank]).encode()


def _rank(job: BatchJob, line: Line) -> int | None:
    try:
        said = line.hear(_LONGEST_GREETING)
    except TrainingError:
        return None
    return next((rank for rank in range(1, job.nodes) if said == _greeting(job, rank)), None)


def _gone() -> TrainingError:
    return TrainingError("Another node of this job has ended too early; its own log says why")
