"""Work that is done once the caller has the answer, so that it costs the caller no time.

In Lambda it is done by an internal extension, for which Lambda waits before it freezes the function;
elsewhere by a thread in the background.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from maas.extension import Extension, Invocation, NoExtensionsApi
from maas.settings import runtime_api

type Work = Callable[[], object]

# The runtime sends the answer after the handler returned, and tells nobody when it is done.
_SENDING_SECONDS = 0.01
_SPARE_SECONDS = 1.0
_LIMIT = 64


class Afterwards:
    """A bounded queue, and one thread that empties it. What is too much, or fails, is reported, never raised.

    Args:
        failed: Told what a piece of work raised.
        dropped: Told that there was no room for a piece of work.
        extension: The registration with Lambda, where there is one.
        limit: Pieces of work that may wait.
    """

    def __init__(
        self,
        *,
        failed: Callable[[Exception], object],
        dropped: Callable[[], object],
        extension: Extension | None = None,
        limit: int = _LIMIT,
    ) -> None:
        self._failed = failed
        self._dropped = dropped
        self._queue: queue.Queue[Work] = queue.Queue(limit)
        self._thread: threading.Thread | None = None
        self._answered = threading.Condition()
        self._last_answered: str | None = None
        self._extension = extension
        if extension is not None:
            # Lambda waits for its first `next` before it calls the function initialised.
            self._start(self._attend, extension)

    @classmethod
    def here(
        cls, service: str, *, failed: Callable[[Exception], object], dropped: Callable[[], object]
    ) -> Self:
        """As an extension where the settings ask for one and Lambda takes it, else in the background."""
        address = runtime_api(service)
        if address is None:
            return cls(failed=failed, dropped=dropped)
        try:
            return cls(failed=failed, dropped=dropped, extension=Extension.register(address))
        except NoExtensionsApi as error:
            failed(error)
            return cls(failed=failed, dropped=dropped)

    @property
    def is_extension(self) -> bool:
        """Whether Lambda waits for the work."""
        return self._extension is not None

    def do(self, work: Work) -> None:
        """Have `work` done after the current answer."""
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            self._dropped()
            return
        if self._thread is None:
            self._start(self._work_on)

    def answered(self, request_id: str | None) -> None:
        """The handler is done with an invocation."""
        if self._extension is None:
            return
        with self._answered:
            self._last_answered = request_id
            self._answered.notify()

    def drain(self) -> None:
        """Wait until everything is done that was asked for."""
        self._queue.join()

    def _start(self, loop: Callable[..., None], *arguments: Any) -> None:
        self._thread = threading.Thread(target=loop, args=arguments, name="afterwards", daemon=True)
        self._thread.start()

    def _attend(self, extension: Extension) -> None:
        """Follow Lambda's invocations; where Lambda lets go of us, work on in the background."""
        try:
            while True:
                invocation = extension.next()
                self._wait_for_answer(invocation)
                if not self._queue.empty():
                    time.sleep(_SENDING_SECONDS)
                self._empty(invocation.deadline - _SPARE_SECONDS)
        except NoExtensionsApi as error:
            self._extension = None
            self._failed(error)
        self._work_on()

    def _wait_for_answer(self, invocation: Invocation) -> None:
        with self._answered:
            self._answered.wait_for(
                lambda: self._last_answered == invocation.request_id,
                timeout=max(0.0, invocation.deadline - time.time()),
            )

    def _empty(self, deadline: float) -> None:
        # What is left over waits for the next invocation: at the deadline Lambda would end the process.
        while not self._queue.empty() and time.time() < deadline:
            self._do_next()

    def _work_on(self) -> None:
        while True:
            self._do_next()

    def _do_next(self) -> None:
        work = self._queue.get()
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- nobody waits for it: it is reported
            self._failed(error)
        finally:
            self._queue.task_done()
