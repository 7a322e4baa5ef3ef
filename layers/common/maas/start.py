"""A function's start made shorter: nothing is collected while it lasts, and what nobody uses stays unread."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

UNUSED = ("asyncio",)  # Powertools imports it for AppSync: a twentieth of a start


@contextmanager
def starting() -> Iterator[None]:
    """Inside, the garbage collector rests, and `UNUSED` modules are read when something of theirs is used.

    Nearly all that a start makes is there to stay: looking through it again and again finds nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    postponed = {name: _Postponed(name) for name in UNUSED if name not in sys.modules}
    sys.modules.update(postponed)
    try:
        yield
    finally:
        for name, module in postponed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if collects:
            gc.enable()


class _Postponed(ModuleType):
    """Stands for a module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)
