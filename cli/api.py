"""The deployed API as a client sees it: addresses, answers and problems."""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from cli.credentials import Credentials
from cli.failure import CommandError
from maas.errors import FieldError

# API Gateway gives up after 29 s; a little more lets its own answer arrive.
TIMEOUT = urllib3.Timeout(connect=5, read=35)

_CREDENTIALS = (
    "this address wants credentials: set AWS_PROFILE (or AWS_ACCESS_KEY_ID and its fellows) where it takes "
    "signatures, `maas login` or MAAS_TOKEN where it takes tokens, and MAAS_API_KEY where it asks for a key."
)
_BOUNDS = "`maas show MODEL` lists the fields with their units and bounds."
# What to do about an HTTP status.
ADVICE = {
    400: _BOUNDS,
    401: _CREDENTIALS,
    403: f"{_CREDENTIALS} docs/access.md lists what each scope permits.",
    404: "`maas models` lists what is published; `maas promote MODEL VERSION` puts it in production.",
    413: "send fewer records in one request.",
    422: _BOUNDS,
    429: "slow down, or ask for a larger share: `maas keys create --rate ... --per-day ...`.",
    503: "`maas models` shows whether a version is in production; otherwise try again in a moment.",
}


@dataclass(frozen=True)
class Answer:
    """A successful answer: its JSON document, its headers in lower case, and how long it took."""

    document: Any
    headers: Mapping[str, str]
    seconds: float

    @property
    def version(self) -> str | None:
        """The model version that answered, where the dialect or a header says so."""
        body = self.document if isinstance(self.document, dict) else {}
        return body.get("model_version") or self.headers.get("x-model-version")


@dataclass(frozen=True)
class Api:
    """The API at one address, and what it is shown about who calls."""

    url: str
    credentials: Credentials = field(default_factory=Credentials)
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    def address(self, path: str) -> str:
        """The full address of an absolute path."""
        return self.url.rstrip("/") + path

    def get(self, path: str) -> Answer:
        """GET a JSON document.

        Raises:
            CommandError: nobody answers there, or the answer is a problem or no JSON.
        """
        return self._call("GET", path, b"")

    def post(self, path: str, document: Any) -> Answer:
        """POST a JSON document.

        Raises:
            CommandError: nobody answers there, or the answer is a problem or no JSON.
        """
        return self._call("POST", path, json.dumps(document, allow_nan=False).encode())

    def _call(self, method: str, path: str, body: bytes) -> Answer:
        address = self.address(path)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        headers = self.credentials.headers(method, address, body, headers)
        # Reading may be repeated; a prediction is cheap but counted, so it is sent once.
        # Nobody wants to wait for the hour that an exhausted quota names.
        again = urllib3.Retry(2, redirect=0, backoff_factor=0.2, respect_retry_after_header=False)
        retries = again if method == "GET" else False
        started = time.perf_counter()
        try:
            response = self.pool.request(
                method, address, body=body or None, headers=headers, retries=retries, timeout=TIMEOUT
            )
        except urllib3.exceptions.HTTPError as error:
            raise CommandError(
                f"{self.url} does not answer ({type(error).__name__}).",
                next_step="`maas status` shows whether the local stack runs; `maas up` starts it.",
            ) from error
        seconds = time.perf_counter() - started
        document = _document(response.data)
        if response.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
            raise problem(response.status, document, path)
        if document is None:
            raise CommandError(
                f"{address} did not answer with JSON.", next_step="check the address given as --url."
            )
        return Answer(document, {name.lower(): value for name, value in response.headers.items()}, seconds)


def _document(body: bytes) -> Any:
    """A body as JSON, or None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def problem(status: int, document: Any, path: str) -> CommandError:
    """An error answer of any of the API's dialects as one error.

    V1 answers RFC 9457 `{title, detail, errors: [{pointer, detail}]}`, V2 `{"error": "..."}`, and a gateway
    in front of either `{"message": "..."}`.
    """
    fields = document if isinstance(document, dict) else {}
    text = fields.get("detail") or fields.get("error") or fields.get("message") or fields.get("title")
    places = fields.get("errors")
    return CommandError(
        f"HTTP {status}: {text or 'no explanation given'}",
        next_step=ADVICE.get(
            status, f"the function's log has the reason (request {path}); see `maas status`."
        ),
        http_status=status,
        places=tuple(
            FieldError(str(place.get("pointer", "")), str(place.get("detail", "")))
            for place in (places if isinstance(places, list) else [])
            if isinstance(place, dict)
        ),
    )


def curl(api: Api, path: str, document: Any) -> str:
    """The same POST as a command line for curl, ready to paste into a shell."""
    parts = ["curl", "-sS", "-X", "POST", api.address(path), "-H", "Content-Type: application/json"]
    command = [*(shlex.quote(part) for part in parts), *api.credentials.curl()]
    return " ".join([*command, "-d", shlex.quote(json.dumps(document, ensure_ascii=False))])
