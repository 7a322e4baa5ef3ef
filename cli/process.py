"""Background processes that outlive the command that started them.

A process is named by its id *and* its start time, so that an id the system has given to somebody else since
is never mistaken for ours. It leads its own session and process group: what it starts in turn ends with it.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

POLL_SECONDS = 0.05
PROC = Path("/proc")  # Linux only; elsewhere `ps` knows


class Process(NamedTuple):
    """A process this user started: its id (also its group's id) and when the system says it began."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs; an ended one nobody has waited for counts as gone."""
        _reap(self.pid)
        return _start_time(self.pid) == self.started

    @property
    def group(self) -> tuple[int, ...]:
        """Ids of the running processes of its group."""
        if PROC.is_dir():
            every = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
            # Fields: state, parent, group, ...
            found = ((pid, _stat(pid)) for pid in every)
            return tuple(pid for pid, stat in found if stat and int(stat[2]) == self.pid)
        rows = _ps("-A", "-o", "pid=,pgid=,stat=")
        return tuple(int(pid) for pid, group, stat in rows if int(group) == self.pid and stat[0] != "Z")


def launch(command: Sequence[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> Process:
    """Start `command` detached from this terminal, with both output streams going to `log`."""
    with log.open("wb") as stream:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    child.returncode = 0  # it is meant to outlive this object: silences Popen's "still running" warning
    return Process(child.pid, _start_time(child.pid) or "")


def end(process: Process, *, patience: float = 5.0) -> bool:
    """End the process and all of its group: ask first, insist after `patience` seconds.

    Returns whether there was anything to end. If the leader is gone and its id now belongs to another process
    nothing is signalled.
    """
    if not process.alive and _start_time(process.pid) is not None:
        return False
    ended = False
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not process.group:
            return ended
        ended = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + patience
        while process.group and time.monotonic() < deadline:
            _reap(process.pid)
            time.sleep(POLL_SECONDS)
    return ended


def _reap(pid: int) -> None:
    """Collect the exit status if the process is a child of ours; otherwise it is init's to collect."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _start_time(pid: int) -> str | None:
    """When the process began, in a form that differs between two uses of one id; None when it has ended."""
    if PROC.is_dir():
        stat = _stat(pid)
        return stat[19] if stat else None
    rows = _ps("-p", str(pid), "-o", "stat=,lstart=")
    return " ".join(rows[0][1:]) if rows and rows[0][0][0] != "Z" else None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command, from the state on; empty when the process has ended."""
    try:
        # The command is in parentheses and may contain anything, blanks and parentheses as well.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if fields[0] in "ZX" else fields


def _ps(*arguments: str) -> list[list[str]]:
    listing = subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False)
    return [line.split() for line in listing.stdout.splitlines()]
