"""The console's page on loopback, with the tiny model behind it: everything in this process, over moto."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import boto3
import pytest
from moto import mock_aws

from functions.catalogue.handler import Catalogue
from functions.console.handler import Console
from maas.registry import Registry
from maas.store import ObjectStore
from tests import tiny_model
from tests.gateway import Gateway

LOGIN = "https://people.example.com"
CLIENT = "the-console"
DATA_BUCKET = "data-of-the-page"
STAGE = "prod"


class _Server(ThreadingMixIn, WSGIServer):
    """Browsers open more connections than they use."""

    daemon_threads = True
    block_on_close = False


class _Quiet(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        # The base class would make text/plain of a missing type.
        return super().get_environ() | {"CONTENT_TYPE": self.headers.get("Content-Type", "")}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Nothing."""


@dataclass
class Site:
    """Where the page is, what lies behind it, and the headers that requests came with, by path."""

    url: str
    registry: Registry
    s3: Any
    seen: dict[str, dict[str, str]] = field(default_factory=dict)


@contextmanager
def console_site() -> Iterator[Site]:
    """The page of a stack with token authentication and a login; the gateway's own check is not there."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
            "MAAS_MODELS_BUCKET": "models-of-the-page",
            "MAAS_DATA_BUCKET": DATA_BUCKET,
            "MAAS_REFRESH_SECONDS": "0",
            "MAAS_AUTHENTICATION": "JWT",
            "MAAS_LOGIN_URL": LOGIN,
            "MAAS_LOGIN_CLIENT": CLIENT,
        }.items():
            patch.setenv(name, value)
        s3 = boto3.client("s3")
        for bucket in ("models-of-the-page", DATA_BUCKET):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        registry = Registry(ObjectStore("models-of-the-page", s3))
        registry.promote("tiny", registry.publish(*tiny_model.version()), actor="ana", reason="first")
        site = Site("", registry, s3)
        with make_server("127.0.0.1", 0, _recorded(site), _Server, _Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            site.url = f"http://127.0.0.1:{server.server_port}/{STAGE}/"
            yield site
            server.shutdown()


def _recorded(site: Site) -> Callable[..., Any]:
    """Everything behind one gateway; a function answers one request at a time, as in Lambda."""
    console, catalogue, model = Console("console"), Catalogue("catalogue"), tiny_model.endpoint()
    turn = threading.Lock()

    def answered(function: Callable[[Any, Any], Any], event: Any, context: Any) -> Any:
        with turn:
            site.seen[event["path"]] = {name.lower(): value for name, value in event["headers"].items()}
            return function(event, context)

    def otherwise(event: Any, context: Any) -> Any:
        is_page = event["path"] == "/" or event["path"].startswith("/console/")
        return answered(console if is_page else catalogue, event, context)

    return Gateway({tiny_model.NAME: partial(answered, model)}, otherwise, STAGE)
