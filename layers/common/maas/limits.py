"""What a request may be at most: the numbers that are enforced, and shown on the card and in OpenAPI.

Lambda takes and gives 6 MiB at once. API Gateway hands every body over as base64 inside a JSON event, so
three quarters of that is what a caller can send; a body sent compressed may be larger once unpacked.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MEBIBYTE = 1024 * 1024
# Lambda's limit for an event and for an answer, less room for headers and what else is around a body.
PAYLOAD_BYTES = 6 * MEBIBYTE - 64 * 1024
SENT_BYTES = PAYLOAD_BYTES // 4 * 3
"""A body as it is sent, compressed or not."""
BODY_BYTES = 8 * MEBIBYTE
"""A body after decompression."""
ROWS = 10_000
"""Records in one request, unless a model has another limit."""
PIXELS = 16_000_000
"""One picture: as many as a good camera makes, 64 MB in memory."""
PIXELS_TOGETHER = 160_000_000
"""All pictures of one request: ten of the largest, some seconds of decoding."""

ADVICE = (
    "send fewer rows at once, compress the body with gzip, send binary tensors, or drop a file into the inbox"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one model.

    Attributes:
        rows: Records in one request.
        json_depth: Objects and lists within each other in a `:predict` request, the outermost counted as 1.
        text_length: Characters, by field.
        pixels: One picture; None where the model is sent none.
        pixels_together: All pictures of a request.
        sent_bytes: A body as it is sent.
        body_bytes: A body after decompression.
        answer_bytes: An answer.
    """

    rows: int
    json_depth: int
    text_length: Mapping[str, int]
    pixels: int | None = None
    pixels_together: int | None = None
    sent_bytes: int = SENT_BYTES
    body_bytes: int = BODY_BYTES
    answer_bytes: int = PAYLOAD_BYTES

    def document(self) -> dict[str, Any]:
        """The limits that apply, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}
