"""The training image, built from models/Dockerfile on a base made here, without a registry or a network.

The base is the stand-in for the Lambda image (tests/docker/runtime_image.py) with `python` and pip, as
Python's own images have them. The wheels are fetched once, by this machine's pip with its settings, checked
against the hashes of the lock file, and put into the build's context.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Without the networks: they would be another half a gigabyte, and another minute.
REQUIREMENTS = "train.txt"
COPIED = ("cli", "functions", "layers/common/maas", "models", "requirements")
SECONDS = 400.0
BASE = """\
FROM {runtime}
ENTRYPOINT []
COPY pip /var/lang/lib/python3.13/site-packages/pip
RUN ln -s /var/lang/bin/python3.13 /usr/local/bin/python
"""


def training_image(runtime: str, name: str) -> None:
    """Build the image `name` on the base image `runtime`.

    Raises:
        subprocess.CalledProcessError: A step of it failed; its output says why.
    """
    with tempfile.TemporaryDirectory(prefix="maas-training-") as folder:
        context = Path(folder)
        base = f"{name}-base"
        _base(context / "base", runtime, base)
        for part in COPIED:
            shutil.copytree(ROOT / part, context / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / ".dockerignore", context)
        (context / "secret.txt").write_text("not for the image")
        shutil.copytree(wheels(), context / "wheels", copy_function=os.link)
        _run(
            *("docker", "build", "--quiet", "--file", str(context / "models/Dockerfile"), "--tag", name),
            *("--network", "none", "--build-arg", f"BASE={base}", "--build-arg", "PIP_NO_INDEX=1"),
            *("--build-arg", f"REQUIREMENTS={REQUIREMENTS}", "--build-arg", "REVISION=" + "a1" * 20),
            str(context),
        )


def wheels() -> Path:
    """The folder of the wheels that the lock file names, fetched where they are not there yet."""
    lock = ROOT / "requirements" / REQUIREMENTS
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maas" / f"wheels-{digest}"
    if not cache.is_dir():
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            _run(
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
                *("--only-binary=:all:", "--requirement", str(lock), "--dest", f"{folder}/wheels"),
            )
            Path(folder, "wheels").replace(cache)
    return cache


def _base(folder: Path, runtime: str, name: str) -> None:
    import pip

    folder.mkdir()
    (folder / "Dockerfile").write_text(BASE.format(runtime=runtime))
    source = Path(pip.__file__).parent
    shutil.copytree(source, folder / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    _run("docker", "build", "--quiet", "--tag", name, str(folder))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise AssertionError(f"{' '.join(command[:3])} failed: {tail}")
    return done.stdout
