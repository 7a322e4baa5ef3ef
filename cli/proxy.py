"""`maas proxy`: the API on this computer's loopback, with whatever shows who calls added to every request."""

from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.deployment import StackOption
from cli.target import JsonOption, UrlOption, resolve

if TYPE_CHECKING:
    from cli.api import Api

HOST = "127.0.0.1"
LONGEST_BODY = 10 * 1024 * 1024  # bytes: the gateway's own limit
# They belong to one connection, or are ours to set.
_NOT_PASSED_ON = {
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "transfer-encoding",
    "x-api-key",
}


def proxy(
    *,
    port: Annotated[
        int, typer.Option("--port", min=1024, max=65535, help="The port to listen on, loopback only.")
    ] = 8080,
    url: UrlOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the API on loopback and sign what passes, for browsers and tools that cannot sign themselves.

    Whoever can open a connection on this computer calls the API in your name while it runs. Pages of other
    sites cannot: what a browser sends on their behalf is refused. Ctrl-C ends it.
    """
    api = resolve(url=url, stack=stack).api()
    with server(api, port) as listening:
        here = f"http://{HOST}:{listening.server_port}/"
        if as_json:
            console.emit({"api": api.url, "proxy": here})
        else:
            console.say(f"{api.url} is at {here}", style="bold green")
            console.say("Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            listening.serve_forever()


def server(api: "Api", port: int) -> ThreadingHTTPServer:
    """A server on loopback that passes requests on to the API; port 0 takes a free one."""

    class Handler(_Handler):
        target = api

    return ThreadingHTTPServer((HOST, port), Handler)


def foreign(headers: Message, port: int) -> bool:
    """Whether a request was made by a page of another site, or by a name that was bent to point here."""
    own = {f"{name}:{port}" for name in (HOST, "localhost")}
    origin = headers.get("Origin")
    return (
        headers.get("Host") not in own
        or (origin is not None and origin.removeprefix("http://") not in own)
        or headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
    )


class _Handler(BaseHTTPRequestHandler):
    target: "Api"
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "maas", ""

    def do_any(self) -> None:
        """Pass one request on, and its answer back."""
        import urllib3

        from cli.api import TIMEOUT

        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > LONGEST_BODY or "Transfer-Encoding" in self.headers:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        if foreign(self.headers, self.server.server_port):  # type: ignore[attr-defined]
            self.send_error(403, "Only this computer's own pages and programs may call.")
            return
        address = self.target.address(self.path)
        passed = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        try:
            answer = self.target.pool.request(
                self.command,
                address,
                body=body or None,
                headers=self.target.credentials.headers(self.command, address, body, passed),
                retries=False,
                timeout=TIMEOUT,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            self.send_error(502, type(error).__name__)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.data)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_any  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing: addresses may hold what is nobody else's business."""
