"""Data-parallel training: two processes on loopback take the same steps as one."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from maas.errors import TrainingError
from maas.manifest import Manifest
from maas.runtime import Session
from models.batch_environment import BatchJob
from models.line import Line, answer, call
from tests import team_member

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
SECONDS = 240.0
needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs requirements/deep.txt"
)


def free_port() -> int:
    """A port that is free, and so is the one above it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind((LOOPBACK, 0))
            port: int = first.getsockname()[1]
            try:
                second.bind((LOOPBACK, port + 1))
            except OSError:
                continue
            return port


@contextmanager
def node(rank: int, nodes: int, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A node as Batch starts it; on loopback the main node is told its address too."""
    environment = {
        "AWS_BATCH_JOB_ID": f"job#{rank}",
        "AWS_BATCH_JOB_NODE_INDEX": str(rank),
        "AWS_BATCH_JOB_NUM_NODES": str(nodes),
        "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
        "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": LOOPBACK,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'common'}",
    }
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@needs_keras
def test_two_processes_lose_what_one_loses(tmp_path: Path) -> None:
    """Losses of every epoch and the trained networks agree within rounding; the assistant goes at the end."""
    member = [sys.executable, str(ROOT / "tests" / "team_member.py"), str(free_port()), str(tmp_path)]
    with node(0, 2, member) as leader, node(1, 2, member) as assistant:
        alone = [team_member.trained(seed) for seed in (0, 1)]
        said = [process.communicate(timeout=SECONDS)[0] for process in (leader, assistant)]
    assert (leader.returncode, assistant.returncode) == (0, 0), said
    assert "assisted with 2" in said[1]
    matrix = team_member.lesson().columns["pixels"]
    for seed, (losses, artifact) in enumerate(alone):
        together = json.loads((tmp_path / f"{seed}.json").read_text())
        assert len(together) == len(losses) > 1
        np.testing.assert_allclose(together, losses, rtol=2e-3)
        found = Session((tmp_path / f"{seed}.onnx").read_bytes()).run(matrix)
        for name, values in Session(artifact).run(matrix).items():
            np.testing.assert_allclose(found[name], values, atol=5e-3)
    assert alone[0][0] != pytest.approx(alone[1][0], rel=1e-3)
    assert alone[0][0][-1] < alone[0][0][0]


def nodes(count: int, rank: int, name: str = "job") -> BatchJob:
    """One of the nodes of a job."""
    return BatchJob(name, None, rank, count, LOOPBACK)


def test_lines_carry_messages_in_order_whatever_their_size() -> None:
    """Empty and large messages arrive as they were, for every assistant, whichever calls first."""
    address = (LOOPBACK, free_port())
    messages = [b"", b"x", bytes(range(256)) * 20_000]
    heard: dict[int, list[bytes]] = {}

    def assistant(rank: int) -> None:
        time.sleep(0.1 * (3 - rank))
        with call(nodes(3, rank), address, 10) as line:
            heard[rank] = [line.hear() for _ in messages]
            line.say(str(rank).encode())

    assistants = [threading.Thread(target=assistant, args=(rank,)) for rank in (1, 2)]
    for one in assistants:
        one.start()
    with ExitStack() as stack:
        lines = [stack.enter_context(line) for line in answer(nodes(3, 0), address, 10)]
        for message in messages:
            for line in lines:
                line.say(message)
        assert [line.hear() for line in lines] == [b"1", b"2"]
    for one in assistants:
        one.join()
    assert heard == {1: messages, 2: messages}


def test_a_node_that_ends_early_is_an_error_for_the_others() -> None:
    """Who waits for a message of a process that is gone is told so at once, in both directions."""
    address = (LOOPBACK, free_port())
    ready = threading.Event()

    def assistant() -> None:
        with call(nodes(2, 1), address, 10):
            ready.wait(10)

    thread = threading.Thread(target=assistant)
    thread.start()
    [line] = answer(nodes(2, 0), address, 10)
    ready.set()
    thread.join()
    with line, pytest.raises(TrainingError, match="ended too early"):
        line.hear()


def test_strangers_are_turned_away_and_absent_nodes_named() -> None:
    """Noise, another job's node and a node that is there twice take no place; who is missing is said."""
    address = (LOOPBACK, free_port())

    def strangers() -> None:
        jobs = (nodes(3, 1, "another"), nodes(3, 1), nodes(3, 1))
        called.extend(call(job, address, 10) for job in jobs)
        with socket.create_connection(address) as noise:
            noise.sendall(b"GET / HTTP/1.1\r\n\r\n")

    called: list[Line] = []
    thread = threading.Thread(target=strangers)
    thread.start()
    with pytest.raises(TrainingError, match=r"Nodes \[2\] of 3 did not come in 2 s"):
        answer(nodes(3, 0), address, 2)
    thread.join()
    for line in called:
        line.close()


def test_a_main_node_that_is_not_there_is_an_error() -> None:
    """An assistant does not wait for ever."""
    with pytest.raises(TrainingError, match=r"does not answer at 127\.0\.0\.1"):
        call(nodes(2, 1), (LOOPBACK, free_port()), 0.5)


def test_only_the_main_node_evaluates_and_publishes(tmp_path: Path) -> None:
    """The same command on both nodes: one trains and writes, the other assists and writes nothing."""
    port = free_port()
    program = (
        f"import models.team; models.team.PORT = {port}; models.team.PATIENCE_SECONDS = {SECONDS}; "
        "from cli.main import app; app()"
    )
    with ExitStack() as stack:
        running = []
        for rank in (0, 1):
            out = str(tmp_path / str(rank))
            command = [sys.executable, "-c", program, "train", "public_safety", "--json", "--out", out]
            running.append(stack.enter_context(node(rank, 2, command)))
        said = [process.communicate(timeout=SECONDS)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert "node 1 of 2 assisted with 0 networks" in said[1]
    manifest = Manifest.from_json((tmp_path / "0" / "public_safety.json").read_bytes())
    assert manifest.reproduction is not None
    assert manifest.reproduction.nodes == 2
    assert not (tmp_path / "1").exists()
