"""A stand-in for the public Lambda base image, made on this machine without an image registry.

A minimal Debian root with this interpreter's own files under ``/var/lang`` and the runtime interface client
and boto3 under ``/var/runtime``, laid out the way `sam local` expects its base image
(https://docs.aws.amazon.com/lambda/latest/dg/python-image.html). It proves that the built functions run in a
container; it is not Amazon Linux. Run as a script it prints the image's name.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = "maas-lambda-python"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "tzdata")
RUNTIME_PACKAGES = ("awslambdaric", "boto3")
BOOTSTRAP = """\
#!/bin/sh
cd "$LAMBDA_TASK_ROOT" && exec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"
"""
# The same search order as the public image: the function, the layers, then the runtime's own packages.
ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/var/task:/var/task/lib:/opt/lib",
    "PYTHONPATH": "/opt/python/lib/python3.13/site-packages:/opt/python:/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
}
PRUNED = ("__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "pydoc_data")
UNUSED_MODULES = ("_tkinter", "_test", "xx")
DOCUMENTATION = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache", "var/lib/apt")
C_LIBRARY = re.compile(r"(libc|libm|libpthread|libdl|librt|libutil|ld-linux)[.-]")
SMOKE_TEST = "import awslambdaric, boto3, bz2, ctypes, lzma, sqlite3, ssl, zlib"
BOOTSTRAP_SECONDS = 600
COMMAND_SECONDS = 180


class RuntimeImageError(RuntimeError):
    """The image cannot be made on this machine; the message says why."""


def runtime_image() -> str:
    """Find the image, or make it.

    Returns:
        The image's name in the local Docker daemon. It changes with everything the image is made of, so an
        image of that name never has to be made again.

    Raises:
        RuntimeImageError: There is no root, no debootstrap, no package mirror, or the result does not run.
    """
    # The hash is in the repository, not the tag: sam names the image it derives after the repository alone.
    name = f"{REPOSITORY}-{_fingerprint()}:3.13"
    if _succeeds("docker", "image", "inspect", name):
        return name
    debian = _debian_root()
    with tempfile.TemporaryDirectory(prefix="maas-runtime-") as folder:
        archive = Path(folder) / "root.tar"
        shutil.copy2(debian, archive)
        _add_interpreter(Path(folder) / "lang")
        _add_runtime(Path(folder) / "runtime")
        (Path(folder) / "task").mkdir()
        with tarfile.open(archive, "a") as tar:
            for part in ("lang", "runtime", "task"):
                tar.add(Path(folder) / part, arcname=f"./var/{part}", filter=_owned_by_root)
        _import(archive, name)
    _check(name)
    return name


def _fingerprint() -> str:
    """Hash what the image is made of: this recipe, the interpreter and the runtime's packages."""
    parts = [Path(__file__).read_text(encoding="utf-8"), sys.version, platform.machine()]
    parts += [f"{found.name}=={found.version}" for found in _runtime_distributions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _debian_root() -> Path:
    """Make the Debian root once per user: it is the slow part and does not depend on this project."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maas"
    archive = cache / f"{SUITE}-{platform.machine()}-{'-'.join(PACKAGES)}.tar"
    if archive.exists():
        return archive
    if os.geteuid() != 0:
        raise RuntimeImageError("making the runtime image needs root for debootstrap")
    if shutil.which("debootstrap") is None:
        raise RuntimeImageError("making the runtime image needs debootstrap")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="maas-debian-") as folder:
        root = Path(folder) / "root"
        _run(
            *("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)),
            seconds=BOOTSTRAP_SECONDS,
        )
        for path in DOCUMENTATION:
            shutil.rmtree(root / path, ignore_errors=True)
            (root / path).mkdir(parents=True)
        unfinished = Path(folder) / "root.tar"
        with tarfile.open(unfinished, "w") as tar:
            tar.add(root, arcname=".")
        shutil.move(unfinished, archive.with_suffix(".part"))
    archive.with_suffix(".part").replace(archive)
    return archive


def _add_interpreter(target: Path) -> None:
    """Copy this interpreter without its tests, and the shared libraries its extension modules need."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    source = Path(sys.base_prefix)
    (target / "bin").mkdir(parents=True)
    (target / "lib").mkdir()
    shutil.copy2(source / "bin" / version, target / "bin" / version)
    (target / "bin/python3").symlink_to(version)
    shutil.copytree(
        source / "lib" / version,
        target / "lib" / version,
        ignore=shutil.ignore_patterns(
            *PRUNED, "site-packages", "config-*", *(f"{module}*.so" for module in UNUSED_MODULES)
        ),
        symlinks=True,
    )
    (target / "lib" / version / "site-packages").mkdir()
    modules = (target / "lib" / version / "lib-dynload").glob("*.so")
    for library in _shared_libraries(target / "bin" / version, *modules):
        shutil.copy2(library, target / "lib" / library.name)
    # Lambda's interpreter is compiled; without this every start would compile the standard library again.
    _compile(target / "lib")


def _shared_libraries(*binaries: Path) -> set[Path]:
    """List what the dynamic linker finds for the binaries, except the C library, which the root has."""
    listing = _run("ldd", *map(str, binaries))
    found = re.findall(r"=> (/\S+)", listing)
    return {Path(path) for path in found if not C_LIBRARY.match(Path(path).name)}


def _add_runtime(target: Path) -> None:
    """Copy the runtime interface client, boto3 and what they depend on, and write the start script."""
    for found in _runtime_distributions():
        for file in found.files or ():
            if ".." in file.parts or "__pycache__" in file.parts:
                continue  # console scripts and caches
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(str(file.locate())), copy)
    _compile(target)
    start = target / "bootstrap"
    start.write_text(BOOTSTRAP, encoding="utf-8")
    start.chmod(0o755)


def _runtime_distributions() -> list[Distribution]:
    """Find the runtime's packages and their required dependencies among those installed here, by name."""
    found: dict[str, Distribution] = {}

    def collect(names: Iterator[str]) -> None:
        for name in names:
            if name not in found:
                found[name] = distribution(name)
                needed = map(Requirement, found[name].requires or ())
                collect(
                    item.name for item in needed if not item.marker or item.marker.evaluate({"extra": ""})
                )

    collect(iter(RUNTIME_PACKAGES))
    return [found[name] for name in sorted(found)]


def _compile(folder: Path) -> None:
    # Unchecked: whatever mtime a file gets in the image, its compiled form stays valid.
    _run(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder))


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _import(archive: Path, name: str) -> None:
    """Turn the archive into an image with the runtime's environment."""
    changes = [f"ENV {key}={value}" for key, value in ENVIRONMENT.items()]
    options = [option for change in (*changes, "WORKDIR /var/task") for option in ("--change", change)]
    _run("docker", "import", *options, str(archive), name)


def _check(name: str) -> None:
    """Import the runtime inside the image, so that a C library too old for this interpreter shows here."""
    try:
        _run("docker", "run", "--rm", "--network", "none", name, "python3.13", "-c", SMOKE_TEST)
    except RuntimeImageError:
        _run("docker", "rmi", "--force", name)
        raise


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_SECONDS).returncode == 0


def _run(*command: str, seconds: float = COMMAND_SECONDS) -> str:
    """Run a command and return its output; its last lines are the error when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise RuntimeImageError(f"{' '.join(command[:3])} failed: {tail}")
    return done.stdout


if __name__ == "__main__":
    sys.stdout.write(f"{runtime_image()}\n")
