"""What surrounds a request, over HTTP: compression, limits, repetition, the description, nonsense."""

import gzip
import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import urllib3

from functions.lane_flow.handler import handler
from maas.limits import SENT_BYTES
from maas.registry import Registry
from maas.store import ObjectStore
from tests.fuzz.request import Request
from tests.fuzz.run import FULL, Got, run
from tests.fuzz.target import target_of
from tests.trained_models import trained

if TYPE_CHECKING:
    from conftest import LocalStack

MODEL = "lane_flow"
TARGET = target_of(handler)
BODY = json.dumps({"instances": [TARGET.record]}).encode()
JSON = {"Content-Type": "application/json"}
COUNT = 1000 if FULL else 150


@pytest.fixture(scope="module")
def url(stack: "LocalStack") -> str:
    """The API's address; the model is in production behind it."""
    model = trained(MODEL)
    registry = Registry(ObjectStore(stack.models_bucket, cast("Any", stack.client("s3"))))
    registry.promote(MODEL, model.publish(registry), actor="test", reason="")
    return stack.api_url


def post(url: str, path: str, body: bytes, **headers: str) -> Any:
    """One request; bodies are not decompressed on the way back."""
    return urllib3.request(
        "POST",
        url + path,
        body=body,
        headers={**JSON, **headers},
        timeout=60,
        decode_content=False,
        retries=False,
    )


def test_compression_passes_both_ways(url: str) -> None:
    """A compressed body is read, a long answer comes compressed, and both mean the same."""
    many = json.dumps({"instances": [TARGET.record] * 500}).encode()
    plain = post(url, f"{TARGET.v1}:predict", many)
    packed = post(
        url,
        f"{TARGET.v1}:predict",
        gzip.compress(many),
        **{"Content-Encoding": "gzip", "Accept-Encoding": "gzip"},
    )
    assert plain.status == packed.status == 200, packed.data[:300]
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_body_beyond_lambda_is_413(url: str) -> None:
    """With advice, whoever of gateway and function gives it."""
    answer = post(url, f"{TARGET.v1}:predict", b" " * (SENT_BYTES + 1))
    assert answer.status == 413
    assert "fewer rows" in answer.json()["detail"]


def test_keys_are_remembered_in_the_stack(url: str, stack: "LocalStack") -> None:
    """The function may write what it must remember, there and nowhere else, and S3 decides who is first."""
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (post(url, f"{TARGET.v1}:predict", BODY, **key) for _ in range(2))
    other = post(url, f"{TARGET.v1}:predict", json.dumps({"instances": [TARGET.record] * 2}).encode(), **key)
    assert first.status == again.status == 200, first.data[:300]
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status == 422
    kept = stack.client("s3").list_objects_v2(Bucket=stack.data_bucket, Prefix=f"idempotency/{MODEL}/")
    assert kept["KeyCount"] >= 1


def test_description_and_page_are_served(url: str) -> None:
    """The build has made the document; the page's scripts come with the layer."""
    description = urllib3.request("GET", f"{url}/openapi.json").json()
    assert f"{TARGET.v1}:predict" in description["paths"]
    page = urllib3.request("GET", f"{url}/docs")
    assert (page.status, b"swagger-ui" in page.data) == (200, True)
    script = urllib3.request("GET", f"{url}/docs/swagger-ui-bundle.min.js")
    assert (script.status, len(script.data) > 1_000_000) == (200, True)


def test_nonsense_over_http(url: str) -> None:
    """A sample of the fuzzer's requests through gateway and worker: no 5xx, and the same refusals."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def call(request: Request) -> Got:
        headers = {
            name: value.encode("utf-8", "replace").decode("latin-1")
            for name, value in request.headers.items()
            if value.isprintable() and name not in {"Host", "Content-Length", "Authorization"}
        }
        path = parts.path + quote(request.path, safe="/:")
        connection.request(request.method, path, body=request.body or None, headers=headers)
        answer = connection.getresponse()
        return Got(answer.status, dict(answer.getheaders()), answer.read())

    with closing(connection):
        report = run(TARGET, call, count=COUNT)
    assert report.faults == []
    assert report.count(200, 300) > COUNT // 20
