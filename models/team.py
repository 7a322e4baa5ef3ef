"""Processes that train a network together, each on its part of every batch: data-parallel gradient descent.

The leader runs the training job: it reads, chooses, judges and publishes, alone. Where it fits a network it
tells the assistants which one, and the rows. Then all take the same steps, and JAX sums their gradients
(`keras.distribution.DataParallel`; between processors by Gloo, between GPUs by NCCL). What is said besides
gradients goes through plain connections, as bytes of NumPy's and JSON's formats.
"""

import io
import json
import math
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from models.batch_environment import BatchJob
from models.gradient import State
from models.keras_backend import load
from models.lesson import Lesson
from models.line import Line, answer, call

PORT = 29500  # of JAX's coordinator; the one above is for what is said besides
PATIENCE_SECONDS = 600
_GO_ON, _STOP, _DONE = b"go on", b"stop", b"done"
_SETTINGS = "settings"


@dataclass(frozen=True, eq=False)
class Team:
    """This process among those of its team.

    Attributes:
        rank: Its place; the leader is 0.
        size: How many processes there are.
        lines: The leader's to the assistants; an assistant's one to the leader.
        distribution: `keras.distribution.DataParallel` over all devices of all processes. It is not set for
            Keras as a whole: what the leader does alone must not wait for the others.
    """

    rank: int = 0
    size: int = 1
    lines: Sequence[Line] = ()
    distribution: Any = None

    @property
    def devices(self) -> int:
        """Processors and GPUs of all: batches are cut into so many equal parts."""
        if self.size == 1:
            return 1
        import jax

        return jax.device_count()

    def part(self, count: int) -> slice:
        """This process's part of so many rows."""
        share = count // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def shared(self, part: NDArray[Any]) -> Any:
        """The whole array, of which every process holds its part."""
        if self.distribution is None:
            return part
        layout = self.distribution.get_data_layout((len(part) * self.size, *part.shape[1:]))
        return _global(layout, part)

    def everywhere(self, state: State) -> State:
        """The same values in every process, as one array each."""
        if self.distribution is None:
            return state
        import jax

        def replicated(value: Any) -> Any:
            # A layout is asked for with something that has a shape: a variable, or its value.
            return _global(self.distribution.get_variable_layout(value), np.asarray(value))

        spread: State = jax.tree.map(replicated, state)
        return spread

    def tell(self, settings: Mapping[str, JsonValue], lesson: Lesson) -> None:
        """Tell the assistants what to learn, and from what.

        Raises:
            TrainingError: An assistant has ended.
        """
        if not self.lines:
            return
        parts = {name: value for name, value in lesson._asdict().items() if value is not None}
        with io.BytesIO() as packed:
            text = np.frombuffer(json.dumps(dict(settings)).encode(), np.uint8)
            np.savez(packed, allow_pickle=False, **{_SETTINGS: text}, **parts)
            self._say(packed.getvalue())

    def lessons(self) -> Iterator[tuple[dict[str, Any], Lesson]]:
        """What the leader tells an assistant, until it is done.

        Raises:
            TrainingError: The leader has ended before it was done.
        """
        while (said := self.lines[0].hear()) != _DONE:
            with np.load(io.BytesIO(said), allow_pickle=False) as packed:
                parts = dict(packed)
            yield json.loads(parts.pop(_SETTINGS).tobytes()), Lesson(**parts)

    def agreed(self, *, stop: bool) -> bool:
        """The leader's word on whether to stop, to all."""
        if self.rank:
            return self.lines[0].hear() == _STOP
        self._say(_STOP if stop else _GO_ON)
        return stop

    def done(self) -> None:
        """Let the assistants go."""
        self._say(_DONE)

    def _say(self, message: bytes) -> None:
        for line in self.lines:
            line.say(message)


def _global(layout: Any, part: NDArray[Any]) -> Any:
    import jax

    return jax.make_array_from_process_local_data(  # type: ignore[no-untyped-call]
        layout.backend_layout, part
    )


ALONE = Team()
_current: ContextVar[Team] = ContextVar("team", default=ALONE)


def current() -> Team:
    """The team this process is in."""
    return _current.get()


@contextmanager
def assembled(job: BatchJob, *, port: int | None = None, patience: float | None = None) -> Iterator[Team]:
    """Join the team of a job on several nodes; a job on one node is alone.

    The leader lets the assistants go at the end, unless it fails: then they fail too.

    Args:
        job: Which node of which this is.
        port: And the one above it, on the main node; by default PORT.
        patience: Seconds to wait for the others; by default PATIENCE_SECONDS.

    Raises:
        TrainingError: Not all of them came in time.
    """
    if job.nodes == 1:
        yield ALONE
        return
    port = PORT if port is None else port
    patience = PATIENCE_SECONDS if patience is None else patience
    import jax

    keras = load()
    # Batch does not tell the main node its own address. Its name stands for it: Gloo goes by that too.
    address = job.main_address or socket.gethostbyname(socket.gethostname())
    with ExitStack() as stack:
        talk = (address, port + 1)
        lines = [call(job, talk, patience)] if job.node else answer(job, talk, patience)
        for line in lines:
            stack.enter_context(line)
        jax.distributed.initialize(
            f"{address}:{port}",
            job.nodes,
            job.node,
            coordinator_bind_address=f"{address}:{port}",
            initialization_timeout=math.ceil(patience),
        )
        team = Team(job.node, job.nodes, lines, keras.distribution.DataParallel())
        stack.callback(_current.reset, _current.set(team))
        yield team
        if not job.node:
            team.done()
