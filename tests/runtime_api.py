"""A small stand-in for Lambda's Extensions API on loopback, which the test leads through invocations."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

IDENTIFIER = "5c1f1b5e-3d1a-4f0e-8a43-0b6a1e0f2c11"
_PATIENCE = 20.0


class RuntimeApi:
    """Registers one extension and hands out the events that the test puts in.

    Attributes:
        registrations: Name and body of each registration.
        register_status: What registrations are answered with.
        next_status: What requests for the next event are answered with.
    """

    def __init__(self) -> None:
        self.registrations: list[tuple[str, Any]] = []
        self.register_status = self.next_status = 200
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._asked = threading.Semaphore(0)
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Silence."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/2020-01-01/extension/register"
                api.registrations.append((self.headers["Lambda-Extension-Name"], body))
                self._answer(api.register_status, {"functionName": "f"}, IDENTIFIER)

            def do_GET(self) -> None:
                assert self.path == "/2020-01-01/extension/event/next"
                assert self.headers["Lambda-Extension-Identifier"] == IDENTIFIER
                api._asked.release()
                if api.next_status != 200:
                    self._answer(api.next_status, {"errorType": "Extension.InvalidState"}, "")
                    return
                event = api._events.get()
                if event is None:  # the connection dies, as one from before a snapshot does
                    self.close_connection = True
                    self.connection.close()
                    return
                self._answer(200, event, IDENTIFIER)

            def _answer(self, status: int, document: Any, identifier: str) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Extension-Identifier", identifier)
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # closed on purpose

    @property
    def address(self) -> str:
        """Host and port, as AWS_LAMBDA_RUNTIME_API has them."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wait_until_asked(self) -> None:
        """Wait until the extension asks for the next event: it has done what it had to do."""
        assert self._asked.acquire(timeout=_PATIENCE), "the extension does not ask for the next event"

    def is_asked(self) -> bool:
        """Whether it has asked since the last look."""
        return self._asked.acquire(blocking=False)

    def invoke(self, request_id: str, *, seconds: float = 60) -> None:
        """Tell the extension that an invocation has begun, which may take so long."""
        deadline = int((time.time() + seconds) * 1000)
        self._events.put({"eventType": "INVOKE", "deadlineMs": deadline, "requestId": request_id})

    def break_connection(self) -> None:
        """Close the connection on which the extension waits."""
        self._events.put(None)

    @contextmanager
    def serving(self) -> Iterator["RuntimeApi"]:
        """Serve, and stop."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.next_status = 403  # lets a waiting extension go
            self._events.put(None)
            self._server.shutdown()
            self._server.server_close()
