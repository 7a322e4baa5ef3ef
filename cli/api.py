"""The deployed API as a client sees it: addresses, signatures, answers and problems."""

import json
import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3

from cli.failure import CommandError
from maas.errors import FieldError

# `<api id>.execute-api.<region>.amazonaws.com[.cn]`: API Gateway's own host names, which take IAM signatures.
EXECUTE_API = re.compile(r"^[a-z0-9-]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$")
# API Gateway gives up after 29 s; a little more lets its own answer arrive.
TIMEOUT = urllib3.Timeout(connect=5, read=35)

_CREDENTIALS = "this address wants credentials: set AWS_PROFILE (or AWS_ACCESS_KEY_ID and its fellows)."
_BOUNDS = "`maas show MODEL` lists the fields with their units and bounds."
# What to do about an HTTP status.
ADVICE = {
    400: _BOUNDS,
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    404: "`maas models` lists what is published; `maas promote MODEL VERSION` puts it in production.",
    413: "send fewer records in one request.",
    422: _BOUNDS,
    429: "slow down, or ask for a larger usage plan.",
    503: "`maas models` shows whether a version is in production; otherwise try again in a moment.",
}

Signer = Callable[[str, str, bytes, Mapping[str, str]], dict[str, str]]


def signing_region(url: str) -> str | None:
    """The region to sign for, or None where the host is not API Gateway's own."""
    found = EXECUTE_API.match(urlsplit(url).hostname or "")
    return found["region"] if found else None


def iam_signer(url: str) -> Signer | None:
    """A SigV4 signer from the ordinary AWS credential chain; None for other hosts and without credentials."""
    region = signing_region(url)
    if region is None:
        return None
    import botocore.session
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    credentials = botocore.session.get_session().get_credentials()
    if credentials is None:
        return None

    def sign(method: str, address: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        request = AWSRequest(method=method, url=address, data=body, headers=dict(headers))
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
        return dict(request.headers.items())

    return sign


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
    """The API at one address. `signer` adds authentication headers where the address wants them."""

    url: str
    signer: Signer | None = None
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
        if self.signer:
            headers = self.signer(method, address, body, headers)
        # Reading may be repeated; a prediction is cheap but counted, so it is sent once.
        retries = urllib3.Retry(2, redirect=0, backoff_factor=0.2) if method == "GET" else False
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
    command = [shlex.quote(part) for part in parts]
    if api.signer and (region := signing_region(api.url)):
        # Names, not values: the shell fills the credentials in, the printed line can be shared.
        command += ["--aws-sigv4", shlex.quote(f"aws:amz:{region}:execute-api")]
        command += ["--user", '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"']
        command += ["-H", '"x-amz-security-token: $AWS_SESSION_TOKEN"']
    return " ".join([*command, "-d", shlex.quote(json.dumps(document, ensure_ascii=False))])
