"""Good and bad days of the batch function: a queue, a clock, a bucket and a model that can all fail.

Everything between the message and the stored objects is the product's own code. Moto's event source
ignores partial failures, so this queue delivers: at least once, in any order, again after a failure, and five
times at most.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import S3Backend, s3_backends

from maas.batch import event
from maas.batch.event import Message
from maas.batch.files import Files
from maas.batch.invoke import Answer, BlockFailed, Throttled
from maas.batch.limits import Limits
from maas.batch.scoring import Block, Scorer
from maas.batch.worker import Worker
from maas.errors import MaasError
from maas.manifest import Manifest
from maas.protocol.problem import problem
from maas.registry import Registry
from maas.runtime import Session
from maas.serving import Served
from maas.store import ObjectStore
from tests import faults, tiny_model
from tests.faults import BUCKET, Crash, Fault, FaultInjector, Plan, objects, restore
from tests.inbox_files import weights

SMALL = Limits(
    read=700, block=300, row=4000, part=900, least_part=500, checkpoint=1500, width=1, margin=5, large=10**9
)
_POINTER = "models/tiny/production.json"
TIME_LIMIT, VISIBILITY, RECEIVES = 60.0, 400.0, 5
# A flipped bit does not get through TLS; the registry's tests have it because digests catch it there.
FAULTS = (
    Fault.UNAVAILABLE,
    Fault.TIMEOUT,
    Fault.LOST,
    Fault.BUSY,
    Fault.TORN,
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
)


@cache
def versions() -> dict[str, tuple[Manifest, bytes]]:
    """Two versions that differ in every prediction."""
    return {name: tiny_model.version(weights(name), summary=name) for name in "ab"}


@cache
def served(name: str) -> Served:
    """One of them, ready to predict."""
    manifest, artifact = versions()[name]
    return Served(manifest, tiny_model.endpoint().contract, Session(artifact), 0.0)


@cache
def _scorer() -> Scorer:
    return Scorer(served("a").contract)


@cache
def _published() -> dict[str, dict[str, bytes]]:
    """A bucket with both versions, and either of them in production."""
    restore({})
    registry = Registry(ObjectStore(BUCKET, faults.new_client()))
    found = {}
    for name, (manifest, artifact) in versions().items():
        registry.publish(manifest, artifact)
        registry.promote("tiny", manifest.digest, actor="ci", reason="")
        found[name] = objects()
    return found


class Conditions(FaultInjector):
    """Moto forgets the conditions of a completed upload: they are kept here."""

    def __call__(self, request: AWSPreparedRequest, event_name: str = "", **more: object) -> AWSResponse:
        parts = urlsplit(str(request.url))
        if request.method == "POST" and "uploadId" in parse_qs(parts.query):
            headers = {str(name).lower(): _as_text(value) for name, value in request.headers.items()}
            key = _entry(parts)
            holds = (
                key is None
                if headers.get("if-none-match")
                else key is not None and headers.get("if-match") == f'"{key.etag.strip(chr(34))}"'
            )
            if not holds:
                self.log.append(("POST", parts.path, Fault.NONE))
                return faults._error(request, 412, "PreconditionFailed")
        return super().__call__(request, event_name, **more)


def _entry(parts: SplitResult) -> Any:
    path = unquote(parts.path).lstrip("/")
    name = path if str(parts.hostname).startswith(f"{BUCKET}.") else path.removeprefix(f"{BUCKET}/")
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys.get(name)


def _as_text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@dataclass(order=True)
class Letter:
    """A message on the queue."""

    visible: float
    number: int
    body: str = field(compare=False)
    received: int = field(default=0, compare=False)


@dataclass
class Day:
    """A bucket with an inbox, and what happens to it under one seed.

    Attributes:
        seed: Decides everything.
        rate: The share of requests, and of calls of the model, that go wrong.
        limits: Sizes.
        poison: Why the model's function crashes on a block, if it does, every time.
        outage: Calls of the model, counted from 1, that all fail.
    """

    seed: int
    rate: float = 0.0
    limits: Limits = SMALL
    now: float = 1_000_000.0
    letters: list[Letter] = field(default_factory=list)
    dead: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    injected: int = 0
    log: list[str] = field(default_factory=list)
    poison: Callable[[Block], str | None] = lambda _: None
    outage: range = range(0)
    on_call: Callable[["Day"], None] = lambda _: None
    plan: Plan | None = None
    production: str = "a"

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._numbers = 0
        self._nonces = 0
        self._client = faults.new_client()
        self._injector: FaultInjector | None = None
        restore(_published()["a"])
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].multiparts.clear()

    def promote(self, name: str) -> None:
        """Move production."""
        self.production = name
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, _POINTER, _published()[name][_POINTER])

    def drop(self, name: str, body: bytes, *, sequencer: str = "1") -> str:
        """Drop a file for the tiny model; its event goes onto the queue."""
        key = f"inbox/tiny/{name}"
        etag = clean_client().put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')
        self.send(Message("dropped", BUCKET, key, etag, sequencer))
        return key

    # ------------------------------------------------------------------ what the worker sees as its queue
    def send(self, message: Message, *, delay: float = 0) -> None:
        """Put a message onto the queue."""
        self._post(message.body(), delay)

    def bury(self, message: Message, reason: str) -> None:
        """Put a message onto the dead-letter queue."""
        self.dead.append((message._replace(kind="redrive").body(), reason))

    def _post(self, body: str, delay: float = 0, received: int = 0) -> None:
        self._numbers += 1
        self.letters.append(Letter(self.now + delay, self._numbers, body, received))

    def redrive(self) -> None:
        """Send all dead letters again."""
        dead, self.dead = self.dead, []
        for body, _ in dead:
            self._post(body)

    # ------------------------------------------------------------------------------------------ the model
    def invoke(self, _: str, payload: Mapping[str, Any]) -> Answer:
        """The tiny model's function, which may be throttled, crash, or answer into the void."""
        block = Block.read(json.loads(json.dumps(payload)))
        self.now += 1
        self.calls.append((block.version, block.line))
        self.on_call(self)
        if reason := self.poison(block):
            raise BlockFailed(reason)
        if self.random.random() < self.rate or len(self.calls) in self.outage:
            self.injected += 1
            kind = self.random.choice(["throttled", "lost", "crashed", "died"])
            self.log.append(f"model, line {block.line}: {kind}")
            if kind in {"throttled", "lost"}:
                raise Throttled(kind)
            if kind == "crashed":
                raise BlockFailed(kind)
            raise Crash
        name = next(name for name, (manifest, _) in versions().items() if manifest.digest == block.version)
        try:
            answer = _scorer().score(block, served(name).predict)
        except MaasError as error:
            return problem(error)
        return json.loads(json.dumps({**answer, "model_version": block.version[:12]}))

    # --------------------------------------------------------------------------------------- the deliveries
    def worker(self) -> tuple[Worker, FaultInjector]:
        """The worker of one invocation, with faults of its own."""
        client = self._client
        if self._injector is not None:
            client.meta.events.unregister("before-send", self._injector)
        plan = self.plan or faults.seeded(self.random.randrange(2**32), rate=self.rate, faults=FAULTS)
        injector = Conditions(client, plan, seed=self.seed)
        self._injector = injector
        store = Files(BUCKET, client, pause=lambda _: None)
        worker = Worker(
            files=store,
            registry=Registry(ObjectStore(BUCKET, client, pause=lambda _: None)),
            invoke=self.invoke,
            queue=self,
            limits=self.limits,
            clock=lambda: self.now,
            pause=self._pause,
            nonce=self._nonce,
        )
        return worker, injector

    def _pause(self, seconds: float) -> None:
        self.now += seconds

    def _nonce(self) -> str:
        self._nonces += 1
        return f"n{self._nonces}"

    def deliver(self, *, shuffled: bool = True, doubled: float = 0.0) -> bool:
        """Deliver one message; False where there is none."""
        if not self.letters:
            return False
        visible = [letter for letter in self.letters if letter.visible <= self.now]
        letter = (self.random.choice(visible) if shuffled else min(visible)) if visible else min(self.letters)
        self.letters.remove(letter)
        self.now = max(self.now, letter.visible)
        if self.random.random() < doubled:
            self._post(letter.body, delay=self.random.choice([0, 1, 50]), received=letter.received)
        received = letter.received + 1
        worker, injector = self.worker()
        deadline = self.now + TIME_LIMIT
        self.log.append(f"delivery {received} of {letter.body}")
        wait = 30.0
        try:
            for message in event.read(letter.body):
                worker.handle(message, lambda: deadline - self.now, last=received >= RECEIVES)
        except Crash:
            wait = VISIBILITY
            self.log.append("crashed")
        except MaasError as error:
            self.log.append(f"failed: {error.detail}")
        else:
            return self._counted(injector)
        if received >= RECEIVES:
            self.dead.append((letter.body, "too many receives"))
        else:
            self._post(letter.body, delay=wait, received=received)
        return self._counted(injector)

    def _counted(self, injector: FaultInjector) -> bool:
        dealt = [f"{m} {place}: {fault}" for m, place, fault in injector.log if fault is not Fault.NONE]
        self.injected += len(dealt)
        self.log += dealt
        return True

    def run(self, *, after: Callable[[], None] = lambda: None, doubled: float = 0.0, most: int = 400) -> None:
        """Deliver until the queue is empty; `after` looks at the bucket after each delivery."""
        for _ in range(most):
            if not self.deliver(doubled=doubled):
                return
            after()
        raise AssertionError("the queue never becomes empty")


@cache
def clean_client() -> Any:
    """A client without faults; one serves all days."""
    return faults.new_client()


def stored(key: str) -> bytes | None:
    """An object's bytes, straight from moto."""
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
    return keys[key].value if key in keys else None


@contextmanager
def small_parts() -> Iterator[None]:
    """Let moto take parts as small as SMALL makes them, and not load its routes anew for every request."""
    urls = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].urls
    with (
        mock.patch("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", SMALL.least_part),
        mock.patch.object(S3Backend, "urls", urls),
    ):
        yield
