"""MiniStack, the AWS emulator behind `maas up`: one background process of this user, on loopback only."""

import json
import os
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cli import process
from cli.process import Process
from maas.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".maas"
HOST = "127.0.0.1"
PORT = 4566
READY_SECONDS = 60.0
REGION = "eu-west-1"
CREDENTIAL = "test"  # key id and secret alike: the emulator accepts anything


class EmulatorError(ConfigurationError):
    """The emulator cannot be started, reached or ended."""

    code, title = "emulator-error", "Emulator error"


class Instance(NamedTuple):
    """A running emulator: its process and the port it answers on."""

    process: Process
    port: int

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients send their requests."""
        return endpoint_url(self.port)


class Emulator:
    """The emulator whose process id, log and scratch files live in `state`; at most one per folder.

    Nothing is kept across restarts: the scratch files go with the process.
    """

    def __init__(self, state: Path = STATE) -> None:
        self.folder = state / "emulator"
        self.log = state / "emulator.log"
        self._record = self.folder / "process.json"

    def running(self) -> Instance | None:
        """The emulator started from this folder, if it is still alive."""
        instance = self._recorded()
        return instance if instance is not None and instance.process.alive else None

    def start(self, port: int = PORT) -> Instance:
        """Start the emulator on `port`, or return the one that already runs there.

        Raises:
            EmulatorError: It runs on another port, or something else has the port.
        """
        instance = self.running()
        if instance is not None:
            if instance.port != port:
                raise EmulatorError(
                    f"the emulator already runs on port {instance.port}; end it first with `maas down`"
                )
            return instance
        if _taken(port):
            raise EmulatorError(
                f"port {port} is taken by another program; choose another one with --port, "
                "or, if it is an emulator started from another checkout, end it there with `maas down`"
            )
        self._clear()
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True)
        started = process.launch(
            [sys.executable, "-m", "cli.emulator_server"],
            environment=_server_environment(port, self.folder),
            log=self.log,
            cwd=ROOT,  # for `-m`
        )
        instance = Instance(started, port)
        self._record.write_text(json.dumps({"pid": started.pid, "started": started.started, "port": port}))
        return instance

    def wait_until_ready(self, timeout: float = READY_SECONDS) -> Instance:
        """Wait until the emulator answers.

        Raises:
            EmulatorError: It has ended, or did not answer within `timeout` seconds; quotes its log.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            instance = self.running()
            if instance is None:
                raise EmulatorError(f"the emulator ended unexpectedly; {last_lines(self.log)}")
            if _answers(instance.port):
                return instance
            time.sleep(0.1)
        raise EmulatorError(f"the emulator did not answer within {timeout:.0f} s; {last_lines(self.log)}")

    def stop(self) -> bool:
        """End the emulator and its function workers, and remove its state; False if none was running.

        Only the process group recorded in this folder is signalled, and only if it is still ours.
        """
        instance = self._recorded()
        ended = instance is not None and process.end(instance.process)
        if instance is not None and instance.process.group and instance.process.alive:
            raise EmulatorError(f"the emulator (process {instance.process.pid}) does not end")
        self._clear()
        return ended

    def _recorded(self) -> Instance | None:
        try:
            record = json.loads(self._record.read_text())
            return Instance(Process(int(record["pid"]), str(record["started"])), int(record["port"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def endpoint_url(port: int = PORT) -> str:
    """Where AWS clients reach an emulator on `port`."""
    return f"http://{HOST}:{port}"


def environment(port: int = PORT) -> dict[str, str]:
    """What makes an AWS client talk to the emulator on `port` and to nothing else.

    For the children we start only; our own environment stays as it is. The credentials are dummies.
    """
    return {
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url(port),
        # The user's profiles may name roles, regions and endpoints of real accounts.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A proxy would be asked for our loopback address.
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


def child_environment(port: int = PORT, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`base` without the user's own AWS settings, pointed at the emulator on `port`."""
    return {key: value for key, value in base.items() if not key.startswith("AWS_")} | environment(port)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented, and where the whole of it lies; for error messages."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        lines = []
    return "\n".join([f"its log {log} ends:", *(f"    {line}" for line in lines or ["(empty)"])])


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _server_environment(port: int, folder: Path) -> dict[str, str]:
    """The emulator's environment, which its function workers inherit: as bare as Lambda's own."""
    kept = {key: os.environ[key] for key in ("HOME", "LANG", "LC_ALL", "PATH") if key in os.environ}
    return kept | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,  # its default is every interface
        "IOT_MTLS_ENABLED": "0",  # else it opens 8883 as well
        "SFTP_ENABLED": "0",
        # Signatures and policies are checked as in the cloud: what a role may not do fails here too.
        "AUTH": "true",
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
    }


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        # Without this a port in TIME_WAIT from our own last run would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint_url(port)}/_ministack/health", timeout=2) as answer:
            ready: bool = answer.status == 200  # noqa: PLR2004
            return ready
    except OSError:
        return False
