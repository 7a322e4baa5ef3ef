"""Everything callers get wrong: each is told what and where, and none of it reaches the log."""

import gzip
import io
import json
import zlib
from typing import Any

import pytest

from maas.limits import BODY_BYTES, ROWS
from maas.registry import Registry
from tests import tiny_model
from tests.integration.conftest import Serving
from tests.lambda_events import Caller, Context
from tests.tiny_model import INSTANCES, NAME, instance
from tests.tiny_requests import INFER, PREDICT

MARKER = "swordfish-7431"
JSON = {"Content-Type": "application/json"}
NOT_JSON = {
    "empty": b"",
    "white space": b"  \n",
    "BOM": b"\xef\xbb\xbf" + json.dumps({"instances": INSTANCES}).encode(),
    "UTF-16": json.dumps({"instances": INSTANCES}).encode("utf-16"),
    "invalid UTF-8": b'{"instances": [{"note": "\xff"}]}',
    "lone surrogate": b'{"instances": [{"note": "\\ud800"}]}',
    "cut short": b'{"instances": [',
    "trailing": b'{"instances": []} x',
    "single quotes": b"{'instances': []}",
    "trailing comma": b'{"instances": [{},]}',
    "deep list": b"[" * 100_000,
    "deep object": b'{"instances":' * 100_000,
    "deep value": b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep unknown field": b'{"instances": [{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    "form": b"instances=1",
    "xml": b"<instances/>",
}
OTHER_TYPES = [
    "application/x-www-form-urlencoded",
    "text/xml",
    "text/plain",
    "multipart/form-data; boundary=x",
    "x",
]
# What is sent as the value of a field in one record -> status 422 at that field.
BAD_VALUES: list[tuple[str, str, str]] = [
    *[
        ("temperature", value, "")
        for value in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400)
    ],
    *[
        ("temperature", value, "")
        for value in ('"11.5"', "true", "null", "[]", "{}", "-60.001", "61", '"NaN"')
    ],
    *[("lanes", value, "") for value in ("0", "13", "3.0", "3.5", '"3"', "true", "null", "1e400", "9" * 30)],
    *[("rain", value, "") for value in ("NaN", "-0.001", "500.1", '"0"', "false", "1e999")],
    *[("open", value, "") for value in ("0", "1", '"true"', "null")],
    *[("weather", value, "") for value in ('"rain"', '""', "1", "null", '["Rain"]')],
    *[
        ("timestamp", value, "")
        for value in ('"yesterday"', "1", "1.5", '"2026-03-01T08:00:00Z"', '"2026-02-30T08:00"')
    ],
    *[("timestamp", value, "") for value in ('"2026-03-01T08:00:00+01:00"', '"2026-03-01"', "null", '""')],
    *[("note", value, "") for value in ('"' + "x" * 21 + '"', "null", "7")],
    *[("speeds", value, "") for value in ("[]", "[1]", "[1, 2, 3]", "1", "null", '"1, 2"', "{}")],
    *[
        ("speeds", value, "/1")
        for value in ("[1, 201]", '[1, "2"]', "[1, null]", "[1, true]", "[1, [2]]", "[1, NaN]")
    ],
]


def v1_body(**fields: str) -> bytes:
    """A good record and one in which some fields are raw JSON."""
    parts = {name: json.dumps(value) for name, value in instance().items()} | fields
    record = ", ".join(f'"{name}": {value}' for name, value in parts.items())
    return f'{{"instances": [{json.dumps(instance())}, {{{record}}}]}}'.encode()


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_is_no_json(tiny: Serving, path: str, body: bytes) -> None:
    """A body that is not one JSON document is a 400 in the dialect of the path."""
    answer = tiny.call("POST", path, body, JSON)
    assert answer.status == 400
    assert b"Traceback" not in answer.body
    if path == PREDICT:
        assert answer.headers["Content-Type"] == "application/problem+json"
    else:
        assert list(answer.json) == ["error"]


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize("media_type", OTHER_TYPES)
def test_other_media_types(tiny: Serving, path: str, media_type: str) -> None:
    """What is not declared as JSON (or as binary on V2) is a 415."""
    assert tiny.call("POST", path, b"{}", {"Content-Type": media_type}).status == 415


@pytest.mark.parametrize("path", [PREDICT, INFER])
@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"\0" * (BODY_BYTES + 1)), "gzip", 413),
        (gzip.compress(b"{}")[:-1], "gzip", 400),
        (zlib.compress(b"{}") + b"x", "deflate", 400),
        (b"{}", "br", 415),
    ],
)
def test_compressed_bodies(tiny: Serving, path: str, body: bytes, encoding: str, status: int) -> None:
    """Bombs, damaged streams and unknown encodings have their own statuses."""
    assert tiny.call("POST", path, body, {**JSON, "Content-Encoding": encoding}).status == status


@pytest.mark.parametrize(("field", "value", "below"), BAD_VALUES)
def test_value_that_is_not_permitted(tiny: Serving, field: str, value: str, below: str) -> None:
    """Each value outside the contract is a 422 at its place."""
    answer = tiny.call("POST", PREDICT, v1_body(**{field: value}), JSON)
    assert answer.status == 422, answer.body
    assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/instances/1/{field}{below}"]


@pytest.mark.parametrize(
    ("document", "status", "pointer"),
    [
        ([], 400, ""),
        (None, 400, ""),
        ("instances", 400, ""),
        ({}, 400, "/instances"),
        ({"instances": None}, 400, "/instances"),
        ({"instances": {}}, 400, "/instances"),
        ({"instances": []}, 400, "/instances"),
        ({"instances": INSTANCES, "parameters": {}}, 400, "/parameters"),
        ({"instances": INSTANCES, "a/b": {}}, 400, "/a~1b"),
        ({"instances": [None]}, 422, "/instances/0"),
        ({"instances": [[11.5, 3]]}, 422, "/instances/0"),
        ({"instances": [instance(colour="red")]}, 422, "/instances/0/colour"),
        ({"instances": [instance(**{"x" * 100_000: 1})]}, 422, "/instances/0/" + "x" * 80),
        ({"instances": [instance(), {"lanes": 1}]}, 422, "/instances/1/timestamp"),
        ({"instances": [instance()] * (ROWS + 1)}, 413, "/instances"),
        ({"instances": [{}] * (ROWS + 1)}, 413, "/instances"),
        ({"instances": [{}] * ROWS}, 422, "/instances/0/timestamp"),
    ],
)
def test_v1_envelope(tiny: Serving, document: Any, status: int, pointer: str) -> None:
    """What is wrong around the records is a 400, inside them a 422, too much of it a 413."""
    answer = tiny.call("POST", PREDICT, json.dumps(document), JSON)
    assert answer.status == answer.json["status"] == status
    assert answer.json["errors"][0]["pointer"] == pointer
    assert len(answer.json["errors"]) <= 20
    assert len(answer.body) < 8000


@pytest.mark.parametrize("variable", ["POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV", "POWERTOOLS_DEBUG"])
def test_bodies_are_never_logged(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Neither good nor bad content reaches the log, whatever Powertools is told by the environment."""
    monkeypatch.setenv(variable, "true")
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
    handler = tiny_model.endpoint()
    log = io.StringIO()
    monkeypatch.setattr(handler.telemetry.logger.registered_handler, "stream", log)
    instances = [instance(note=MARKER), instance(weather=MARKER), {MARKER: MARKER}]
    good = [json.dumps({"instances": [record]}) for record in instances]
    bad = [good[0][:-1], MARKER, json.dumps({MARKER: 1}), json.dumps({"inputs": [{"name": MARKER}]})]
    for path in (PREDICT, INFER, "/elsewhere"):
        for body in (*good, *bad):
            assert Caller(handler)("POST", path, body, {**JSON, "X-Note": MARKER}).status < 500
    for record in instances:
        handler({"instances": [record]}, Context())
    captured = capsys.readouterr()
    assert captured.out.count('"message":"request"') == 24
    assert MARKER not in log.getvalue() + captured.out + captured.err
