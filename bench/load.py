"""A closed-loop HTTP client: each connection sends its next request when its last one is answered."""

import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_HEADER_END = b"\r\n\r\n"
_OK = b" 200 "


@dataclass(frozen=True)
class Request:
    """What is sent again and again."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def raw(self, host: str) -> bytes:
        """The bytes on the wire."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Load(NamedTuple):
    """What some seconds of load showed."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.started = 0.0

    def send(self, raw: bytes) -> None:
        self.received.clear()
        self.socket.sendall(raw)

    def is_answered(self) -> bool:
        """Take what has arrived; whether the answer is whole.

        Raises:
            RuntimeError: The server failed or hung up.
        """
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise RuntimeError(f"the server hung up: {bytes(self.received[:300])!r}")
        self.received += piece
        head, found, body = self.received.partition(_HEADER_END)
        if not found:
            return False
        lowered = bytes(head).lower()
        if _OK not in lowered.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"the server failed: {bytes(self.received[:500])!r}")
        if b"transfer-encoding: chunked" in lowered:
            return body.endswith(b"0\r\n\r\n")
        length = lowered.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        return len(body) >= int(length)


def one(port: int, request: Request) -> bytes:
    """One request's answer: headers and body."""
    connection = _Connection(port)
    try:
        connection.send(request.raw(f"127.0.0.1:{port}"))
        while not connection.is_answered():
            pass
        return bytes(connection.received)
    finally:
        connection.socket.close()


def press(port: int, request: Request, *, clients: int, seconds: float, at_once: int = 0) -> Load:
    """Send `request` over `clients` connections for some seconds.

    Args:
        port: The server's.
        request: What is sent.
        clients: How many wait for an answer, and then send the next request, at any moment.
        seconds: How long.
        at_once: How many requests the server is sent at once, 0 for all; others wait, and their time counts.
    """
    raw = request.raw(f"127.0.0.1:{port}")
    taken = []
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port) for _ in range(clients)]
        try:
            begin = time.perf_counter()
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.started = begin
            waiting = deque(connections)
            for _ in range(at_once or clients):
                waiting.popleft().send(raw)
            while len(waiting) < clients:  # until all that was sent is answered: nothing is left behind
                for key, _ in selector.select(timeout=60):
                    if key.data.is_answered():
                        ended = time.perf_counter()
                        waiting.append(key.data)
                        if ended - begin < seconds:
                            taken.append(ended - key.data.started)
                            key.data.started = ended
                            waiting.popleft().send(raw)
        finally:
            for connection in connections:
                connection.socket.close()
    milliseconds = np.array(taken) * 1000
    return Load(len(taken), seconds, float(np.median(milliseconds)), float(np.percentile(milliseconds, 99)))
