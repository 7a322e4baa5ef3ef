"""`maas status`: what runs, what serves, and the last error that the functions logged."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from cli import console
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import START, JsonOption, RegistryOption, Target, UrlOption, resolve
from cli.versions import overview
from maas.errors import MaasError

if TYPE_CHECKING:
    from cli.stack import Stack

OK = "ok"
# The level's name, as JSON and text log records both have it.
ERROR_PATTERN = "ERROR"
LOG_PREFIX = "/aws/lambda/"


class Part(NamedTuple):
    """A part of a stack: what it is, whether it answers, and where it is."""

    name: str
    state: str
    where: str


def status(
    registry: RegistryOption = None,
    url: UrlOption = None,
    stack: StackOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show emulator, stack, models with their production versions, and the last error.

    The exit code is 1 where nothing runs or something does not answer.
    """
    target = resolve(registry, url, stack)
    if not target.found:
        raise CommandError("No stack is running.", next_step=START)
    parts = list(components(target))
    models = list(serving(target)) if all(part.state == OK for part in parts) else []
    error = last_error(target.stack) if target.stack else {}  # a deployed stack's logs are CloudWatch's
    if as_json:
        listed = [part._asdict() for part in parts]
        console.emit({"parts": listed, "models": models, "last_error": error or None})
    else:
        _print(parts, models, error)
    if failing := [part.name for part in parts if part.state != OK]:
        raise CommandError(
            f"No good answer from: {', '.join(failing)}.",
            next_step="`maas up` brings a local stack up to date.",
        )


def components(target: Target) -> Iterator[Part]:
    """Emulator, stack, registry and API, as far as the target has them."""
    if target.stack:
        from cli.emulator import endpoint_url

        yield Part("emulator", OK, endpoint_url(target.stack.port))
        stack = _probe("stack", target.stack.name, lambda: target.outputs)
        yield stack
        if stack.state != OK:
            return  # where the rest is, only the stack can tell
    if target.has_registry:
        yield _probe("registry", f"s3://{target.bucket}", lambda: target.registry().models())
    if target.has_api:
        yield _probe("api", target.url, lambda: target.api().get("/v2/health/ready"))


def serving(target: Target) -> Iterator[dict[str, Any]]:
    """Each published model, its production version, and whether the API serves it (None: not asked)."""
    if not target.has_registry:
        return
    api = target.api() if target.has_api else None
    for row in overview(target.registry()):
        state: str | None = row["problem"]
        if api and row["production"]:
            state = _probe("", "", lambda: api.get(f"/v2/models/{row['model']}/ready")).state  # noqa: B023
        yield {key: row[key] for key in ("model", "production", "newest", "versions")} | {"serving": state}


def last_error(stack: "Stack") -> dict[str, Any] | None:
    """Time, function and text of the newest error in the functions' logs, or None."""
    from botocore.exceptions import BotoCoreError, ClientError

    logs: Any = stack.client("logs")
    found: list[dict[str, Any]] = []
    try:
        groups = logs.describe_log_groups(logGroupNamePrefix=LOG_PREFIX)["logGroups"]
        for name in (group["logGroupName"] for group in groups):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=name, filterPattern=ERROR_PATTERN
            )
            function = {"function": name.removeprefix(LOG_PREFIX)}
            found += [event | function for page in pages for event in page["events"]]
    except (BotoCoreError, ClientError):
        return None  # without logs there is nothing to say, and the rest of the status stands
    if not found:
        return None
    newest = max(found, key=lambda event: int(event["timestamp"]))
    time = datetime.fromtimestamp(newest["timestamp"] / 1000, UTC)
    return {"time": time, "function": newest["function"], "message": sentence(newest["message"])}


def sentence(message: str) -> str:
    """What a log record says: message and reason of a structured one, the first line of any other."""
    try:
        record = json.loads(message)
    except ValueError:
        record = None
    if not isinstance(record, dict) or "message" not in record:
        return message.strip().partition("\n")[0]
    reason = record.get("reason") or record.get("exception") or ""
    return ": ".join(part.strip() for part in (str(record["message"]), str(reason)) if part.strip())


def _probe(name: str, where: str, check: Callable[[], object]) -> Part:
    """A part whose state is `OK` where the check passes, else the reason."""
    try:
        check()
    except MaasError as error:
        return Part(name, error.detail, where)
    return Part(name, OK, where)


def _print(parts: list[Part], models: list[dict[str, Any]], error: dict[str, Any] | None) -> None:
    console.table(["part", "state", "where"], parts)
    if models:
        console.table(
            ["model", "production", "newest", "versions", "serving"],
            [tuple(row.values()) for row in models],
        )
    if error:
        console.say(
            f"last error: {error['time']:%Y-%m-%d %H:%M:%S} UTC, {error['function']}: {error['message']}"
        )
    elif error is None:
        console.say("last error: none in the logs")
