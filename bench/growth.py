"""How cost grows: rows in a request, models in a template, versions in a registry.

    python -m bench growth

Nothing may grow worse than in proportion; loading and promoting a version may not grow at all.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import folder_s3, warm
from bench.environment import ROOT
from bench.process import free_port
from bench.progress import Progress
from bench.subjects import forest, network
from maas.manifest import Manifest
from maas.registry import Registry
from models.scaffold.project import MOST_MODELS
from models.scaffold.template_block import inserted, models_in
from tests.policies.template import transformed

ROWS = (1, 10, 100, 1000, 10_000)
MODELS = (11, 15, MOST_MODELS, 35, 50)  # from those there are
VERSIONS = (1, 10, 100, 1000, 10_000)


def measure(progress: Progress) -> dict[str, Any]:
    """The three curves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("functions", "layers", "requirements"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "samconfig.toml", folder)
        _deployed(folder, progress)  # the layers are built now
        models = [
            _models(count, progress) | (_deployed(folder, progress, count) if count <= MOST_MODELS else {})
            for count in MODELS
        ]
    return {
        "rows": [_rows(count, progress) for count in ROWS],
        "models": models,
        "versions": _versions(progress),
    }


def _rows(count: int, progress: Progress) -> dict[str, float]:
    """CPU milliseconds of a request with `count` rows of 8 numbers."""
    progress(f"{count} rows", ROWS.index(count), len(ROWS))
    subject = forest()
    [(handler, event), *_] = warm.ours(subject, count).values()
    raw = json.dumps(event).encode()
    best = min(warm.microseconds(handler, raw, max(1, 2000 // count)) for _ in range(3))
    return {"rows": count, "milliseconds": best / 1000, "microseconds_per_row": best / count}


def _models(count: int, progress: Progress) -> dict[str, float]:
    """Bytes, resources, and the time to transform and lint a template with `count` models."""
    progress(f"{count} models", MODELS.index(count), len(MODELS))
    text = _template(count)
    seconds = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        made = transformed(text)
        seconds = min(seconds, time.perf_counter() - began)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("cfn-lint")), file.name]
        subprocess.run(command, capture_output=True, check=False)
        linted = time.perf_counter() - began
    return {
        "models": count,
        "template_kilobytes": len(text.encode()) / 1000,
        "transformed_kilobytes": len(json.dumps(made.whole, separators=(",", ":"))) / 1000,
        "resources": len(made.resources),
        "transform_seconds": seconds,
        "lint_seconds": linted,
    }


def _template(count: int) -> str:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for number in range(count - models_in(text)):
        text = inserted(text, f"more_{number}", "One more.")
    return text


def _deployed(folder: Path, progress: Progress, count: int = MODELS[0]) -> dict[str, float]:
    """Seconds to build a stack of `count` models whose layers are built, and to deploy it to the emulator."""
    from cli.emulator import Emulator
    from cli.stack import Stack

    progress(f"a stack of {count} models", MODELS.index(count), len(MODELS))
    (folder / "template.yaml").write_text(_template(count), encoding="utf-8")
    for number in range(count - MODELS[0]):
        shutil.copytree(
            ROOT / "functions" / "diagnosis", folder / "functions" / f"more_{number}", dirs_exist_ok=True
        )
    emulator, port = Emulator(folder / "state"), free_port()
    emulator.start(port)
    try:
        emulator.wait_until_ready()
        stack = Stack(port, state=folder / "state", root=folder)
        marks = [time.perf_counter()]
        for step in (stack.build, stack.deploy):
            step()
            marks.append(time.perf_counter())
    finally:
        emulator.stop()
    return {"build_seconds": marks[1] - marks[0], "deploy_seconds": marks[2] - marks[1]}


def _versions(progress: Progress) -> list[dict[str, float]]:
    """Milliseconds to load, promote and list with so many versions published."""
    subject, found = network(), []
    with tempfile.TemporaryDirectory() as folder:
        store = folder_s3.FolderStore(Path(folder) / "models")
        registry = Registry(store)
        manifest, done = subject.manifest(), 0
        for count in VERSIONS:
            progress(f"{count} versions", VERSIONS.index(count), len(VERSIONS))
            while done < count:
                made = Manifest.model_validate(manifest.model_dump() | {"training_seconds": float(done)})
                registry.publish(made, subject.onnx)
                done += 1
            found.append({"versions": count, **_timed(registry, subject.name, made.digest)})
    return found


def _timed(registry: Registry, model: str, digest: str) -> dict[str, float]:
    def milliseconds(action: Any, repeats: int) -> float:
        best = float("inf")
        for _ in range(repeats):
            began = time.perf_counter()
            action()
            best = min(best, time.perf_counter() - began)
        return best * 1000

    registry.promote(model, digest, actor="bench", reason="")
    return {
        "load_ms": milliseconds(lambda: registry.artifact(registry.manifest(model, digest)), 5),
        "promote_ms": milliseconds(lambda: registry.shadow(model, None, actor="bench", reason=""), 5),
        "list_ms": milliseconds(lambda: registry.versions(model), 1),
    }
