"""What a version's manifest says about its explanations."""

from pydantic import BaseModel, ConfigDict, Field

from maas.artifact import Blob

BACKGROUND_TYPE = "application/json"


class Explanation(BaseModel):
    """What training leaves for explanations; a version without it is explained against its golden samples.

    Attributes:
        background: Records that stand for the training data, as JSON `{"instances": [...]}`.
        form: The model as a sum of features or trees, where it is one (maas.explain.form).
        graph: An ONNX graph that gives the same number for less, where the model's own computes more.
        target: The number explained where nobody asks for another one.
        scale: What contributions to it are measured in: the answer itself, its log-odds or logarithm.
        importance: What each part of a record, or token of a text, moves that number by: the mean size of
            its contributions over held-out rows.
        rows: Held-out rows that importance was measured on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    background: Blob | None = None
    form: Blob | None = None
    graph: Blob | None = None
    target: str
    scale: str = "answer"
    importance: dict[str, float] = Field(default_factory=dict)
    rows: int = Field(default=0, ge=0)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """All that is stored besides the manifest."""
        return tuple(blob for blob in (self.background, self.form, self.graph) if blob is not None)
