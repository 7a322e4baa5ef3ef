"""Threads that take turns, in an order that a seed decides: races that can be run again."""

import random
import threading
from collections.abc import Callable, Mapping


class Stopped(BaseException):
    """Another actor failed: nobody needs to go on."""


class Turns:
    """Lets one thread run at a time, and a seed choose which.

    Args:
        source: Chooses.
        stay: How often who runs may go on: near 1 an actor does much between two steps of another one.
    """

    def __init__(self, source: random.Random, *, stay: float = 0.0) -> None:
        self._random = source
        self._stay = stay
        self._back = threading.Semaphore(0)
        self._turns: dict[str, threading.Semaphore] = {}
        self._failures: list[BaseException] = []

    def run(self, actors: Mapping[str, Callable[[], None]]) -> None:
        """Run all actors to their ends; raises what the first of them raised."""
        self._turns = {name: threading.Semaphore(0) for name in actors}
        threads = {
            name: threading.Thread(target=self._live, args=(act,), name=name, daemon=True)
            for name, act in actors.items()
        }
        for thread in threads.values():
            thread.start()
        running = ""
        while self._turns:
            if running not in self._turns or self._random.random() >= self._stay:
                running = self._random.choice(sorted(self._turns))
            self._turns[running].release()
            self._back.acquire()
        for thread in threads.values():
            thread.join()
        if self._failures:
            raise self._failures[0]

    def give(self) -> None:
        """Let somebody else go on, or oneself."""
        turn = self._turns.get(threading.current_thread().name)
        if turn is None:
            return  # a clean client of the main thread
        self._back.release()
        turn.acquire()
        if self._failures:
            raise Stopped

    def _live(self, act: Callable[[], None]) -> None:
        name = threading.current_thread().name
        self._turns[name].acquire()
        try:
            if not self._failures:
                act()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 -- the main thread raises it
            self._failures.append(error)
        finally:
            del self._turns[name]
            self._back.release()
