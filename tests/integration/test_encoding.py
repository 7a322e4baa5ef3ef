"""Compressed requests and answers, and the limits of what Lambda carries, through the real handler."""

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from maas.endpoint import Endpoint
from maas.function import HttpFunction
from maas.limits import BODY_BYTES, PAYLOAD_BYTES, SENT_BYTES
from maas.protocol.encoding import WORTH_IT, takes_gzip
from maas.protocol.problem import Reply
from maas.web import Web
from tests import tiny_model
from tests.integration.conftest import Serving
from tests.lambda_events import Context, rest_event
from tests.tiny_model import INSTANCES, NAME
from tests.tiny_requests import EXPECTED, INFER, PREDICT, binary_body, json_inputs

GZIP = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
MANY = json.dumps({"instances": INSTANCES * 300})


def test_compressed_requests_in_every_form(tiny: Serving) -> None:
    """Records, tensors and bytes may come as gzip; the header's length means what is inside."""
    packed = gzip.compress(json.dumps({"instances": INSTANCES}).encode())
    assert [row["volume"] for row in tiny.call("POST", PREDICT, packed, GZIP).json["predictions"]] == EXPECTED
    packed = gzip.compress(json.dumps({"inputs": json_inputs()}).encode())
    assert tiny.call("POST", INFER, packed, GZIP).json["outputs"][0]["data"] == EXPECTED
    body, headers = binary_body()
    answer = tiny.call("POST", INFER, gzip.compress(body), {**headers, "Content-Encoding": "gzip"})
    assert answer.json["outputs"][0]["data"] == EXPECTED


def test_more_rows_fit_compressed(tiny: Serving) -> None:
    """What is too large to be sent as it is can be sent as gzip, up to the larger limit of what is inside."""
    body = json.dumps({"instances": INSTANCES * 3}).encode()
    padded = body + b" " * (SENT_BYTES + 1 - len(body))
    assert tiny.call("POST", PREDICT, padded, {"Content-Type": "application/json"}).status == 413
    assert tiny.call("POST", PREDICT, gzip.compress(padded), GZIP).status == 200
    padded = body + b" " * (BODY_BYTES - len(body))
    assert tiny.call("POST", PREDICT, gzip.compress(padded), GZIP).status == 200
    assert tiny.call("POST", PREDICT, gzip.compress(padded + b" "), GZIP).status == 413


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_request_beyond_lambda_is_told_what_to_do(tiny: Serving, path: str) -> None:
    """A 413 that names the limit and the ways around it."""
    answer = tiny.call("POST", path, b"x" * (SENT_BYTES + 1), {"Content-Type": "application/json"})
    assert answer.status == 413
    sentence = answer.json["detail" if path == PREDICT else "error"]
    assert all(word in sentence for word in (str(SENT_BYTES), "fewer rows", "gzip", "inbox"))


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize("announced", [2**30, 10])
def test_bomb_costs_less_than_ten_megabytes(tiny: Serving, path: str, announced: int) -> None:
    """A gibibyte in a megabyte, honest about its size or not, measured around the whole handler."""
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    block = packer.compress(b"\0" * 8 * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = gzip.compress(b"")[:10] + block * 128 + b"\x03\0" + b"\0" * 4 + announced.to_bytes(4, "little")
    event = rest_event("POST", path, bomb, GZIP)
    tiny.call("POST", path, bomb[:100], GZIP)
    tracemalloc.start()
    try:
        answer = tiny.call.handler(event, Context())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer["statusCode"] == 413
    assert peak < 10 * 2**20


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "x-gzip"])
def test_long_answers_go_compressed_where_asked(tiny: Serving, accepted: str) -> None:
    """The same document in fewer bytes, marked as what it is."""
    plain = tiny.call("POST", PREDICT, MANY)
    packed = tiny.call("POST", PREDICT, MANY, {"Accept-Encoding": accepted})
    assert len(plain.body) > WORTH_IT
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert len(packed.body) < len(plain.body) / 2
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize(
    "accepted", ["", "br", "identity", "gzip;q=0", "gzip; q=0.0", "*;q=0", "gzip;q=0, *"]
)
def test_other_answers_go_as_they_are(tiny: Serving, accepted: str) -> None:
    """Nobody is sent gzip who does not take it."""
    answer = tiny.call("POST", PREDICT, MANY, {"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert len(answer.json["predictions"]) == 900


def test_short_answers_go_as_they_are(tiny: Serving) -> None:
    """One prediction is not worth the work."""
    answer = tiny.call("POST", PREDICT, {"instances": INSTANCES}, {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_binary_answers_that_do_not_shrink_go_as_they_are(tiny: Serving) -> None:
    """Base64 costs what little gzip saves; where it saves much, the JSON part's length stays that inside."""
    assert takes_gzip("gzip")
    body, headers = binary_body(parameters={"binary_data_output": True})
    answer = tiny.call("POST", INFER, body, {**headers, "Accept-Encoding": "gzip"})
    assert int(answer.headers["Inference-Header-Content-Length"]) < len(answer.body)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Endpoint[Any, Any]:
    """A handler for its telemetry; nobody asks its bucket for anything."""
    monkeypatch.setenv("MAAS_MODELS_BUCKET", NAME)
    return tiny_model.endpoint()


def answered(
    function: Endpoint[Any, Any], body: bytes, accepted: str = "", media_type: str = "application/json"
) -> tuple[dict[str, Any], int]:
    """What Lambda would send for a view that gives this body, and its size in bytes."""
    web = Web(function.telemetry)
    web.route("GET", "/", lambda _: Reply(200, media_type, body))
    event = rest_event("GET", "/", None, {"Accept-Encoding": accepted})
    answer: dict[str, Any] = function.telemetry.wrap(web)(event, Context())
    return answer, len(json.dumps(answer, ensure_ascii=False).encode())


LAMBDA = 6 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"x" * PAYLOAD_BYTES, "application/json", 200),
        (b"x" * (PAYLOAD_BYTES + 1), "application/json", 413),
        (b'"' * (PAYLOAD_BYTES // 2), "application/json", 200),
        (b'"' * (PAYLOAD_BYTES // 2 + 1), "application/json", 413),
        (b"\\" * (PAYLOAD_BYTES // 2 + 1), "application/json", 413),
        ("雪".encode() * (PAYLOAD_BYTES // 3), "application/json", 200),
        (b"x" * (PAYLOAD_BYTES // 4 * 3), "application/octet-stream", 200),
        (b"x" * (PAYLOAD_BYTES // 4 * 3 + 3), "application/octet-stream", 413),
    ],
    ids=["text", "long text", "quotes", "many quotes", "backslashes", "snow", "bytes", "many bytes"],
)
def test_answers_beyond_lambda_are_refused(
    function: Endpoint[Any, Any], body: bytes, media_type: str, status: int
) -> None:
    """Counted as Lambda counts: base64 and the quoting of JSON included."""
    answer, size = answered(function, body, media_type=media_type)
    assert answer["statusCode"] == status
    assert size < LAMBDA
    if status == 413:
        assert "fewer rows" in answer["body"]
        assert "gzip" in answer["body"]


def test_answers_beyond_lambda_fit_compressed(function: Endpoint[Any, Any]) -> None:
    """What is too large as it is comes as gzip, if the caller takes that."""
    answer, size = answered(function, b"[1.5, 2.5]" * 10**6, "gzip")
    assert answer["statusCode"] == 200
    assert size < LAMBDA


class Long(HttpFunction):
    """Answers direct calls with as many predictions as it is asked for."""

    def add_routes(self, web: Web) -> None:
        """None."""

    def direct(self, event: Any, request_id: str) -> dict[str, Any]:  # noqa: ARG002 -- as the base class has it
        """Rows of a hundred bytes."""
        return {"predictions": [{"class": "x" * 88}] * event["rows"]}


@pytest.mark.parametrize(("rows", "status"), [(10, None), (50_000, None), (65_000, 413)])
def test_direct_answers_beyond_lambda_are_refused(
    monkeypatch: pytest.MonkeyPatch, rows: int, status: int | None
) -> None:
    """Without HTTP around it the limit is the same, and so is the advice."""
    monkeypatch.setenv("MAAS_MODELS_BUCKET", NAME)
    answer = Long("long")({"rows": rows}, Context())
    assert answer.get("status") == status
    assert len(json.dumps(answer)) < LAMBDA
    assert status is None or "fewer rows" in answer["detail"]
