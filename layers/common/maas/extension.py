"""Lambda's Extensions API, for a thread of the function itself: an internal extension.

Lambda freezes a function once its runtime and all its extensions ask for the next event. So a thread that is
an extension can work on after the caller has the answer, until it asks.

Source: "Using the Lambda Extensions API to create extensions", AWS Lambda developer guide.
"""

import http.client
import json
import time
from http import HTTPStatus
from typing import NamedTuple

NAME = "maas-afterwards"
_PATH = "/2020-01-01/extension"
_REGISTER_SECONDS = 2.0
# A snapshot may be restored in the middle of a request, whose connection is dead then.
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.05


class NoExtensionsApi(Exception):
    """Lambda does not take this process for an extension (any more)."""


class Invocation(NamedTuple):
    """An invocation that has begun: its id, and when Lambda gives up on it, in seconds since 1970."""

    request_id: str
    deadline: float


class Extension:
    """A registered internal extension; `next` is for one thread.

    Args:
        address: Host and port of the runtime API.
        identifier: What Lambda called the extension when it was registered.
    """

    def __init__(self, address: str, identifier: str) -> None:
        self._identifier = identifier
        # Without a time limit: there may be days between two invocations. It opens itself when it is used.
        self._connection = http.client.HTTPConnection(address)

    @classmethod
    def register(cls, address: str) -> "Extension":
        """Register, which Lambda permits only while the function is initialised.

        Raises:
            NoExtensionsApi: There is no Extensions API, or it refuses.
        """
        connection = http.client.HTTPConnection(address, timeout=_REGISTER_SECONDS)
        try:
            connection.request(
                "POST",
                f"{_PATH}/register",
                json.dumps({"events": ["INVOKE"]}),  # SHUTDOWN is for external extensions
                {"Lambda-Extension-Name": NAME, "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
            identifier = answer.headers.get("Lambda-Extension-Identifier")
        except (OSError, http.client.HTTPException) as error:
            raise NoExtensionsApi(f"no Extensions API at {address}: {error!r}") from error
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK or not identifier:
            raise NoExtensionsApi(f"the Extensions API refuses with {answer.status}")
        return cls(address, identifier)

    def next(self) -> Invocation:
        """Tell Lambda that all work is done, and wait for the next invocation to begin.

        Raises:
            NoExtensionsApi: The connection broke and cannot be had again, or Lambda refuses.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._ask()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                broken = error
                time.sleep(_PAUSE_SECONDS * attempt)
        raise NoExtensionsApi(f"the Extensions API is gone: {broken!r}") from broken

    def _ask(self) -> Invocation:
        self._connection.request(
            "GET", f"{_PATH}/event/next", headers={"Lambda-Extension-Identifier": self._identifier}
        )
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != HTTPStatus.OK:
            self._connection.close()
            raise NoExtensionsApi(f"the Extensions API refuses with {answer.status}")
        event = json.loads(body)
        return Invocation(event["requestId"], event["deadlineMs"] / 1000)
