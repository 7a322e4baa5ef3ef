"""An alarm during a canary takes the canary back, whoever started it and whether anyone watches or not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from maas.errors import Conflict, InvalidRequest
from maas.pointer import Move
from maas.registry import Registry

_ACTOR = "alarm"


def model_of(alarm: str, prefix: str) -> str:
    """The model in the name of a canary alarm, `<prefix><model>-<what>`.

    Raises:
        InvalidRequest: It is no such name.
    """
    model, dash, what = alarm.removeprefix(prefix).rpartition("-")
    if not (alarm.startswith(prefix) and dash and model and what):
        raise InvalidRequest(f"{alarm[:200]!r} is no canary alarm: {prefix}<model>-<what>")
    return model


def withdraw(registry: Registry, event: Mapping[str, Any], prefix: str) -> Move | None:
    """Withdraw the canary that an alarm is about; the move, None where nothing had to move.

    Alarm events come at least once, late and out of order: one from before the canary began is not about it.

    Args:
        registry: With the right to move pointers.
        event: "CloudWatch Alarm State Change", as EventBridge delivers it.
        prefix: What the names of the stack's canary alarms begin with.

    Raises:
        InvalidRequest: The event is not about a canary alarm.
    """
    detail = event["detail"]
    if detail["state"]["value"] != "ALARM":
        return None
    name = detail["alarmName"]
    model = model_of(name, prefix)
    current = registry.production(model)
    if current is None or current.canary is None:
        return None
    if datetime.fromisoformat(detail["state"]["timestamp"]) < began(registry, current):
        return None
    reason = f"{name}: {detail['state'].get('reason', '')}"[:1000]
    try:
        moved = registry.withdraw(model, actor=_ACTOR, reason=reason)
        if moved.action == "promote" and moved.stable == current.canary.manifest:
            # Promoted in this moment: what is in alarm answers everybody now.
            return registry.rollback(model, actor=_ACTOR, reason=reason, expected_seq=moved.seq)
    except Conflict:  # somebody else moved it away, or there is nothing to go back to
        return None
    return moved if moved.seq > current.seq and moved.action == "withdraw" else None


def began(registry: Registry, current: Move) -> datetime:
    """When the canary that runs was started; its share may have changed since."""
    start = current
    for move in registry.history(current.model):
        if move.seq > start.seq:
            continue
        if move.canary is None or current.canary is None or move.canary.manifest != current.canary.manifest:
            break
        start = move
    return start.time
