"""How large the pieces are in which a file is worked on."""

from typing import NamedTuple

MEBIBYTE = 1024 * 1024


class Limits(NamedTuple):
    """Bytes unless said otherwise.

    Attributes:
        read: What one request reads.
        block: What goes to the model's function at once.
        row: The longest row.
        part: A part of a multipart upload.
        least_part: The smallest that S3 takes before the last.
        checkpoint: What is read between two checkpoints.
        width: Blocks under way at once.
        margin: Seconds before the time limit at which no new block is begun.
        large: A file above this goes to many invocations at once.
        range: What each of them gets.
    """

    read: int = 4 * MEBIBYTE
    block: int = MEBIBYTE
    row: int = 2 * MEBIBYTE
    part: int = 8 * MEBIBYTE
    least_part: int = 5 * MEBIBYTE
    checkpoint: int = 64 * MEBIBYTE
    width: int = 16
    margin: float = 60.0
    large: int = 1024 * MEBIBYTE
    range: int = 256 * MEBIBYTE
