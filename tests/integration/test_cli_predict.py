"""`maas predict` and `maas status` against a real handler, behind a small HTTP server on loopback."""

import io
import json
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from functions.catalogue.handler import Catalogue
from maas.registry import Registry
from tests.lambda_events import Caller
from tests.tiny_model import NAME, endpoint, instance, version

# Every field in every record: tensors have no gaps.
INSTANCES = [
    instance(weather="雪", rain=2.5),
    instance(weather="Clear", rain=0.0, temperature=-3),
    instance(weather="Rain", rain=9.0, lanes=1),
]


class Gateway(BaseHTTPRequestHandler):
    """What API Gateway does: an HTTP request to an event, the handler's answer to an HTTP response."""

    model: Caller
    catalogue: Caller
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is for the command's."""

    def _answer(self, body: bytes | None) -> None:
        # The handler logs to this process's standard output, which is the command's to test.
        with redirect_stdout(io.StringIO()):
            caller = self.model if f"/models/{NAME}" in self.path else self.catalogue
            answer = caller(self.command, self.path, body, dict(self.headers))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


@pytest.fixture
def published(registry: Registry) -> str:
    """The version of the tiny model that is in production."""
    manifest, artifact = version()
    name = registry.publish(manifest, artifact)
    registry.promote(NAME, name, actor="a test", reason="")
    return name


@pytest.fixture
def url(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The tiny model's API, named in the environment."""
    assert registry
    gateway = type(
        "TinyGateway", (Gateway,), {"model": Caller(endpoint()), "catalogue": Caller(Catalogue("catalogue"))}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MAAS_API_URL", address)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def predict(*arguments: str, code: int = 0, given: str | None = None) -> Result:
    """Run `maas predict` on the tiny model."""
    result = CliRunner().invoke(app, ["predict", NAME, *arguments], input=given)
    assert result.exit_code == code, result.output
    return result


def volumes(document: Any) -> list[float]:
    """The predictions in the answer of either dialect."""
    if "predictions" in document:
        return [prediction["volume"] for prediction in document["predictions"]]
    return list(document["outputs"][0]["data"])


@pytest.mark.usefixtures("url", "published")
def test_both_protocols_give_the_same_predictions(tmp_path: Path) -> None:
    """One record, several, from every kind of source: the dialects agree, whatever the way in."""
    record = instance(weather="雪", rain=2.5)
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"instances": [record]}), encoding="utf-8")
    fields = [part for name, value in record.items() for part in ("--field", f"{name}={_written(value)}")]
    answers = [
        json.loads(predict(*source, "--protocol", protocol, "--json", given=given).stdout)
        for protocol in ("v1", "v2")
        for source, given in [
            (["--instances", json.dumps([record])], None),
            (["--file", str(path)], None),
            (["--file", "-"], json.dumps(record)),
            ([], json.dumps(record)),
            (fields, None),
        ]
    ]
    assert len({tuple(volumes(answer)) for answer in answers}) == 1
    assert len(answers) == 10


@pytest.mark.usefixtures("url")
def test_people_get_a_table_of_what_went_in_and_out(published: str) -> None:
    """Inputs and predictions stand side by side under the version that answered."""
    shown = predict("--instances", json.dumps(INSTANCES)).stdout
    assert published in shown
    assert "-> volume" in shown
    assert "雪" in shown
    assert "record 2" in shown


@pytest.mark.usefixtures("url")
def test_a_version_can_be_asked_for_by_name(registry: Registry, published: str) -> None:
    """A version that is not in production answers when it is named, in both dialects."""
    other = registry.publish(*version([0.0] * 8))
    given = ["--instances", json.dumps(INSTANCES), "--json", "--version", other[:8]]
    for protocol in ("v1", "v2"):
        assert volumes(json.loads(predict(*given, "--protocol", protocol).stdout)) == [0.0] * len(INSTANCES)
    assert published != other


@pytest.mark.usefixtures("url", "published")
def test_a_refused_record_is_explained() -> None:
    """Every faulty place is named on standard error; standard output stays empty."""
    given = ["--instances", json.dumps([instance(temperature=900, lanes="three")]), "--json"]
    result = predict(*given, code=1)
    assert result.stdout == ""
    assert "/instances/0/temperature" in result.stderr
    assert "/instances/0/lanes" in result.stderr
    assert "maas show" in result.stderr


@pytest.mark.usefixtures("url")
def test_a_model_without_a_production_version_is_explained() -> None:
    """503 is told with what to do about it."""
    result = predict("--instances", json.dumps(INSTANCES), code=1)
    assert "HTTP 503" in result.stderr
    assert "maas models" in result.stderr


@pytest.mark.usefixtures("published")
def test_an_address_where_nobody_answers_is_named() -> None:
    """A closed port is an error with the address, not a traceback."""
    result = predict("--url", "http://127.0.0.1:9", "--instances", "{}", code=1)
    assert "http://127.0.0.1:9" in result.stderr


@pytest.mark.usefixtures("url", "published")
def test_a_model_not_in_this_checkout_has_no_examples() -> None:
    """Without records and without a contract here, the options to use are named."""
    assert "--instances" in predict(code=1).stderr


@pytest.mark.usefixtures("url", "published")
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_the_printed_curl_command_works(protocol: str) -> None:
    """Run as printed, the command gets the same predictions."""
    given = ["--instances", json.dumps(INSTANCES), "--protocol", protocol, "--json", "--curl"]
    result = predict(*given)
    [command] = [line for line in result.stderr.splitlines() if line.startswith("curl ")]
    answer = subprocess.run(shlex.split(command), capture_output=True, check=True, text=True)
    assert volumes(json.loads(answer.stdout)) == volumes(json.loads(result.stdout))


@pytest.mark.usefixtures("url")
def test_status_of_a_deployed_stack(published: str) -> None:
    """Registry and API answer, and the model's production version serves."""
    shown = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert [(part["name"], part["state"]) for part in shown["parts"]] == [("registry", "ok"), ("api", "ok")]
    [model] = shown["models"]
    assert (model["model"], model["production"], model["serving"]) == (NAME, published, "ok")


@pytest.mark.usefixtures("published")
def test_status_of_an_api_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is named, and the exit code says so."""
    monkeypatch.setenv("MAAS_API_URL", "http://127.0.0.1:9")
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 1
    assert "registry" in result.stdout
    assert "No good answer from: api." in result.stderr


def _written(value: object) -> str:
    """A value as it is typed after `--field name=`."""
    return value if isinstance(value, str) else json.dumps(value)
