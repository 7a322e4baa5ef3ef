"""Static files of a page, read once, with the headers that keep a browser within it."""

import gzip
import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from maas.errors import RouteNotFound
from maas.protocol.problem import Reply

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Pages:
    """The files of some folders; nothing outside is reachable, for names are looked up, not opened.

    Args:
        folders: Hold the files; folders in them are not looked at.
        connect: Origins besides the page's own that its scripts may call.
    """

    def __init__(self, *folders: Path, connect: Sequence[str] = ()) -> None:
        self._folders = folders
        self._policy = "; ".join(
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' blob: data:",
                f"connect-src {' '.join(["'self'", *connect])}",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ]
        )

    @cached_property
    def _files(self) -> dict[str, bytes]:
        found = {}
        for path in (path for folder in self._folders for path in folder.iterdir()):
            name = path.name.removesuffix(".gz")  # as the layer's build packs what is large
            if Path(name).suffix in _TYPES:
                found[name] = gzip.decompress(path.read_bytes()) if name != path.name else path.read_bytes()
        return found

    @cached_property
    def _tag(self) -> str:
        """One entity tag for all: scripts of two releases must not meet in one page."""
        digest = hashlib.sha256()
        for name in sorted(self._files):
            digest.update(name.encode() + b"\0" + self._files[name])
        return f'"{digest.hexdigest()[:32]}"'

    def reply(self, name: str, if_none_match: str = "") -> Reply:
        """The file `name`.

        Raises:
            RouteNotFound: There is none.
        """
        if name not in self._files:
            raise RouteNotFound(f"There is no file {name[:80]!r} here.")
        media_type = _TYPES[Path(name).suffix]
        headers = {
            "Cache-Control": "no-cache",  # kept, but asked for again: a release shows at once
            "Content-Security-Policy": self._policy,
            "ETag": self._tag,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        if if_none_match == self._tag:
            return Reply(304, media_type, b"", headers)
        return Reply(200, media_type, self._files[name], headers)
