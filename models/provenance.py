"""Where a training's code and machine are written down, for `maas reproduce`."""

import hashlib
import os
import platform
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from maas.reproduction import Reproduction

ROOT = Path(__file__).resolve().parents[1]
# What changes the numbers that training arrives at, or the order in which it adds them up.
VARIABLES = (
    "JAX_PLATFORMS",
    "KERAS_BACKEND",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "XLA_FLAGS",
)


def reproduction(
    model: str,
    source: str | None,
    seed: int,
    *,
    search: bool = False,
    nodes: int = 1,
    environ: Mapping[str, str] = os.environ,
) -> Reproduction:
    """What it takes to train `model` like this again."""
    data = ["--data", source] if source else []
    wide = ["--search"] if search else []
    return Reproduction(
        command=shlex.join(["maas", "train", model, *data, "--seed", str(seed), *wide]),
        source=source,
        seed=seed,
        code=code_digest(model),
        changed=_changed(),
        platform=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        kernels=_kernels(),
        threads=os.process_cpu_count() or 1,
        environment={name: environ[name] for name in VARIABLES if environ.get(name)},
        search=search,
        nodes=nodes,
    )


def code_revision() -> str:
    """The commit that is checked out; in the training image, which has no history, what it was made from."""
    found = _git("rev-parse", "HEAD")
    if found is not None:
        return found.strip()
    noted = ROOT / "models" / "REVISION"
    return noted.read_text().strip() if noted.is_file() else "unknown"


def code_digest(model: str) -> str:
    """SHA-256 of the code that takes part in training a model: shared layer, its function, the training."""
    found = hashlib.sha256()
    for path in sorted(_sources(model)):
        found.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _sources(model: str) -> Iterator[Path]:
    yield from (ROOT / "layers" / "common" / "maas").rglob("*.py")
    yield from (ROOT / "functions" / model).rglob("*.py")
    yield from (ROOT / "models").glob("*.py")
    yield from (ROOT / "models" / model).rglob("*.py")


def _changed() -> bool | None:
    found = _git("status", "--porcelain", "--", "layers/common", "functions", "models", "requirements")
    return None if found is None else bool(found.strip())


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _processor() -> str:
    # platform.processor() is empty or the architecture on most systems.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _kernels() -> tuple[str, ...]:
    """The kernels that the loaded numeric libraries run, for example `openblas 0.3.30 SkylakeX`."""
    from threadpoolctl import threadpool_info

    found = set()
    for one in threadpool_info():
        parts = (one.get("internal_api"), one.get("version"), one.get("architecture"))
        found.add(" ".join(str(part) for part in parts if part))
    return tuple(sorted(found))
