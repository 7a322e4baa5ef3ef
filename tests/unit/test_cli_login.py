"""`maas login` against a real HTTP server that hands out tokens, as RFC 6749 says."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from typer.testing import CliRunner

from cli.logins import Logins
from cli.main import app

URL = "https://models.example.org"

pytestmark = pytest.mark.usefixtures("aws_credentials")


class Issuer:
    """What the next answer is, and what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = {"access_token": "the-token", "expires_in": 3600, "scope": "maas/predict"}
        self.headers: dict[str, str] = {}
        self.asked: dict[str, list[str]] = {}
        self.authorization = ""
        self.url = ""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer on loopback."""
    state = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            state.authorization = self.headers["Authorization"]
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = state.answer if isinstance(state.answer, bytes) else json.dumps(state.answer).encode()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/oauth2/token"
        yield state
        server.shutdown()
        thread.join()


def login(issuer: Issuer, *arguments: str, url: str = URL) -> Any:
    given = ["login", "--url", url, "--token-url", issuer.url, "--client-id", "office", *arguments]
    return CliRunner().invoke(app, given, env={"MAAS_CLIENT_SECRET": "s3cret"})


def test_a_token_is_asked_for_and_kept(issuer: Issuer) -> None:
    """Client and secret go into the Authorization header; the token is kept for that address."""
    result = login(issuer, "--scope", "maas/predict", "--audience", "models")
    assert result.exit_code == 0, result.output
    assert issuer.asked == {
        "grant_type": ["client_credentials"],
        "scope": ["maas/predict"],
        "audience": ["models"],
    }
    assert base64.b64decode(issuer.authorization.removeprefix("Basic ")) == b"office:s3cret"
    assert Logins.of_this_user().token(URL) == "the-token"
    assert "the-token" not in result.output
    assert "s3cret" not in result.output


def test_logging_out_forgets_it(issuer: Issuer) -> None:
    """After `maas logout` nothing is sent any more."""
    assert login(issuer).exit_code == 0
    result = CliRunner().invoke(app, ["logout", "--url", URL, "--json"])
    assert json.loads(result.output) == {"url": URL, "found": True}
    assert Logins.of_this_user().token(URL) is None
    assert "no login" in CliRunner().invoke(app, ["logout", "--url", URL]).output


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (400, {"error": "invalid_scope"}, "invalid_scope"),
        (401, {"error": "invalid_client"}, "invalid_client"),
        (200, {"error": "none"}, "none"),
        (200, b"<html>", "no explanation"),
        (200, [1], "no token"),
        (302, {}, "302"),
    ],
)
def test_a_refusal_is_told_and_nothing_is_kept(issuer: Issuer, status: int, answer: Any, says: str) -> None:
    """The issuer's own word reaches the person; a redirect, which would carry the secret away, is none."""
    issuer.status, issuer.answer = status, answer
    issuer.headers = {"Location": issuer.url} if status == 302 else {}
    result = login(issuer)
    assert result.exit_code == 1
    assert says in result.output
    assert Logins.of_this_user().token(URL) is None


def test_a_secret_does_not_travel_in_the_clear() -> None:
    """An issuer without TLS elsewhere is not even asked."""
    asked = ["login", "--url", URL, "--client-id", "office", "--client-secret", "s3cret"]
    result = CliRunner().invoke(app, [*asked, "--token-url", "http://issuer.example/token"])
    assert result.exit_code == 1
    assert "in the clear" in result.output


def test_nobody_answers() -> None:
    """An issuer that is not there is one line, not a traceback."""
    asked = ["login", "--url", URL, "--client-id", "office", "--client-secret", "s3cret"]
    result = CliRunner().invoke(app, [*asked, "--token-url", "http://127.0.0.1:9/token"])
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_without_an_issuer_it_says_what_to_give() -> None:
    """An API that was named does not tell where its tokens come from."""
    result = CliRunner().invoke(app, ["login", "--url", URL, "--client-id", "a", "--client-secret", "b"])
    assert result.exit_code == 1
    assert "--token-url" in result.output
