"""What is answered when there is no answer: one response per status and dialect, from the tree of errors."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from maas import errors
from maas.errors import InvalidRecord, MaasError, TrainingError

type Schema = dict[str, Any]

# What the gateway itself answers, in front of the functions; template.yaml has the words.
GATEWAY = {
    401: ("invalid-token",),
    403: (
        "missing-credentials",
        "invalid-signature",
        "expired-credentials",
        "access-denied",
        "invalid-api-key",
        "request-blocked",
    ),
    429: ("too-many-requests", "quota-exceeded"),
    502: ("gateway-error",),
    504: ("no-answer", "timeout"),
}
# And what it may answer instead of a function, which answers with the same status.
ALSO = {
    400: ("malformed-body", "invalid-request", "request-refused"),
    404: ("route-not-found",),
    413: ("payload-too-large",),
    415: ("unsupported-media-type",),
    500: ("authorizer-error", "gateway-error"),
}
_RETRY = {409, 429, 503}
PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457. docs/errors.md tells each code's cause and cure.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "urn:maas:error:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Place"},
            "description": "Where the request is at fault; twenty places at most.",
        },
    },
}
PLACE: Schema = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "pointer": {"type": "string", "description": "RFC 6901 pointer into the body; empty for all of it."},
        "header": {"type": "string", "description": "The header at fault, in place of a pointer."},
        "detail": {"type": "string"},
    },
}
V2_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong, beginning with the place."}},
}
GATEWAY_PROBLEM: Schema = {
    "type": "object",
    "description": "Both dialects' forms in one, as the gateway does not know which is asked for.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string"},
    },
}


def codes() -> dict[int, list[type[MaasError]]]:
    """The errors that callers can meet, by status."""
    found: dict[int, list[type[MaasError]]] = {}
    for error in _tree(MaasError):
        if not issubclass(error, TrainingError):
            found.setdefault(error.status, []).append(error)
    return found


def components() -> dict[str, Schema]:
    """The responses that operations refer to."""
    made: dict[str, Schema] = {}
    for status, kinds in codes().items():
        # 403 alone, and a function answers it on V2 alone: the gateway's form includes that.
        if status in GATEWAY:
            continue
        problem: Schema = {"application/problem+json": {"schema": _ref("Problem")}}
        if status in ALSO:
            problem["application/json"] = {"schema": _ref("GatewayProblem")}
        made[f"Problem{status}"] = _response(status, _listed(kinds, ALSO.get(status, ())), problem)
        # V2 knows one status for bad input.
        second = [kind for kind in kinds if kind is not InvalidRecord]
        if status == HTTPStatus.BAD_REQUEST:
            second.append(InvalidRecord)
        made[f"Error{status}"] = _response(
            status, _listed(second, ALSO.get(status, ())), {"application/json": {"schema": _ref("Error")}}
        )
    for status, refused in GATEWAY.items():
        made[f"Gateway{status}"] = _response(
            status, _listed((), refused), {"application/json": {"schema": _ref("GatewayProblem")}}
        )
    return made


def of(dialect: str, statuses: Iterable[int]) -> dict[str, Schema]:
    """References to an operation's responses: `dialect` is Problem or Error; the gateway's come along."""
    own = {str(status): {"$ref": f"#/components/responses/{dialect}{status}"} for status in statuses}
    gateway = {str(status): {"$ref": f"#/components/responses/Gateway{status}"} for status in GATEWAY}
    return dict(sorted({**own, **gateway}.items()))


def _response(status: int, description: str, content: Schema) -> Schema:
    headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in _RETRY:
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds."}
    return {"description": description, "headers": headers, "content": content}


def _listed(kinds: Iterable[type[MaasError]], gateway: Iterable[str]) -> str:
    """Codes as a list, those of the gateway behind ours."""
    titles = {kind.code: kind.title for kind in kinds}
    titles |= {code: code.replace("-", " ").capitalize() for code in gateway if code not in titles}
    return "\n".join(f"- `{code}`: {title}." for code, title in titles.items())


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _tree(root: type[MaasError]) -> Iterator[type[MaasError]]:
    if root.__module__ == errors.__name__:
        yield root
    for child in root.__subclasses__():
        yield from _tree(child)
