"""Work after the answer: in its order, after the handler, at no cost to the caller; and Lambda waits."""

import threading
from collections.abc import Iterator

import pytest

from maas.afterwards import Afterwards
from maas.extension import NAME, Extension, NoExtensionsApi
from maas.settings import runtime_api
from tests.runtime_api import RuntimeApi

ON = {"MAAS_AFTERWARDS": "on", "POWERTOOLS_SERVICE_NAME": "tiny"}


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi().serving() as api:
        yield api


class Made:
    """An `Afterwards` and what it reported."""

    def __init__(self, *, extension: Extension | None = None, limit: int = 64) -> None:
        self.failures: list[Exception] = []
        self.drops = 0
        self.done: list[str] = []
        self.afterwards = Afterwards(
            failed=self.failures.append, dropped=self._dropped, extension=extension, limit=limit
        )

    def _dropped(self) -> None:
        self.drops += 1

    def do(self, name: str) -> None:
        self.afterwards.do(lambda: self.done.append(name))


@pytest.fixture
def registered(api: RuntimeApi) -> Made:
    """An extension that waits for its first invocation."""
    made = Made(extension=Extension.register(api.address))
    api.wait_until_asked()
    return made


def test_background_does_everything_in_order() -> None:
    """Outside of Lambda one thread works the queue off."""
    made = Made()
    for name in "abc":
        made.do(name)
    made.afterwards.answered("1")  # nobody listens
    made.afterwards.drain()
    assert made.done == ["a", "b", "c"]
    assert not made.afterwards.is_extension


def test_caller_does_not_wait() -> None:
    """`do` comes back while the work stands still."""
    made, go = Made(), threading.Event()
    made.afterwards.do(go.wait)
    made.do("after")
    assert made.done == []
    go.set()
    made.afterwards.drain()
    assert made.done == ["after"]


def test_too_much_is_dropped_and_counted() -> None:
    """The queue is bounded: what finds no room is reported and never done."""
    made, begun, go = Made(limit=2), threading.Event(), threading.Event()
    made.afterwards.do(lambda: (begun.set(), go.wait()))
    begun.wait(20)
    for name in "abcd":
        made.do(name)
    go.set()
    made.afterwards.drain()
    assert (made.done, made.drops) == (["a", "b"], 2)


def test_failure_is_reported_and_work_goes_on() -> None:
    """What raises takes nothing else with it."""
    made = Made()
    made.afterwards.do(lambda: 1 / 0)
    made.do("next")
    made.afterwards.drain()
    assert made.done == ["next"]
    assert [type(error) for error in made.failures] == [ZeroDivisionError]


def test_registration_asks_for_invocations_only(api: RuntimeApi, registered: Made) -> None:
    """An internal extension may not register for SHUTDOWN."""
    assert registered.afterwards.is_extension
    assert api.registrations == [(NAME, {"events": ["INVOKE"]})]


def test_extension_asks_again_only_when_all_is_done(api: RuntimeApi, registered: Made) -> None:
    """Lambda may not freeze the function between the answer and the end of the work."""
    go = threading.Event()
    for request_id in ("first", "second"):
        go.clear()
        api.invoke(request_id)
        registered.afterwards.do(go.wait)
        registered.do(request_id)
        registered.afterwards.answered(request_id)
        assert not api.is_asked()
        go.set()
        api.wait_until_asked()
        assert registered.done[-1] == request_id
    assert registered.done == ["first", "second"]


def test_nothing_begins_before_the_answer(api: RuntimeApi, registered: Made) -> None:
    """Work waits for the handler of its own invocation; another one's end is no signal."""
    begun = threading.Event()
    registered.afterwards.do(begun.set)
    registered.afterwards.answered("earlier")
    api.invoke("now")
    assert not begun.wait(0.1)
    registered.afterwards.answered("now")
    assert begun.wait(20)
    api.wait_until_asked()


def test_invocation_without_work_is_let_go_at_once(api: RuntimeApi, registered: Made) -> None:
    """Most invocations have nothing to be done: the extension asks again when the handler is done."""
    for number in range(5):
        registered.afterwards.answered(str(number))
        api.invoke(str(number))
        api.wait_until_asked()
    assert registered.done == []


def test_work_near_the_deadline_waits_for_the_next_invocation(api: RuntimeApi, registered: Made) -> None:
    """Lambda would end the process in the middle: what is left is done later."""
    registered.do("late")
    api.invoke("short", seconds=0.2)  # nor does a handler that never comes back hold it up for ever
    api.wait_until_asked()
    assert registered.done == []
    api.invoke("long")
    registered.afterwards.answered("long")
    api.wait_until_asked()
    assert registered.done == ["late"]


def test_broken_connection_is_made_anew(api: RuntimeApi, registered: Made) -> None:
    """After a snapshot is restored the connection is dead: the same extension asks again on another one."""
    for round_number in range(3):
        api.break_connection()
        api.wait_until_asked()
        api.invoke(f"{round_number}")
        registered.do(f"{round_number}")
        registered.afterwards.answered(f"{round_number}")
        api.wait_until_asked()
    assert registered.done == ["0", "1", "2"]
    assert len(api.registrations) == 1
    assert registered.failures == []


def test_lambda_that_lets_go_leaves_a_background(api: RuntimeApi, registered: Made) -> None:
    """When the extension is refused, it is reported once, and work is done as it is elsewhere."""
    api.next_status = 403
    api.break_connection()
    api.wait_until_asked()
    for name in ("a", "b"):
        registered.do(name)
        registered.afterwards.drain()
    assert registered.done == ["a", "b"]
    assert [type(error) for error in registered.failures] == [NoExtensionsApi]
    assert not registered.afterwards.is_extension


def test_registration_that_fails_is_reported(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Lambda takes no extension the function works, and says so."""
    monkeypatch.setenv("MAAS_AFTERWARDS", "on")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "tiny")
    failures: list[Exception] = []
    api.register_status = 403
    for address in (api.address, "127.0.0.1:1"):
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
        made = Afterwards.here("tiny", failed=failures.append, dropped=lambda: None)
        assert not made.is_extension
    assert [type(error) for error in failures] == [NoExtensionsApi, NoExtensionsApi]


def test_registers_where_it_is_asked_to(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting and Lambda's address together make an extension."""
    monkeypatch.setenv("MAAS_AFTERWARDS", "on")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "tiny")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api.address)
    made = Afterwards.here("tiny", failed=print, dropped=print)
    api.wait_until_asked()
    assert made.is_extension


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, None),
        ({"AWS_LAMBDA_RUNTIME_API": "a:1", "MAAS_AFTERWARDS": "on"}, None),
        ({"AWS_LAMBDA_RUNTIME_API": "a:1", "POWERTOOLS_SERVICE_NAME": "tiny"}, None),
        ({"MAAS_AFTERWARDS": "on", "POWERTOOLS_SERVICE_NAME": "tiny"}, None),
        ({"AWS_LAMBDA_RUNTIME_API": "a:1", **ON, "MAAS_AFTERWARDS": "off"}, None),
        ({"AWS_LAMBDA_RUNTIME_API": "a:1", **ON, "POWERTOOLS_SERVICE_NAME": "console"}, None),
        ({"AWS_LAMBDA_RUNTIME_API": "a:1", **ON}, "a:1"),
    ],
)
def test_setting(environment: dict[str, str], address: str | None) -> None:
    """Only in Lambda, only where the template says so, and only by the function's own handler."""
    assert runtime_api("tiny", environment) == address
