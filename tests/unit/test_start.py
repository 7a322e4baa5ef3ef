"""A start in which nothing is collected and unused modules are not read, in a process of its own."""

import gc
import subprocess
import sys

import pytest

from maas.start import UNUSED, starting


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
