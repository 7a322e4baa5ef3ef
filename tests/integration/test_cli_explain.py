"""`maas explain` against real handlers, through API Gateway's stand-in on loopback."""

import io
import json
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from typer.testing import CliRunner, Result

from cli import explain
from cli.main import app
from functions.catalogue.handler import Catalogue
from maas.registry import Registry
from tests import tiny_model
from tests.gateway import Gateway
from tests.tiny_model import NAME, instance
from tests.trained_models import endpoints, trained

MODELS = ("sentiment", "digits")


class Quiet(WSGIRequestHandler):
    """Logs nothing: the test's output is for the command's."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An API with the tiny model, one of words and one of pictures, named in the environment."""
    registry.promote(NAME, registry.publish(*tiny_model.version()), actor="a test", reason="")
    for name in MODELS:
        registry.promote(name, trained(name).publish(registry), actor="a test", reason="")
    gateway = Gateway(
        {NAME: tiny_model.endpoint(), **{name: endpoints()[name] for name in MODELS}}, Catalogue("catalogue")
    )

    def quiet(environ: dict[str, Any], start_response: Any) -> Any:
        # The handler logs to this process's standard output, which is the command's to test.
        with redirect_stdout(io.StringIO()):
            return gateway(environ, start_response)

    server = make_server("127.0.0.1", 0, quiet, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("MAAS_API_URL", f"http://127.0.0.1:{server.server_port}")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(model: str, *arguments: str, code: int = 0) -> Result:
    """Run `maas explain`."""
    result = CliRunner().invoke(app, ["explain", model, *arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.mark.usefixtures("url")
def test_fields_are_bars_to_both_sides() -> None:
    """What raises the answer stands to the right of what lowers it, the largest first, idle ones apart."""
    record = json.dumps(instance(temperature=-40.0, lanes=12))
    result = run(NAME, "--instances", record)
    lines = result.stdout.splitlines()
    assert any(line.startswith("volume: ") and "coalitions, exact" in line for line in lines)
    (lower,) = (line for line in lines if "temperature" in line)
    (raise_,) = (line for line in lines if "lanes" in line)
    assert lines.index(lower) < lines.index(raise_)
    assert lower.index("█") < lower.index("│") < raise_.index("█")
    assert "-93.33" in lower
    assert "change nothing" in result.stderr


@pytest.mark.usefixtures("url")
def test_words_and_pictures_have_forms_of_their_own() -> None:
    """A text comes back word by word, a picture as a map; its class can be chosen."""
    assert "staff" in run("sentiment").stdout
    result = run("digits", "--class", "3")
    assert "class 3" in result.stdout
    assert any(shade in result.stdout for shade in "░▒▓█")


@pytest.mark.usefixtures("url")
def test_json_and_parameters() -> None:
    """--json gives the answer as it came; every option goes into the request."""
    record = json.dumps(instance())
    options = ("--method", "lime", "--samples", "16", "--target", "volume")
    found = json.loads(run(NAME, "--instances", record, *options, "--json").stdout)
    assert found["explanations"][0]["method"] == "lime"
    printed = run(NAME, "--instances", record, *options, "--curl").stdout
    assert ":explain" in printed
    assert '"samples": 16' in printed


@pytest.mark.usefixtures("url")
def test_what_is_refused_is_said() -> None:
    """An unknown target ends with exit code 1 and the names there are."""
    assert "volume" in run(NAME, "--instances", json.dumps(instance()), "--target", "x", code=1).output


@pytest.mark.parametrize(("contribution", "left", "right"), [(-2.0, 24, 0), (1.0, 0, 12), (1e-9, 0, 1)])
def test_bars_are_as_long_as_their_share(contribution: float, left: int, right: int) -> None:
    """The largest fills its side; the smallest is still there."""
    before, _, behind = explain.bar(contribution, 2.0).plain.partition("│")
    assert (before.count("█"), behind.count("█")) == (left, right)
    assert len(before) == len(behind) == explain.WIDTH


def test_a_map_of_nothing_is_blank() -> None:
    """Where hiding changes nothing, nothing is drawn."""
    assert {line.plain.strip() for line in explain.shaded([[0.0, 0.0], [0.0, 0.0]])} == {""}
