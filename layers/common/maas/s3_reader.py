"""Reading objects of S3 without boto3, whose import and client take longer than all the rest of a cold start.

A small object is one signed GET on a connection that is kept. A large one is read in ranges by several
connections at once, straight into the place where it is needed. Writing and listing stay boto3's.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Lock
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

from maas.credentials import Credentials, provider
from maas.errors import MaasError, RegistryUnavailable
from maas.s3_errors import of_answer, silent
from maas.settings import AwsSettings
from maas.sigv4 import signed

_TIMEOUT_SECONDS = 10.0
_ATTEMPTS = 4
_SLOWEST_PAUSE_SECONDS = 1.0
_RANGE = 8 * 1024 * 1024  # bytes asked for at once
_CONNECTIONS = 12  # S3 limits each to about 60 MB/s
_OK, _PARTIAL, _UNSATISFIABLE, _SERVER_ERROR, _TOO_MANY = 200, 206, 416, 500, 429
_CODE = re.compile(rb"<Code>(\w+)</Code>")
_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


class Found(NamedTuple):
    """An object's bytes and its entity tag."""

    body: bytes
    etag: str


class Endpoint(NamedTuple):
    """Where a bucket is: scheme, host with port, and what comes before a key."""

    scheme: str
    host: str
    prefix: str

    @classmethod
    def of(cls, bucket: str, region: str, address: str = "") -> Self:
        """The bucket's own host name, or a path below `address` where another service plays S3."""
        if not address:
            suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
            return cls("https", f"{bucket}.s3.{region}.{suffix}", "/")
        parts = urlsplit(address)
        return cls(parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{bucket}/")


class Reader:
    """Reads the objects of one bucket; safe under threads.

    Args:
        bucket: The bucket.
        region: Where it is.
        credentials: Gives the keys that sign a request.
        address: Of another service than AWS's, for emulators.
        pause: Waits between attempts, in seconds.
    """

    def __init__(
        self,
        bucket: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        address: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bucket, self._region = bucket, region
        self._address = address
        self._endpoint = Endpoint.of(bucket, region, address)
        self._credentials = credentials
        self._pause = pause
        self._idle: list[HTTPConnection] = []
        self._lock = Lock()

    @classmethod
    def of(cls, bucket: str, settings: AwsSettings) -> Self | None:
        """A reader for a function's own environment, or None where boto3 is needed to find credentials."""
        credentials = provider(settings)
        if credentials is None or not settings.region:
            return None
        return cls(bucket, settings.region, credentials, address=settings.s3_address)

    def close(self) -> None:
        """Close the connections that are kept; the next request makes new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def get(self, key: str, *, if_none_match: str | None = None) -> Found:
        """Read an object; one larger than a range is read in ranges at once.

        Raises:
            NotModified: Its entity tag is still `if_none_match`.
            KeyMissing, Denied, RegistryUnavailable, ConfigurationError: As S3 answers.
        """
        headers = {"Range": f"bytes=0-{_RANGE - 1}"}
        if if_none_match is not None:
            headers["If-None-Match"] = if_none_match
        first = self._answered(key, headers)
        if len(first.body) == first.total:
            return Found(first.body, first.etag)
        whole = bytearray(first.total)
        view = memoryview(whole)
        view[: len(first.body)] = first.body
        for _ in self._rest(key, first.etag, view, len(first.body)):
            pass
        return Found(bytes(whole), first.etag)

    def fill(self, key: str, target: memoryview) -> Iterator[int]:
        """Read an object of len(target) bytes into `target`; yields how many are there, from the start on.

        Raises:
            RegistryUnavailable: The object has another size, or as `get`.
        """
        first = self._answered(key, {"Range": f"bytes=0-{_RANGE - 1}"})
        if first.total != len(target):
            raise silent(f"s3:GetObject on s3://{self._bucket}/{key}", f"{first.total} bytes")
        target[: len(first.body)] = first.body
        yield len(first.body)
        yield from self._rest(key, first.etag, target, len(first.body))

    def _rest(self, key: str, etag: str, target: memoryview, start: int) -> Iterator[int]:
        """Read the bytes from `start` on, several ranges at once; yields the end of each, in order."""
        ends = [min(begin + _RANGE, len(target)) for begin in range(start, len(target), _RANGE)]
        with ThreadPoolExecutor(min(_CONNECTIONS, len(ends))) as pool:
            tasks = [
                pool.submit(self._into, key, etag, target[begin:end], begin)
                for begin, end in zip([start, *ends], ends, strict=False)
            ]
            try:
                for end, task in zip(ends, tasks, strict=True):
                    task.result()
                    yield end
            finally:
                for task in tasks:
                    task.cancel()

    def _into(self, key: str, etag: str, target: memoryview, begin: int) -> None:
        headers = {"Range": f"bytes={begin}-{begin + len(target) - 1}", "If-Match": etag}
        self._answered(key, headers, target)

    def _answered(self, key: str, headers: Mapping[str, str], target: memoryview | None = None) -> "_Part":
        """One GET, repeated while S3 or the network are at fault."""
        place = f"s3:GetObject on s3://{self._bucket}/{key}"
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(random.uniform(0, min(_SLOWEST_PAUSE_SECONDS, 0.05 * 2**attempt)))  # noqa: S311 -- jitter
            try:
                return self._once(key, headers, target, place)
            except RegistryUnavailable as error:
                last: MaasError = error
            except (OSError, HTTPException) as error:
                last = silent(place, type(error).__name__)
        raise last

    def _once(self, key: str, headers: Mapping[str, str], target: memoryview | None, place: str) -> "_Part":
        path = self._endpoint.prefix + quote(key, safe="/~")
        every = signed("GET", self._endpoint.host, path, region=self._region, credentials=self._credentials())
        with self._connection() as connection:
            connection.request("GET", path, headers={**every, **headers})
            answer = connection.getresponse()
            if answer.status not in {_OK, _PARTIAL}:
                body = answer.read()
                if answer.status == _UNSATISFIABLE:  # an empty object has no first byte
                    return _Part(b"", answer.headers.get("ETag", ""), 0)
                region = answer.headers.get("x-amz-bucket-region", self._region)
                if region != self._region:
                    # The bucket lies elsewhere: asked again there, as boto3 does.
                    self._region, self._endpoint = region, Endpoint.of(self._bucket, region, self._address)
                    raise silent(place, f"the bucket is in {region}")
                code = _CODE.search(body)
                raise of_answer(answer.status, code[1].decode() if code else "", place, self._bucket)
            etag, total = answer.headers.get("ETag", ""), _total(answer)
            if target is None:
                return _Part(answer.read(), etag, total)
            filled = 0
            while filled < len(target):
                count = answer.readinto(target[filled:])
                if not count:
                    raise silent(place, "body cut short")
                filled += count
            answer.read()
            return _Part(b"", etag, total)

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        """A connection that nobody else uses; kept for the next request unless this one fails."""
        with self._lock:
            held = self._idle.pop() if self._idle else None
        kind = HTTPSConnection if self._endpoint.scheme == "https" else HTTPConnection
        connection = held or kind(self._endpoint.host, timeout=_TIMEOUT_SECONDS)
        try:
            yield connection
        except MaasError:
            self._keep(connection)
            raise
        except BaseException:
            # Whatever ended this one has ended the others too, if they have been idle as long.
            connection.close()
            self.close()
            raise
        self._keep(connection)

    def _keep(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._idle.append(connection)


class _Part(NamedTuple):
    """The bytes of a range, the object's entity tag, and its size."""

    body: bytes
    etag: str
    total: int


def _total(answer: HTTPResponse) -> int:
    found = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else int(answer.headers.get("Content-Length", "0"))
