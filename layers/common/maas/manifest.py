"""A manifest says everything about one version of a model; its digest is the version's name.

A field added later needs a default. Fields at their default are left out of the JSON, so the digests of
older manifests stay what they are.
"""

import json
import math
import re
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from maas.artifact import DIGEST_PATTERN, Blob, digest_of
from maas.datatype import Datatype
from maas.errors import BrokenArtifact, ModelNotFound
from maas.explain.stored import Explanation
from maas.judgement import Gate
from maas.monitoring import Monitoring
from maas.reproduction import Reproduction

MODEL_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
VERSION_LENGTH = 12


def canonical_json(document: Any) -> bytes:
    """JSON with sorted keys, no white space, UTF-8: equal documents give equal bytes.

    Raises:
        ValueError: a number is not finite, or a string is no Unicode text.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def model_folder(model: str) -> str:
    """The prefix of a model's keys, `models/<model>/`.

    Raises:
        ModelNotFound: no model can have this name, so none of it may become part of a key.
    """
    if re.fullmatch(MODEL_NAME_PATTERN, model) is None:
        raise ModelNotFound(
            f"{model[:80]!r} is no model name: a to z, 0 to 9 and _, at most 63, a letter first"
        )
    return f"models/{model}/"


def manifest_key(model: str, digest: str) -> str:
    """The key of the manifest with this digest."""
    return f"{model_folder(model)}manifests/{digest}.json"


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Digest = Annotated[str, Field(pattern=DIGEST_PATTERN)]
ModelName = Annotated[str, Field(pattern=MODEL_NAME_PATTERN)]
UtcDatetime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Document = dict[str, JsonValue]
NonNegative = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TensorSpec(_Part):
    """A tensor as the Open Inference Protocol describes it; -1 stands for the batch in `shape`."""

    name: str = Field(min_length=1)
    datatype: Datatype
    shape: tuple[Annotated[int, Field(ge=-1)], ...]


class Baseline(_Part):
    """What a naive method scores on the same held-out data."""

    name: str
    metrics: dict[str, float]


class Distribution(_Part):
    """A histogram of one variable in the training data, against which drift is measured.

    `edges` (k - 1, strictly ascending) cut the real line into k bins (-inf, e1], (e1, e2] ... (e, inf), as
    `maas.metrics.drift` makes them; `fractions` (k) are the shares of the bins, sum 1.
    """

    edges: tuple[float, ...]
    fractions: tuple[NonNegative, ...]

    @model_validator(mode="after")
    def _is_histogram(self) -> Self:
        if len(self.fractions) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("the edges must ascend strictly")
        if not math.isclose(math.fsum(self.fractions), 1, abs_tol=1e-6):
            raise ValueError("the fractions must sum to 1")
        return self


class Golden(_Part):
    """Records and the predictions the model made for them; replayed before a version serves."""

    instances: tuple[Document, ...] = Field(min_length=1)
    predictions: tuple[Document, ...]
    tolerance: NonNegative

    @model_validator(mode="after")
    def _is_paired(self) -> Self:
        if len(self.instances) != len(self.predictions):
            raise ValueError("every instance needs its prediction")
        return self


class DataSource(_Part):
    """The training data; `period` is an ISO 8601 interval (start/end) where the data has time."""

    name: str
    source: str
    digest: Digest
    rows: int = Field(ge=0)
    simulated: bool
    period: str | None = None


class Candidate(_Part):
    """A method tried in cross-validation: mean and standard deviation of its score over the folds."""

    name: str
    score: float
    spread: NonNegative
    chosen: bool


class Parity(_Part):
    """How far the exported model is from the fitted one, over `rows` rows."""

    rows: int = Field(ge=0)
    max_abs_difference: NonNegative
    tolerance: NonNegative


class Variant(_Part):
    """A smaller form of the chosen model, judged on the held-out rows like the model itself.

    `latency_ratio` is its time for one row over the unchanged form's, on the machine that trained it.
    """

    name: str
    bytes: int = Field(ge=0)
    latency_ratio: NonNegative
    score: float
    chosen: bool


class Manifest(_Part):
    """One version of a model: what it is, what it takes and gives, how it was made and how good it is."""

    model: ModelName
    created: UtcDatetime
    artifact: Blob
    feature_names: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metrics: dict[str, float]
    baseline: Baseline
    distributions: dict[str, Distribution]
    golden: Golden
    data: DataSource
    candidates: tuple[Candidate, ...]
    parity: Parity
    code_revision: str
    libraries: dict[str, str]
    hyperparameters: Document
    training_seconds: NonNegative
    summary: str
    optimisation: tuple[Variant, ...] = ()
    gate: Gate | None = None
    monitoring: Monitoring | None = None
    explanation: Explanation | None = None
    weights: Blob | None = None
    reproduction: Reproduction | None = None

    @model_validator(mode="after")
    def _has_json(self) -> Self:
        # Infinities inside free-form documents, text that is no Unicode: refused here, not when published.
        try:
            self.to_json()
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return digest_of(self.to_json())

    @property
    def version(self) -> str:
        """The digest's first 12 digits: the name people use."""
        return self.digest[:VERSION_LENGTH]

    @property
    def key(self) -> str:
        """The key in the registry's bucket."""
        return manifest_key(self.model, self.digest)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """All bytes that the version consists of besides the manifest, the model's first."""
        weights = () if self.weights is None else (self.weights,)
        return (self.artifact, *weights, *(self.explanation.blobs if self.explanation else ()))

    def to_json(self) -> bytes:
        """The canonical JSON, whose digest names the version."""
        return canonical_json(self.model_dump(mode="json", exclude_defaults=True))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse canonical JSON.

        Raises:
            BrokenArtifact: not JSON, not a manifest, or not canonical.
        """
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            places = ", ".join("/".join(map(str, fault["loc"])) or "document" for fault in error.errors()[:5])
            raise BrokenArtifact(f"The manifest is not valid: {places}") from error
        if manifest.to_json() != data:
            raise BrokenArtifact("The manifest is not canonical JSON")
        return manifest
