"""A bucket on loopback that answers ranged, conditional GETs, and misbehaves as told."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class Bucket:
    """Objects by path, the requests that came, and what to do to the next ones.

    A misbehaviour is one of `503`, `close` (without an answer), `cut` (half of the body), `403`.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    misbehave: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def etag(self, path: str) -> str:
        return f'"{hashlib.md5(self.objects[path], usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        with self.bucket.lock:
            self.bucket.connections += 1

    def do_GET(self) -> None:
        with self.bucket.lock:
            self.bucket.requests.append((self.path, dict(self.headers.items())))
            fault = self.bucket.misbehave.pop(0) if self.bucket.misbehave else ""
        if fault == "close":
            self.close_connection = True
            return
        if fault.isdigit():
            self._send(int(fault), b"<Error><Code>SlowDown</Code></Error>" if fault == "503" else b"")
            return
        if self.path not in self.bucket.objects:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        self._object(fault)

    def _object(self, fault: str) -> None:
        body, etag = self.bucket.objects[self.path], self.bucket.etag(self.path)
        if self.headers.get("If-None-Match") == etag:
            self._send(304, b"", etag)
            return
        if self.headers.get("If-Match", etag) != etag:
            self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted is None:
            self._send(200, body, etag)
            return
        start, end = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        if start > end:
            self._send(416, b"<Error><Code>InvalidRange</Code></Error>", etag)
            return
        part = body[start : end + 1]
        self._send(206, part, etag, f"bytes {start}-{end}/{len(body)}", cut=fault == "cut")

    def _send(
        self, status: int, body: bytes, etag: str = "", content_range: str = "", *, cut: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if etag:
            self.send_header("ETag", etag)
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if cut:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(bucket: Bucket) -> Iterator[Bucket]:
    """The bucket behind a port of this machine, for as long as the block lasts."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket}))
    server.daemon_threads = True
    bucket.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
