"""Condemned versions: marked for removal by `maas prune`, released by nobody.

models/<model>/condemned/<digest>.json
"""

from maas.errors import Conflict, KeyMissing
from maas.manifest import Manifest, model_folder
from maas.store import ObjectStore


def mark_key(model: str, digest: str) -> str:
    """The key of the mark that condemns the manifest with this digest."""
    return f"{model_folder(model)}condemned/{digest}.json"


def refuse_condemned(store: ObjectStore, manifest: Manifest) -> None:
    """Raise Conflict where the version is about to be removed."""
    try:
        since = store.modified(mark_key(manifest.model, manifest.digest))
    except KeyMissing:
        return
    raise Conflict(
        f"{manifest.model} {manifest.version} is condemned since {since:%Y-%m-%d}: "
        f"`maas prune {manifest.model} --spare {manifest.version}` keeps it"
    )
