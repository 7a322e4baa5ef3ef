"""Calls of the model's function: throttled, lost, failing and too large ones among them."""

import json
import random
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from maas.batch import rejects
from maas.batch.cut import Cut, Cutter
from maas.batch.names import Refused
from maas.batch.rejects import Reject
from maas.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

_TOO_LARGE = 413
_PATIENCE, _TRIALS = 4, 2  # attempts on a block that fails, and on one row of it
_POISONED_ROWS = 8  # single rows of one block that may fail for no reason anyone gives
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_READ_TIMEOUT_SECONDS = 40  # a model's function gives up after 29
POISON = "The model fails on this row"

Answer = Mapping[str, Any]


class Throttled(Unavailable):
    """The model's function takes no more calls at the moment, or the way to it is broken."""

    code, title = "throttled", "Throttled"


class BlockFailed(Unavailable):
    """The model's function fails on a block again and again, and not for single rows of it."""

    code, title = "block-failed", "Block failed"


class Scored(NamedTuple):
    """A block, scored: `rows` = `scored` + number of `rejects`."""

    rows: int
    scored: int
    rejects: list[Reject]
    data: bytes
    header: str
    ignored: tuple[str, ...]
    seconds: float


class LambdaInvoker:
    """Invokes a model's function directly.

    Args:
        function: Its name or ARN, alias included.
        client: A Lambda client.
    """

    def __init__(self, function: str, client: "LambdaClient") -> None:
        self._function = function
        self._client = client

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        """The function's answer.

        Raises:
            Throttled: Try again later.
            BlockFailed: The function crashed, or ran out of time or memory.
            Refused: There is no such function.
        """
        from botocore import exceptions as boto

        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
            body = answer["Payload"].read()
        except self._client.exceptions.ResourceNotFoundException as error:
            raise Refused("There is no function of this model in the stack.") from error
        except (
            boto.ClientError,
            boto.ConnectionError,
            boto.HTTPClientError,
            boto.IncompleteReadError,
        ) as error:
            raise Throttled(f"{self._function} cannot be called: {error}") from error
        if answer.get("FunctionError"):
            raise BlockFailed(f"{self._function} crashed: {body[:300].decode(errors='replace')}")
        found: Answer = json.loads(body)
        return found


def lambda_client(connections: int) -> "LambdaClient":
    """A Lambda client for many calls at once, which leaves repeating them to us."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return Session().client("lambda", config=config)


@dataclass
class BlockScorer:
    """Scores one block through `invoke`, whatever that takes.

    Attributes:
        invoke: Calls the model's function.
        version: The digest of the version that must answer.
        format, header: Of the file.
        remaining: Seconds until the caller must be done.
        pause: Waits for some seconds.
    """

    invoke: Callable[[Mapping[str, Any]], Answer]
    version: str
    format: str
    header: str
    remaining: Callable[[], float]
    pause: Callable[[float], None] = time.sleep
    _random: random.Random = field(default_factory=random.Random)

    def __call__(self, cut: Cut, encoding: str) -> Scored:
        """The block, scored.

        Raises:
            Refused: Nothing in the file can be scored.
            Unavailable: The model's function does not answer, or not to this block.
        """
        if cut.refused is not None:
            return Scored(1, 0, [Reject(cut.line, None, cut.refused)], b"", "", (), 0.0)
        try:
            return self._patiently(cut, encoding)
        except (_TooMuch, BlockFailed) as error:
            parts = self._split(cut)
            if len(parts) == 1:
                if isinstance(error, BlockFailed):
                    raise
                return Scored(1, 0, [Reject(cut.line, None, str(error))], b"", "", (), 0.0)
            if isinstance(error, _TooMuch):
                return _joined([self(part, encoding) for part in parts])
            return self._without_poison(cut, encoding, error)

    def _without_poison(self, cut: Cut, encoding: str, error: BlockFailed) -> Scored:
        """A block that fails, row by row where need be: a few rows may be at fault, and are rejected.

        Where most rows fail, the model does: then the block fails, and the file with it.
        """
        good: list[tuple[Cut, Scored]] = []
        bad: list[Cut] = []
        pending = self._split(cut)
        while pending:
            part = pending.pop()
            try:
                good.append((part, self._patiently(part, encoding, patience=2)))
            except (_TooMuch, BlockFailed):
                halves = self._split(part)
                if len(halves) > 1:
                    pending += halves
                    continue
                bad.append(part)
                if len(bad) > _POISONED_ROWS:
                    raise error from None
        control = min(
            (part for part, scored in good if scored.scored), key=lambda p: len(p.data), default=None
        )
        if control is None:
            raise error
        good += [(part, self._suspect(part, control, encoding)) for part in bad]
        return _joined([scored for _, scored in sorted(good, key=lambda one: one[0].line)])

    def _suspect(self, part: Cut, control: Cut, encoding: str) -> Scored:
        """A row that failed, tried again while the model is known to work: an outage is not its fault."""
        for _ in range(_TRIALS):
            self._patiently(control, encoding, patience=2)
            with suppress(_TooMuch, BlockFailed):
                return self._patiently(part, encoding, patience=2)
        self._patiently(control, encoding, patience=2)
        return Scored(1, 0, [Reject(part.line, None, POISON)], b"", "", (), 0.0)

    def _patiently(self, cut: Cut, encoding: str, patience: int = _PATIENCE) -> Scored:
        event = {
            "block": {
                "format": self.format,
                "header": self.header,
                "data": b64encode(cut.data).decode(),
                "encoding": encoding,
                "line": cut.line,
                "version": self.version,
            }
        }
        failures = attempt = 0
        while True:
            try:
                return _read(self.invoke(event), self.version)
            except Throttled:
                if self.remaining() < _LONGEST_PAUSE_SECONDS:
                    raise
            except BlockFailed:
                failures += 1
                if failures >= patience or self.remaining() < _LONGEST_PAUSE_SECONDS:
                    raise
            longest = min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt)
            attempt += 1
            self.pause(longest * (0.5 + self._random.random() / 2))

    def _split(self, cut: Cut) -> list[Cut]:
        """Two or more blocks that make this one; the one itself where it has a single row."""
        size = max(1, (len(cut.data) + 1) // 2)
        cutter = Cutter(
            quoted=self.format == "csv", offset=cut.end - len(cut.data), line=cut.line, block=size
        )
        parts = list(cutter.cut([cut.data]))
        return parts if len(parts) > 1 else [cut]


class _TooMuch(Exception):
    """The answer would be larger than Lambda lets through."""


def _read(answer: Answer, version: str) -> Scored:
    if "rows" not in answer:
        detail = str(answer.get("detail", answer))[:500]
        if answer.get("status") == _TOO_LARGE:
            raise _TooMuch(detail)
        if str(answer.get("type", "")).endswith(":unfit-file"):
            raise Refused(detail)
        raise BlockFailed(detail)
    scored = Scored(
        rows=answer["rows"],
        scored=answer["scored"],
        rejects=rejects.read(answer["rejects"]),
        data=b64decode(answer["data"]),
        header=answer["header"],
        ignored=tuple(answer["ignored"]),
        seconds=answer["seconds"],
    )
    if scored.rows != scored.scored + len(scored.rejects) or not version.startswith(answer["model_version"]):
        counts = f"{scored.rows} rows, {scored.scored} scored, {len(scored.rejects)} rejected"
        raise BlockFailed(f"the answer does not add up: {counts}, by {answer['model_version']}")
    return scored


def _joined(parts: list[Scored]) -> Scored:
    return Scored(
        rows=sum(part.rows for part in parts),
        scored=sum(part.scored for part in parts),
        rejects=[reject for part in parts for reject in part.rejects],
        data=b"".join(part.data for part in parts),
        header=next((part.header for part in parts if part.header), ""),
        ignored=tuple(sorted({name for part in parts for name in part.ignored})),
        seconds=sum(part.seconds for part in parts),
    )
