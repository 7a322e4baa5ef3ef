"""Servers under measurement: started, waited for, weighed with all their children, and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 90.0
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """A process and everything it started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def members(self) -> list[int]:
        """The living processes that it started, and those of its session, whose parents may have ended."""
        found, parents = {self._process.pid}, {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    parents[int(folder.name)] = int(fields[1])
                    if int(fields[3]) == self._process.pid:
                        found.add(int(folder.name))
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found & parents.keys())

    def cpu_seconds(self) -> float:
        """User and system time of all members so far."""
        total = 0
        for member in self.members():
            with suppress(OSError):
                fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / _TICK

    def megabytes(self) -> float:
        """Memory of all members, what they share counted once (PSS where the kernel tells it, else RSS)."""
        total = 0.0
        for member in self.members():
            with suppress(OSError):
                lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        return total

    @property
    def is_running(self) -> bool:
        """Whether the first process still lives."""
        return self._process.poll() is None


@contextmanager
def running(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    log: Path,
    is_ready: Callable[[], bool],
) -> Iterator[Server]:
    """Start `command` in a session of its own; end the session when the block ends.

    Raises:
        RuntimeError: It ended by itself, or was not ready in time; the end of its log is in the text.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            if not server.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} is not ready: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield server
    finally:
        for ending in (signal.SIGTERM, signal.SIGKILL):
            for member in server.members():
                with suppress(ProcessLookupError):
                    os.kill(member, ending)
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
