"""`sam local` as a developer runs it, on the built template, with a base image and a local registry."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import process
from cli.emulator import HOST, ROOT, free_port, last_lines
from cli.stack import architecture

INVOKE_SECONDS = 240.0
READY_SECONDS = 90.0


@dataclass(frozen=True)
class SamLocal:
    """The two commands with everything they need to find their image and the functions their registry.

    Attributes:
        template: What `sam build` made.
        image: The base image's name, which sam adds the layers to.
        variables: A file in the form of `--env-vars`.
        environment: The environment of `sam` itself.
        folder: Where logs and events go.
    """

    template: Path
    image: str
    variables: Path
    environment: Mapping[str, str]
    folder: Path

    def invoke(self, function: str, event: Path) -> Any:
        """Run the function once, in a container of its own, and return its answer."""
        done = subprocess.run(
            self._command("invoke", function, "--event", str(event)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=INVOKE_SECONDS,
            env=dict(self.environment),
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip(), f"no answer; the container's log: {done.stderr}"
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def api(self) -> Iterator[str]:
        """Run the API on a free port of the loopback interface and give its address, without a scheme."""
        port = free_port()
        log = self.folder / "start-api.log"
        started = process.launch(
            self._command("start-api", "--host", HOST, "--port", str(port), "--warm-containers", "LAZY"),
            environment=self.environment,
            log=log,
            cwd=ROOT,
        )
        try:
            _wait(started, port, log)
            yield f"{HOST}:{port}"
        finally:
            # Patience: it removes its containers first.
            process.end(started, patience=30.0)

    def _command(self, name: str, *arguments: str) -> list[str]:
        return [
            *(str(Path(sys.executable).with_name("sam")), "local", name, *arguments),
            *("--template-file", str(self.template)),
            *("--env-vars", str(self.variables)),
            *("--parameter-overrides", f"Environment=local Architecture={architecture()}"),
            *("--skip-pull-image", "--invoke-image", self.image),
        ]


def _wait(started: process.Process, port: int, log: Path) -> None:
    """Wait until somebody listens on the port."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert started.alive, f"sam local start-api ended; {last_lines(log)}"
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.2)
    raise AssertionError(
        f"sam local start-api does not listen after {READY_SECONDS:.0f} s; {last_lines(log)}"
    )
