"""Faults between a real botocore client and moto: what S3 and networks do on a bad day.

The injector takes moto's place in the client's `before-send` event and calls moto itself, so botocore's
own retries, checksums and parsers run. Every fault it dealt is kept and shown when a test fails.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from threading import Lock
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from boto3.session import Session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BaseBackend
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.models import botocore_stubber
from moto.s3.models import s3_backends
from mypy_boto3_s3.client import S3Client

from maas.s3_client import s3_client

BUCKET = "models"
_URLS = BaseBackend.urls.fget  # type: ignore[attr-defined]


class Crash(BaseException):
    """The process died here; no `except Exception` may hold it up."""


class Fault(StrEnum):
    """What happens to one request."""

    NONE = "none"
    UNAVAILABLE = "503, not carried out"
    TIMEOUT = "connect timeout, not carried out"
    LOST = "carried out, answer lost"
    BUSY = "409 to a conditional write, not carried out"
    FLIP = "one bit of the body flipped"
    TORN = "body cut short"
    CRASH_BEFORE = "process died before the request"
    CRASH_AFTER = "process died after the request"


RETRIED = (Fault.UNAVAILABLE, Fault.TIMEOUT, Fault.LOST, Fault.BUSY, Fault.TORN)
EVERY = tuple(fault for fault in Fault if fault is not Fault.NONE)

Plan = Callable[[int], Fault]


def scripted(faults: Mapping[int, Fault]) -> Plan:
    """Faults by request number, counted from 1; retries count."""
    return lambda number: faults.get(number, Fault.NONE)


def seeded(seed: int, *, rate: float, faults: tuple[Fault, ...] = EVERY) -> Plan:
    """A fault for about `rate` of the requests, the same ones for the same seed."""
    source = random.Random(seed)
    return lambda _: source.choice(faults) if source.random() < rate else Fault.NONE


class FaultInjector:
    """Deals faults to the requests of one client; `then` runs after a request was carried out."""

    def __init__(
        self,
        client: Any,
        plan: Plan,
        *,
        then: Mapping[int, Callable[[], object]] | None = None,
        seed: int = 0,
    ) -> None:
        self._plan = plan
        self._then = dict(then or {})
        self._random = random.Random(seed)
        self._lock = Lock()
        self.log: list[tuple[str, str, Fault]] = []
        client.meta.events.unregister("before-send", botocore_stubber)
        client.meta.events.register_first("before-send", self)

    def stop(self) -> None:
        """Deal no more faults."""
        self._plan = scripted({})

    def __str__(self) -> str:
        lines = (f"{n:4d} {method} {path}: {fault}" for n, (method, path, fault) in enumerate(self.log, 1))
        return "\n".join(["requests and their faults:", *lines])

    @contextmanager
    def shown(self, title: str = "") -> Iterator["FaultInjector"]:
        """Attach the schedule to whatever fails inside."""
        try:
            yield self
        except Exception as error:
            error.add_note(f"{title}\n{self}")
            raise

    def __call__(self, request: AWSPreparedRequest, event_name: str = "", **_: object) -> AWSResponse:
        with self._lock:
            number = len(self.log) + 1
            fault = self._fitting(self._plan(number), request)
            parts = urlsplit(request.url)
            place = f"{parts.path}?{parts.query}" if parts.query else parts.path
            self.log.append((str(request.method), place, fault))
        match fault:
            case Fault.UNAVAILABLE:
                return _error(request, 503, "SlowDown")
            case Fault.BUSY:
                return _error(request, 409, "ConditionalRequestConflict")
            case Fault.TIMEOUT:
                raise ConnectTimeoutError(endpoint_url=request.url)
            case Fault.CRASH_BEFORE:
                raise Crash
        answer = botocore_stubber(event_name, request)
        assert answer is not None, "moto is not active"
        if number in self._then:
            self._then[number]()
        match fault:
            case Fault.LOST:
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.CRASH_AFTER:
                raise Crash
            case Fault.FLIP | Fault.TORN:
                return self._damaged(answer, fault)
        return answer

    @staticmethod
    def _fitting(fault: Fault, request: AWSPreparedRequest) -> Fault:
        """No fault where the drawn one cannot happen to this request."""
        conditional = {"If-Match", "If-None-Match"} & {str(name) for name in request.headers}
        if fault is Fault.BUSY and not (request.method == "PUT" and conditional):
            return Fault.NONE
        is_read = request.method == "GET" and not re.search(r"list-type|\?version", str(request.url))
        return Fault.NONE if fault in (Fault.FLIP, Fault.TORN) and not is_read else fault

    def _damaged(self, answer: AWSResponse, fault: Fault) -> AWSResponse:
        body = bytearray(answer.content)
        if answer.status_code >= 300 or not body:
            return _answer(answer, bytes(body))
        if fault is Fault.TORN:
            del body[self._random.randrange(len(body)) :]
        else:
            body[self._random.randrange(len(body))] ^= 1 << self._random.randrange(8)
        # Without S3's own checksum, so that it is ours that must notice.
        for name in [name for name in answer.headers if name.lower().startswith("x-amz-checksum")]:
            del answer.headers[name]
        return _answer(answer, bytes(body))


def _answer(answer: AWSResponse, body: bytes) -> AWSResponse:
    return AWSResponse(answer.url, answer.status_code, answer.headers, MockRawResponse(body))


def _error(request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>"
    return AWSResponse(request.url, status, {"Content-Type": "application/xml"}, MockRawResponse(body))


@contextmanager
def impatient() -> Iterator[None]:
    """Let botocore retry at once."""
    with mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None)):
        yield


@cache
def _session() -> Session:
    return Session()


def new_client() -> S3Client:
    """Another client like the product's, inside `moto_bucket`; quick, as one session serves all."""
    with mock.patch("boto3.session.Session", _session):
        return s3_client(region_name="us-east-1")


@cache
def _urls(backend: type[BaseBackend]) -> Any:
    return _URLS(backend("us-east-1", DEFAULT_ACCOUNT_ID))


@contextmanager
def moto_bucket(name: str = BUCKET) -> Iterator[S3Client]:
    """An empty bucket in moto, and a client for it."""
    # Moto makes its table of addresses anew for each request: a fifth of the time.
    with mock_aws(), mock.patch.object(BaseBackend, "urls", property(lambda backend: _urls(type(backend)))):
        client = new_client()
        client.create_bucket(Bucket=name)
        yield client


def objects() -> dict[str, bytes]:
    """All objects of the bucket, straight from moto: no request, no fault, none of the code under test."""
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys
    return {name: keys[name].value for name in sorted(keys)}


def restore(wanted: Mapping[str, bytes]) -> None:
    """Make the bucket hold `wanted` and nothing else."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.buckets[BUCKET].keys.clear()
    for key, body in wanted.items():
        backend.put_object(BUCKET, key, body)


@contextmanager
def atomic_moto() -> Iterator[None]:
    """Make moto carry out one request at a time: under threads its If-Match would let two writers win."""
    lock = Lock()
    carry_out = BotocoreStubber.process_request

    def one_at_a_time(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
        with lock:
            return carry_out(stubber, request)

    with mock.patch.object(BotocoreStubber, "process_request", one_at_a_time):
        yield
