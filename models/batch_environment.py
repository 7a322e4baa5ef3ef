"""What AWS Batch tells a job about itself; the one place that reads it.

Source: AWS Batch User Guide, "AWS Batch job environment variables".
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from maas.errors import ConfigurationError


@dataclass(frozen=True)
class BatchJob:
    """One job, or one child of an array job, or one node of a multi-node job.

    Attributes:
        id: The job's; the part before a child's or node's own number.
        array_index: A child's place in its array; None outside an array.
        node: This node's place, the main node being 0.
        nodes: How many there are.
        main_address: The main node's private address; empty on the main node itself, which Batch does not
            tell its own.
    """

    id: str = ""
    array_index: int | None = None
    node: int = 0
    nodes: int = 1
    main_address: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `environ` (default: this process's environment); outside Batch, one job on one node.

        Raises:
            ConfigurationError: A number is none, or nodes do not know where the main node is.
        """
        env = os.environ if environ is None else environ
        nodes = _number(env, "AWS_BATCH_JOB_NUM_NODES", 1)
        index = _number(env, "AWS_BATCH_JOB_NODE_INDEX", 0)
        main = _number(env, "AWS_BATCH_JOB_MAIN_NODE_INDEX", 0)
        address = env.get("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS", "")
        if not (index < nodes and main < nodes):
            raise ConfigurationError(f"node {index} with main node {main} of {nodes} nodes cannot be")
        if index != main and not address:
            raise ConfigurationError("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS is not set on this node")
        array_index = None
        if "AWS_BATCH_JOB_ARRAY_INDEX" in env:
            array_index = _number(env, "AWS_BATCH_JOB_ARRAY_INDEX", 0)
        return cls(
            # Children are named `<id>:<index>`, nodes `<id>#<index>`.
            id=env.get("AWS_BATCH_JOB_ID", "").partition("#")[0].partition(":")[0],
            array_index=array_index,
            node=(index - main) % nodes,
            nodes=nodes,
            main_address=address,
        )


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise ConfigurationError(f"{name} must be a whole number; it is {text!r}")
    return int(text)
