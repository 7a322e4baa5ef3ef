"""An alarm during a canary takes the canary back, whoever started it and whether anyone watches or not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from maas.errors import Conflict, InvalidRequest, PointerMoved
from maas.pointer import Move
from maas.registry import Registry

_ACTOR = "alarm"
_ATTEMPTS = 5


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
        PointerMoved: Others moved the pointer again and again.
    """
    detail = event["detail"]
    if detail["state"]["value"] != "ALARM":
        return None
    name = detail["alarmName"]
    model = model_of(name, prefix)
    raised = datetime.fromisoformat(detail["state"]["timestamp"])
    reason = f"{name}: {detail['state'].get('reason', '')}"[:1000]
    canary = None
    for _ in range(_ATTEMPTS):
        current = registry.production(model)
        if current is None:
            return None
        # Each move holds for the pointer that was looked at: another canary may begin meanwhile.
        how: Any = {"actor": _ACTOR, "reason": reason, "expected_seq": current.seq}
        try:
            if canary is not None and current.stable == canary:
                # Promoted in this moment: what is in alarm answers everybody now.
                moved = registry.rollback(model, **how)
                if moved.stable != canary:
                    return moved
                continue  # another canary had begun beside it, which a rollback ends first
            if current.canary is None or raised < began(registry, current):
                return None
            canary = current.canary.manifest
            return registry.withdraw(model, **how)
        except PointerMoved:
            continue
        except Conflict:  # there is nothing to go back to
            return None
    raise PointerMoved(f"The pointer of {model} moves and moves: {name} took nothing back")


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
