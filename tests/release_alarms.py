"""Canary alarms among the actors of a day: each takes back the canary that it is about, and no other one."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from maas.errors import MaasError, RegistryUnavailable
from maas.pointer import Pointer
from maas.registry import Registry
from maas.rollout import alarm
from maas.store import ObjectStore
from tests.faults import Crash
from tests.release_rules import Record
from tests.tiny_model import NAME

if TYPE_CHECKING:
    from tests.release_days import Day

EVENTS = 4
PREFIX = "maas-canary-"


class AlarmRegistry(Registry):
    """Makes each move in a name of its own, and keeps in the record what it was told of it."""

    def __init__(self, store: ObjectStore, clock: Callable[[], datetime], record: Record) -> None:
        super().__init__(store, clock=clock)
        self._record = record
        self.raised: datetime | None = None

    def withdraw(self, model: str, **given: Any) -> Pointer:
        """Withdraw, and look whether it was the canary that the alarm is about."""
        pointer = self._told(super().withdraw, model, given)
        before = self._record.chain[pointer.seq - 2]
        assert before.canary is not None, "an alarm ended what was no canary"
        assert self.raised is not None
        began = before
        for move in reversed(self._record.chain[: before.seq]):
            if move.canary is None or move.canary.manifest != before.canary.manifest:
                break
            began = move
        assert began.time <= self.raised, "an alarm ended a canary that began after it"
        return pointer

    def rollback(self, model: str, **given: Any) -> Pointer:
        """Roll back."""
        return self._told(super().rollback, model, given)

    def _told(self, move: Callable[..., Pointer], model: str, given: dict[str, Any]) -> Pointer:
        name = f"alarm/{len(self._record.acknowledged)}/{len(self._record.unknown)}"
        try:
            pointer = move(model, **given | {"actor": name})
        except (Crash, RegistryUnavailable):
            self._record.unknown.add(name)
            raise
        assert pointer.actor == name, "an alarm was told of somebody else's move"
        self._record.acknowledged[name] = pointer
        return pointer


def alarms(day: "Day") -> None:
    """Alarms that are raised during the day; every other one's event comes late."""
    late = day.clock()
    registry = day.alarm_registry()
    for number in range(EVENTS):
        registry.raised = late if number % 2 else day.clock()
        moment = f"{registry.raised:%Y-%m-%dT%H:%M:%S.%f+0000}"
        state = {"value": "ALARM", "reason": "a day", "timestamp": moment}
        event = {"detail": {"alarmName": f"{PREFIX}{NAME}-failures", "state": state}}
        try:
            moved = alarm.withdraw(registry, event, PREFIX)
        except Crash:
            registry = day.alarm_registry()
        except MaasError as error:
            day.log.append(f"alarm/{number}: {error.detail}")
        else:
            day.log.append(f"alarm/{number}: {moved and moved.action}")
