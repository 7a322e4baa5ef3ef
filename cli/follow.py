"""Jobs and releases in the cloud as they go: a live display on a terminal, plain lines elsewhere."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.text import Text

from cli import console
from cli.failure import CommandError
from cli.remote import Cloud

_PAUSE_SECONDS = 2.0
_LINES = 12
_ENDED = {"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"}


@dataclass
class Board:
    """What is shown: the steps so far, the last one still running, and the job's latest log lines."""

    title: str
    started: float = field(default_factory=time.monotonic)
    steps: list[tuple[str, float]] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))

    def __rich__(self) -> RenderableType:
        elapsed = time.monotonic() - self.started
        done = [
            Text(f"+ {name}  {until - since:.0f} s", style="green")
            for (name, since), (_, until) in zip(self.steps, self.steps[1:], strict=False)
        ]
        now = self.steps[-1:] or [("waiting", self.started)]
        parts: list[RenderableType] = [Text(f"{self.title}  {elapsed:.0f} s", style="bold"), *done]
        parts += [
            Spinner("dots", Text(f"{name}  {time.monotonic() - since:.0f} s"), style="cyan")
            for name, since in now
        ]
        if self.lines:
            parts.append(Panel(Text("\n".join(self.lines), overflow="ellipsis", no_wrap=True), title="log"))
        return Group(*parts)


class Follower:
    """Follows what was started to its end.

    Args:
        cloud: The stack.
        quiet: Show nothing.
        pause: Waits some seconds between two looks.
    """

    def __init__(
        self, cloud: Cloud, *, quiet: bool = False, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._cloud = cloud
        self._quiet = quiet
        self._pause = pause
        self._log_token: str | None = None
        self._board = Board("")

    def until_end(self, started: dict[str, Any]) -> dict[str, Any]:
        """Follow a job or an execution; how it ended.

        Raises:
            CommandError: It ended badly; the message says how.
        """
        self._board = Board(f"{started['model']}, {started['run']}")
        looks = self._execution(started["execution"]) if "execution" in started else self._job(started["job"])
        try:
            if self._quiet or not console.stderr().is_terminal:
                return self._last(looks)
            with Live(self._board, console=console.stderr(), refresh_per_second=4, transient=True):
                return self._last(looks)
        except KeyboardInterrupt:
            name = started.get("execution") or started["job"]
            console.remark(f"It goes on without you: {name}")
            raise

    def _last(self, looks: Iterator[dict[str, Any] | None]) -> dict[str, Any]:
        for ended in looks:
            if ended is not None:
                return ended
            self._pause(_PAUSE_SECONDS)
        raise AssertionError  # pragma: no cover -- looks end with an answer

    def _job(self, job: str) -> Iterator[dict[str, Any] | None]:
        client = self._cloud.client("batch")
        while True:
            found = client.describe_jobs(jobs=[job])["jobs"][0]
            self._step(found["status"])
            self._read_log(self._main_node(found))
            if found["status"] == "FAILED":
                reason = (
                    found.get("container", {}).get("reason") or found.get("statusReason") or "no reason given"
                )
                raise CommandError(f"The job {job} failed: {reason}", next_step=self._log_hint(found))
            yield {"status": found["status"]} if found["status"] == "SUCCEEDED" else None

    def _execution(self, execution: str) -> Iterator[dict[str, Any] | None]:
        client, seen = self._cloud.client("stepfunctions"), 0
        job = None
        while True:
            found = client.describe_execution(executionArn=execution)
            pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
            events = [event for page in pages for event in page["events"] if event["id"] > seen]
            for event in events:
                seen = max(seen, event["id"])
                if "stateEnteredEventDetails" in event:
                    self._step(event["stateEnteredEventDetails"]["name"])
                job = _job_of(event) or job
            if job is not None:
                jobs = self._cloud.client("batch").describe_jobs(jobs=[job])["jobs"]
                self._read_log(jobs[0] if jobs else {})
            if found["status"] in _ENDED - {"SUCCEEDED"}:
                raise CommandError(
                    f"{found.get('error', found['status'])}: {found.get('cause', 'no cause given')}",
                    next_step="`maas history MODEL` shows what moved; `maas models` what is published.",
                )
            yield {"status": found["status"]} if found["status"] in _ENDED else None

    def _main_node(self, job: dict[str, Any]) -> dict[str, Any]:
        """The part of a job on several machines that writes its log; another job itself."""
        if "nodeProperties" not in job:
            return job
        name = f"{job['jobId']}#{job['nodeProperties']['mainNode']}"
        found: list[dict[str, Any]] = self._cloud.client("batch").describe_jobs(jobs=[name])["jobs"]
        return found[0] if found else job

    def _step(self, name: str) -> None:
        if self._board.steps and self._board.steps[-1][0] == name:
            return
        self._board.steps.append((name, time.monotonic()))
        self._say(name)

    def _read_log(self, job: dict[str, Any]) -> None:
        """Show what a job has written since the last look."""
        stream = job.get("container", {}).get("logStreamName")
        if not stream:
            return
        client = self._cloud.client("logs")
        while True:
            since = {"nextToken": self._log_token} if self._log_token else {}
            try:
                page = client.get_log_events(
                    logGroupName=self._cloud.output("TrainingLogGroup"),
                    logStreamName=stream,
                    startFromHead=True,
                    **since,
                )
            except client.exceptions.ResourceNotFoundException:
                return  # named before it is written to
            for event in page["events"]:
                self._board.lines.append(event["message"])
                self._say(f"  {event['message']}")
            if page["nextForwardToken"] == self._log_token:
                return
            self._log_token = page["nextForwardToken"]

    def _log_hint(self, job: dict[str, Any]) -> str:
        stream = job.get("container", {}).get("logStreamName")
        group = self._cloud.outputs.get("TrainingLogGroup")
        return f"its log: {group}, stream {stream}" if stream else ""

    def _say(self, text: str) -> None:
        if not self._quiet and not console.stderr().is_terminal:
            console.remark(text)


def _job_of(event: dict[str, Any]) -> str | None:
    """The id of the job that an event of an execution tells of."""
    output = event.get("taskSubmittedEventDetails", {}).get("output")
    found: str | None = json.loads(output).get("JobId") if output else None
    return found
