"""Calls of a deployed function itself, with the duration that Lambda bills for each."""

import base64
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cli.failure import CommandError

_BILLED = re.compile(r"\tBilled Duration: ([0-9.]+) ms")


@dataclass(frozen=True)
class Timing:
    """Durations of calls, in milliseconds, and whether Lambda or this computer's clock measured them."""

    milliseconds: Sequence[float]
    billed: bool

    @property
    def median(self) -> float:
        """The typical call."""
        return statistics.median(self.milliseconds)

    @property
    def mean(self) -> float:
        """What the bill is made of."""
        return statistics.fmean(self.milliseconds)


def measure(client: Any, function: str, event: Any, calls: int, *, warm_up: int = 1) -> Timing:
    """Call `function` one after the other.

    Args:
        client: A boto3 client of Lambda.
        function: Name or ARN, with an alias or version where one is meant.
        event: Sent each time.
        calls: How many are counted.
        warm_up: How many go before and are not.

    Raises:
        CommandError: The function failed, or answered with a problem.
    """
    payload = json.dumps(event).encode()
    counted = [_call(client, function, payload) for _ in range(warm_up + calls)][warm_up:]
    billed = [duration for duration, _ in counted if duration is not None]
    if len(billed) == len(counted):
        return Timing(billed, billed=True)
    return Timing([seconds * 1000 for _, seconds in counted], billed=False)


def _call(client: Any, function: str, payload: bytes) -> tuple[float | None, float]:
    """Billed milliseconds, where the log's tail tells them, and the seconds that passed here."""
    started = time.perf_counter()
    answer = client.invoke(FunctionName=function, Payload=payload, LogType="Tail")
    seconds = time.perf_counter() - started
    document = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise CommandError(
            f"{function} failed: {str(document)[:300]}", next_step="the function's log has the reason."
        )
    if isinstance(document, dict) and "status" in document and "detail" in document:
        raise CommandError(
            f"{function} answered {document['status']}: {document['detail']}",
            next_step="`maas show MODEL` lists the fields; `maas models` shows what is in production.",
        )
    tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    reported = _BILLED.findall(tail)
    return (float(reported[-1]) if reported else None), seconds
