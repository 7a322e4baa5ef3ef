"""What it takes to train a version again, beside the data, the revision and the libraries in its manifest."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from maas.artifact import DIGEST_PATTERN


class Reproduction(BaseModel):
    """How and where a version was trained: the same again gives the same artifact, byte for byte.

    Attributes:
        command: What was typed, or would have been.
        source: Where the data came from, as it was given; None for the recipe's simulated sample.
        seed: Of everything random.
        code: SHA-256 of the code that took part, as it was, committed or not.
        changed: Whether the working tree differed from its revision; None where nobody knows.
        platform: Operating system and processor architecture.
        processor: The processor's name.
        kernels: The numeric libraries' own choice for that processor: other kernels round differently.
        threads: Processors that training could use.
        environment: Variables that change results and were set.
        search: Whether the recipe's grid was searched too.
        nodes: Machines that trained its networks together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    source: str | None = None
    seed: int
    code: Annotated[str, Field(pattern=DIGEST_PATTERN)]
    changed: bool | None = None
    platform: str
    processor: str
    kernels: tuple[str, ...] = ()
    threads: int = Field(ge=1)
    environment: dict[str, str] = Field(default_factory=dict)
    search: bool = False
    nodes: int = Field(default=1, ge=1)
