"""A folder as a bucket: a store that writes into it, and a server that reads from it as S3 would.

The server is for reading only, quick, and can limit each connection as S3 does.
"""

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from maas.artifact import digest_of
from maas.errors import AlreadyExists, Conflict, KeyMissing
from maas.store import ObjectStore, StoredObject

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE = 1 << 20


def _tag(path: Path) -> str:
    stat = path.stat()
    return (
        f'"{hashlib.md5(f"{stat.st_mtime_ns}/{stat.st_size}".encode(), usedforsecurity=False).hexdigest()}"'
    )


class FolderStore(ObjectStore):
    """An ObjectStore over a folder; for one process at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.name, lambda: None)  # type: ignore[arg-type, return-value]
        self._folder = folder

    def read(self, key: str) -> StoredObject:
        """As in ObjectStore."""
        path = self._folder / key
        if not path.is_file():
            raise KeyMissing(key)
        return StoredObject(path.read_bytes(), _tag(path))

    def digest(self, key: str) -> str:
        """As in ObjectStore."""
        return digest_of(self.read(key).body)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
        content_type: str = "",
    ) -> str:
        """As in ObjectStore."""
        del content_type
        path = self._folder / key
        if if_none_match and path.exists() and path.read_bytes() != body:
            raise AlreadyExists(key)
        if if_match is not None and (not path.exists() or _tag(path) != if_match):
            raise Conflict(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return _tag(path)

    def keep(self, key: str, body: bytes, *, content_type: str) -> None:
        """As in ObjectStore."""
        self.put(key, body, if_none_match=True, content_type=content_type)

    def modified(self, key: str) -> datetime:
        """As in ObjectStore."""
        path = self._folder / key
        if not path.is_file():
            raise KeyMissing(key)
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def list(self, prefix: str) -> Iterator[str]:
        """As in ObjectStore."""
        keys = (
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()
        )
        yield from sorted(key for key in keys if key.startswith(prefix))


@contextmanager
def served(  # noqa: C901 - a server class with its few methods
    folder: Path, *, megabytes_per_second: float | None = None
) -> Iterator[str]:
    """The parent of `folder` behind an address of this machine; each connection limited as told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a small body waits 40 ms for the headers to be acknowledged

        def do_GET(self) -> None:
            path = folder.parent / unquote(self.path).lstrip("/")
            if not path.is_file():
                self._head(404, 0)
                return
            size, tag = path.stat().st_size, _tag(path)
            if self.headers.get("If-None-Match") == tag:
                self._head(304, 0, ETag=tag)
                return
            wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
            start, end = (int(wanted[1]), min(int(wanted[2] or size) + 1, size)) if wanted else (0, size)
            range_ = {"Content-Range": f"bytes {start}-{end - 1}/{size}"} if wanted else {}
            self._head(206 if wanted else 200, end - start, ETag=tag, **range_)
            self._body(path, start, end)

        def do_HEAD(self) -> None:
            path = folder.parent / unquote(self.path).lstrip("/")
            self._head(200, path.stat().st_size, ETag=_tag(path))

        def _head(self, status: int, length: int, **headers: str) -> None:
            self.send_response_only(status)
            self.send_header("Content-Length", str(length))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self, path: Path, start: int, end: int) -> None:
            began, sent = time.perf_counter(), 0
            with path.open("rb") as file:
                while start < end:
                    count = os.sendfile(
                        self.connection.fileno(), file.fileno(), start, min(_PIECE, end - start)
                    )
                    start, sent = start + count, sent + count
                    if megabytes_per_second is not None:
                        ahead = sent / (megabytes_per_second * 1e6) - (time.perf_counter() - began)
                        time.sleep(max(0.0, ahead))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    import sys

    # A process of its own, so that its work is not that of whoever reads from it.
    with served(Path(sys.argv[1]), megabytes_per_second=float(sys.argv[2]) or None) as address:
        print(address, flush=True)
        sys.stdin.read()
