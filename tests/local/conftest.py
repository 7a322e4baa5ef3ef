"""One emulator with the real, built and deployed template for all tests in this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.emulator import Emulator, free_port
from cli.stack import Stack

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the emulator; `-m "not local"` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.local)


@dataclass(frozen=True)
class LocalStack:
    """A deployed stack: where its API is, where AWS clients go, what its resources are called."""

    api_url: str
    endpoint_url: str
    models_bucket: str
    data_bucket: str
    outputs: dict[str, str]
    deployed: Stack

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        return self.deployed.client(service)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The stack on a free port, with state of its own; no model is published in it.

    Layers that have not changed since the last build come from .aws-sam.
    """
    state = tmp_path_factory.mktemp("maas")
    emulator = Emulator(state)
    instance = emulator.start(free_port())
    try:
        emulator.wait_until_ready()
        deployed = Stack(instance.port, state=state)
        deployed.build()
        outputs = deployed.deploy()
        yield LocalStack(
            api_url=deployed.api_url(outputs),
            endpoint_url=instance.endpoint_url,
            models_bucket=outputs["ModelsBucket"],
            data_bucket=outputs["DataBucket"],
            outputs=outputs,
            deployed=deployed,
        )
    finally:
        emulator.stop()
