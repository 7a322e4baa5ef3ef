"""A start in which nothing is collected and unused modules are not read, in a process of its own."""

import gc
import subprocess
import sys
from typing import Any

import pytest

from maas.function import HttpFunction
from maas.start import UNUSED, starting
from maas.web import Web
from tests.lambda_events import Context


def told(program: str) -> list[str]:
    """What a program prints, in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_collector_rests_until_the_end() -> None:
    with starting():
        assert not gc.isenabled()
        with starting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_works_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), starting():
        _ = 1 / 0
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with starting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


class Watched(HttpFunction):
    """Answers direct calls with whether the collector works meanwhile; a call for a fault fails."""

    def add_routes(self, web: Web) -> None:
        """None."""

    def direct(self, event: Any, request_id: str) -> dict[str, Any]:  # noqa: ARG002 -- as the base class has it
        """True or false."""
        if event == "fault":
            raise KeyError(event)
        return {"collects": gc.isenabled()}


@pytest.mark.parametrize("first", ["", "fault"])
def test_the_collector_rests_for_the_first_event_alone(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    monkeypatch.setenv("MAAS_MODELS_BUCKET", "models")
    function = Watched("watched")
    assert function(first, Context()).get("collects", False) is False
    assert function("", Context()) == {"collects": True}


@pytest.mark.parametrize("name", UNUSED)
def test_powertools_does_not_bring_what_is_not_used(name: str) -> None:
    program = """
import sys
from maas.start import starting
with starting():
    from maas import web
print(any(name.startswith("{0}.") for name in sys.modules), "{0}" in sys.modules)
"""
    assert told(program.format(name)) == ["False", "False"]


def test_a_postponed_module_is_the_real_one_once_it_is_used() -> None:
    program = """
import sys
from maas.start import starting
with starting():
    import asyncio as early
    print("asyncio.events" in sys.modules)
    from asyncio import run as within
import asyncio
print(early.run is asyncio.run, within is asyncio.run, early is asyncio)
async def answer():
    return 42
print(early.run(answer()))
with starting():
    import asyncio as again
print(again is asyncio, sys.modules["asyncio"] is asyncio)
"""
    assert told(program) == ["False", "True", "True", "False", "42", "True", "True"]


def test_a_part_of_a_postponed_module_brings_the_whole() -> None:
    program = """
import sys
from maas.start import starting
with starting():
    import asyncio.queues
    print(asyncio.queues.Queue.__name__, sys.modules["asyncio"].__file__ is not None)
"""
    assert told(program) == ["Queue", "True"]
