"""The description of the API and the page that shows it, behind a stage and opened in a real browser."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import boto3
import pytest
from moto import mock_aws
from playwright.sync_api import expect, sync_playwright

from cli.openapi.document import document, text
from functions.catalogue import handler as catalogue
from functions.catalogue.handler import Catalogue
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.gateway import Gateway
from tests.lambda_events import Answer, Caller
from tests.tiny_model import NAME

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STAGE = "prod"


class Quiet(WSGIRequestHandler):
    """Says nothing about each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Nothing."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The tiny model, and a catalogue that was built with its description."""
    static = tmp_path_factory.mktemp("static")
    for path in catalogue.STATIC.iterdir():
        if not path.name.startswith("openapi.json"):
            shutil.copy(path, static)
    (static / "openapi.json").write_text(text(document([tiny_model.endpoint()])), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(catalogue, "STATIC", static)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("MAAS_MODELS_BUCKET", "models-documented")
        client = boto3.client("s3")
        client.create_bucket(Bucket="models-documented")
        registry = Registry(ObjectStore("models-documented", client))
        registry.promote(NAME, registry.publish(*tiny_model.version()), actor="tests", reason="first")
        yield Gateway({NAME: tiny_model.endpoint()}, Catalogue("catalogue"), STAGE)


def get(gateway: Gateway, path: str, **headers: str) -> Answer:
    """From the catalogue's function."""
    return Caller(gateway.otherwise)("GET", path, None, headers)


def test_description_is_served(gateway: Gateway) -> None:
    """As JSON, compressed where that is asked for, and not again where it is known."""
    answer = get(gateway, "/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["paths"][f"/v1/models/{NAME}:predict"]
    packed = get(gateway, "/openapi.json", **{"Accept-Encoding": "gzip"})
    assert len(packed.body) < len(answer.body) / 4
    again = get(gateway, "/openapi.json", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_page_loads_nothing_from_elsewhere(gateway: Gateway) -> None:
    """Its files lie beside it, none names another host to load from, and a policy forbids what they might."""
    page = get(gateway, "/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"http" not in page.body
    assert b"<script>" not in page.body
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    for name in ("swagger-ui.min.css", "swagger-ui-bundle.min.js", "docs.js"):
        assert f"docs/{name}".encode() in page.body
        assert get(gateway, f"/docs/{name}").status == 200


def test_page_with_a_slash_behind_it_goes_back(gateway: Gateway) -> None:
    """What it refers to would else be looked for in the wrong place."""
    answer = get(gateway, "/docs/")
    assert (answer.status, answer.headers["Location"]) == (308, "../docs")


@pytest.mark.parametrize("name", ["handler.py", "../handler.py", "%2e%2e%2fhandler.py", "html.py", "none.js"])
def test_nothing_else_can_be_read(gateway: Gateway, name: str) -> None:
    """Neither code nor files outside: names are looked up, not opened."""
    assert get(gateway, f"/docs/{name}").status == 404


def test_build_without_a_description_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue built by hand answers with a 404, not with a crash."""
    monkeypatch.setenv("MAAS_MODELS_BUCKET", "none")
    monkeypatch.setattr(catalogue, "STATIC", tmp_path)
    answer = Caller(Catalogue("catalogue"))("GET", "/openapi.json")
    assert (answer.status, answer.json["type"]) == (404, "urn:maas:error:route-not-found")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_page_works_in_a_browser(gateway: Gateway) -> None:
    """Behind a stage it shows every operation and tries one out; no complaint, and no other host."""
    with make_server("127.0.0.1", 0, gateway, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        faults: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
            page.on(
                "request",
                lambda sent: (
                    None if sent.url.startswith((address, "data:", "blob:")) else faults.append(sent.url)
                ),
            )
            page.goto(f"{address}/{STAGE}/docs")
            expect(page.locator(".opblock-tag-section")).to_have_count(2)
            page.locator(f'[data-tag="{NAME}"]').click()
            operation = page.locator(f"#operations-{NAME}-{NAME}_card")
            operation.locator(".opblock-summary-control").click()
            operation.get_by_role("button", name="Execute").click()
            answered = operation.locator(".live-responses-table tr.response .response-col_status").first
            expect(answered).to_contain_text("200", timeout=60_000)
            asked = operation.locator(".request-url pre").inner_text()
            browser.close()
        server.shutdown()
        thread.join()
    assert asked.strip() == f"{address}/{STAGE}/v1/models/{NAME}"
    assert faults == []
    assert json.loads(get(gateway, "/openapi.json").body)["servers"][0]["url"] == "."
