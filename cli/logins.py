"""Tokens that `maas login` got, one for each address, in a file that nobody else may read."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

EARLY_SECONDS = 30  # a token that is about to expire may expire on its way


@dataclass(frozen=True)
class Logins:
    """The logins kept in one file."""

    file: Path

    @classmethod
    def of_this_user(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Those in the user's configuration folder."""
        home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
        return cls(Path(home) / "maas" / "logins.json")

    def token(self, url: str) -> str | None:
        """The token for an address, if one was got and has not expired."""
        kept = self._read().get(_name(url))
        if not isinstance(kept, dict) or time.time() > kept.get("expires", 0) - EARLY_SECONDS:
            return None
        token = kept.get("token")
        return token if isinstance(token, str) else None

    def keep(self, url: str, token: str, seconds: float) -> None:
        """Keep a token that is good for so many seconds."""
        self._write(self._read() | {_name(url): {"token": token, "expires": time.time() + seconds}})

    def forget(self, url: str) -> bool:
        """Remove the token for an address; False if there was none."""
        kept = self._read()
        found = kept.pop(_name(url), None) is not None
        if found:
            self._write(kept)
        return found

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _write(self, kept: dict[str, Any]) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self.file.with_suffix(f".{os.getpid()}")
        # Never readable by others, not even for the moment between creation and chmod.
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(kept, stream)
        scratch.replace(self.file)


def _name(url: str) -> str:
    return url.rstrip("/")
