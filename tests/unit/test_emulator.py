"""Starting, recognising and ending processes of ours, and what they may know of the user's AWS settings."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import process
from cli.emulator import (
    Emulator,
    EmulatorError,
    child_environment,
    endpoint_url,
    environment,
    free_port,
    last_lines,
)
from cli.process import Process
from cli.stack import Stack

SLEEPER = "import time; time.sleep(60)"
# A parent that ignores polite requests, with a child.
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f" subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); print('ready', flush=True); time.sleep(60)"
)


def launch(program: str, folder: Path) -> Process:
    return process.launch(
        [sys.executable, "-c", program], environment=os.environ, log=folder / "log", cwd=folder
    )


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    """A process of ours that does nothing."""
    started = launch(SLEEPER, tmp_path)
    yield started
    process.end(started)


def test_a_process_is_known_by_its_start_time(sleeper: Process) -> None:
    """The same id with another start time is another process."""
    assert sleeper.alive
    assert not Process(sleeper.pid, "0").alive


def test_a_stranger_with_our_old_id_is_left_alone(sleeper: Process) -> None:
    """If the id has passed to another process, nothing is signalled."""
    assert not process.end(Process(sleeper.pid, "0"))
    assert sleeper.alive


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """The whole group ends, also when its leader ignores the polite request."""
    started = launch(STUBBORN, tmp_path)
    deadline = time.monotonic() + 30
    while "ready" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(started.group) == 2
    assert process.end(started, patience=0.3)
    assert not started.group
    assert not started.alive


def test_orphans_of_a_dead_leader_are_ended(tmp_path: Path) -> None:
    """Workers that have outlived a killed emulator are still ours to end."""
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])"
    started = launch(program, tmp_path)
    deadline = time.monotonic() + 30
    while started.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(started.group) == 1
    assert process.end(started)
    assert not started.group


def test_ending_what_has_ended(tmp_path: Path) -> None:
    """Ending twice is no error; the second time there was nothing."""
    started = launch("pass", tmp_path)
    deadline = time.monotonic() + 30
    while started.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.end(started)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """Somebody else's port is reported with the ways out, and nothing is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"port {port} is taken.*--port.*maas down"):
            Emulator(tmp_path).start(port)
    assert Emulator(tmp_path).running() is None


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "started": "0", "port": 4566}'])
def test_stale_records_are_no_emulator(tmp_path: Path, record: str) -> None:
    """A broken record, or one whose id is another process's now, means that nothing of ours runs."""
    emulator = Emulator(tmp_path)
    emulator.folder.mkdir()
    (emulator.folder / "process.json").write_text(record)
    assert emulator.running() is None
    assert not emulator.stop()
    assert not emulator.folder.exists()


def test_an_emulator_that_ends_says_why(tmp_path: Path) -> None:
    """If it ends while it is waited for, the end of its log is in the message."""
    emulator = Emulator(tmp_path)
    emulator.log.write_text("line\n" * 50 + "the reason\n")
    with pytest.raises(EmulatorError, match=r"(?s)ended unexpectedly.*the reason"):
        emulator.wait_until_ready()


def test_children_see_the_emulator_and_no_account_of_the_users() -> None:
    """Profiles, keys and endpoints of the user's are gone; everything points at loopback."""
    base = {"PATH": "/bin", "HOME": "/home/me", "AWS_PROFILE": "work", "AWS_ENDPOINT_URL_S3": "https://a.org"}
    child = child_environment(4999, base)
    assert child == {"PATH": "/bin", "HOME": "/home/me"} | environment(4999)
    assert child["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999" == endpoint_url(4999)
    assert child["AWS_CONFIG_FILE"] == child["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_clients_ignore_the_users_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that does not exist would break boto3, one that does could lead to a real account."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.org")
    client = Stack(4999).client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4999"


def test_last_lines_of_a_log(tmp_path: Path) -> None:
    """The end of the log and its path; a missing log is an empty one."""
    log = tmp_path / "log"
    assert "(empty)" in last_lines(log)
    log.write_bytes(b"\xff\nfirst\nsecond\nthird\n")
    assert last_lines(log, 2) == f"its log {log} ends:\n    second\n    third"


def test_free_ports_are_free() -> None:
    """The port can be had at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_starting_leaves_no_warning_behind(tmp_path: Path) -> None:
    """A launched process outlives the object that launched it without Python complaining."""
    program = (
        "import os, sys, gc; from pathlib import Path; from cli import process;"
        f" p = process.launch([sys.executable, '-c', ''], environment=os.environ,"
        f" log=Path({str(tmp_path / 'log')!r}), cwd=Path({str(tmp_path)!r})); gc.collect()"
    )
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")
