"""The weights of large models: a file of their own, mapped into memory instead of copied.

A graph with a gigabyte of numbers inside takes seconds and three gigabytes to open. With its numbers beside
it, ONNX Runtime maps them, and what nobody computes with is never read.
"""

import hashlib
import mmap
import os
from pathlib import Path
from tempfile import mkdtemp

from maas.artifact import Blob
from maas.errors import ConfigurationError, KeyMissing
from maas.store import ObjectStore

MEDIA_TYPE = "application/octet-stream"
# What the graph calls the file; ONNX Runtime looks for it in the folder it is told.
FILE = "weights"


def fetched(store: ObjectStore, blob: Blob, folder: Path) -> Path:
    """The folder below `folder` with the file of these weights; read from the bucket if it is not there.

    The file appears under its name when its digest was found right, so one that is there is right.

    Raises:
        BrokenArtifact: The object is missing.
        DigestMismatch: It is damaged.
        ConfigurationError: The disk is full.
    """
    target = folder / blob.digest
    if (target / FILE).exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=target)) / FILE
    try:
        _read(store, blob, draft)
        draft.replace(target / FILE)
    except KeyMissing as error:
        raise blob.missing from error
    except OSError as error:
        raise ConfigurationError(
            f"{folder} has no room for {blob.size} bytes of weights: give the function more ephemeral storage"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
        draft.parent.rmdir()
    return target


def _read(store: ObjectStore, blob: Blob, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("w+b") as file:
        os.posix_fallocate(file.fileno(), 0, blob.size)  # else a full disk would be a signal
        with mmap.mmap(file.fileno(), blob.size) as memory, memoryview(memory) as view:
            begin = 0
            # Hashed while the next parts are on their way.
            for end in store.fill(blob.key, view):
                digest.update(view[begin:end])
                begin = end
    blob.confirm(digest.hexdigest())
