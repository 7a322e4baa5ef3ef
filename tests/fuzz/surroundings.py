"""What is around a body: headers, compression, paths, methods."""

import gzip
import zlib
from random import Random

from tests.fuzz.inferences import inference
from tests.fuzz.records import records
from tests.fuzz.request import JSON, Request, spoiled
from tests.fuzz.target import Target
from tests.fuzz.values import encoded

MEDIA_TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/octet-stream",
    "text/plain",
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "application/xml",
    "x",
    "application/json, text/plain",
    "*/*",
    "application/cbor",
    "\x7f",
    "a" * 1000,
]
ENCODINGS = ["gzip", "GZIP", "x-gzip", "deflate", "identity", "br", "zstd", "gzip, gzip", "", "*", "gzip;q=1"]
KEYS = ['"a"', "a", "", '""', "a b", '"', "x" * 256, "é", '"\\', "0", "null"]
METHODS = ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
SEGMENTS = [
    "",
    ".",
    "..",
    "%2e%2e",
    "%00",
    "%0a",
    "%",
    "%zz",
    "%ff",
    "//",
    "\\",
    "雪",
    "a" * 1000,
    ":predict",
    ":explain",
    "infer",
    "versions",
    "0",
    "0" * 8,
    "f" * 64,
    "latest",
    "-1",
    "*",
    "<version>",
    "{version}",
    "ready",
    "?",
    "#",
    ";",
    " ",
    "$metadata",
]


def headers(random: Random, target: Target) -> Request:
    """Good bodies with odd headers."""
    made = (
        inference(random, target)
        if target.record is None or random.random() < 0.5
        else records(random, target)
    )
    name, values = random.choice(
        [
            ("Content-Type", MEDIA_TYPES),
            ("Content-Encoding", ENCODINGS),
            ("Accept-Encoding", [*ENCODINGS, "gzip;q=0", ";;;", "gzip;q=x"]),
            ("Accept", MEDIA_TYPES),
            ("Idempotency-Key", KEYS),
            ("X-Request-Id", KEYS),
            ("X-Subject", [*KEYS, "s" * 300]),
            (
                "Inference-Header-Content-Length",
                ["0", "-1", "1e3", "99999999999", "", "a", str(len(made.body)), "1"],
            ),
            ("Content-Length", ["0", "-1", "x"]),
            (random.choice(["x", "X-Forwarded-For", "Host", "Cookie", "Authorization"]), KEYS),
        ]
    )
    return Request(
        f"header {name[:30]}",
        made.method,
        made.path,
        {**made.headers, name: random.choice(values)},
        made.body,
    )


def compressed(random: Random, target: Target) -> Request:
    """Compressed bodies, whole, damaged, mislabelled, and bombs."""
    made = (
        inference(random, target)
        if target.record is None or random.random() < 0.5
        else records(random, target)
    )
    coding, pack = random.choice(
        [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", gzip.compress)]
    )
    body = pack(made.body) if random.random() < 0.98 else pack(b" " * random.choice([2**16, 9 * 2**20]))
    if random.random() < 0.7:
        body = spoiled(random, body)
    return Request("compressed", made.method, made.path, {**made.headers, "Content-Encoding": coding}, body)


def paths(random: Random, target: Target) -> Request:
    """Places that are none, and methods that are not for them."""
    base = random.choice([target.v2] if target.record is None else [target.v1, target.v2])
    path = base + random.choice(["", ":", "/", "/versions/"]) + random.choice(SEGMENTS)
    if random.random() < 0.5:
        path += "/" + random.choice(SEGMENTS)
    method = random.choice([*METHODS, "POST", "GET"])
    body = encoded(target.infer) if method in {"POST", "PUT", "PATCH"} else b""
    return Request("path", method, path, dict(JSON), body)


def methods(random: Random, target: Target) -> Request:
    """The right place, another method."""
    path = random.choice([f"{target.v2}/infer", target.v2, f"{target.v2}/ready"])
    if target.record is not None and random.random() < 0.5:
        path = random.choice(
            [target.v1, f"{target.v1}:predict", f"{target.v1}:explain", f"{target.v1}:feedback"]
        )
    return Request("method", random.choice(METHODS), path, {}, b"")


def _gzip(body: bytes) -> bytes:
    # Without a time: the same seed makes the same bytes.
    return gzip.compress(body, mtime=0)
