"""Build the layer of third-party packages: install what is pinned, prune, byte-compile, prove that it works.

    python3.13 build.py TARGET           build into TARGET/python (the Makefile calls this)
    python3.13 build.py --check BUILD    weigh both built layers in BUILD (.aws-sam/build) against the budget

Standard library only: it runs before anything is installed. ARCHITECTURE (x86_64, the default, or arm64) in
the environment names the processor, whatever the machine it runs on.
"""

import argparse
import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from proof import PROOF
from pruned import COMPRESSED, KEPT_OF_PILLOW, PRUNED_PATHS, PRUNED_PATTERNS

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
# Bytes of both layers unzipped; Lambda's limit is 262,144,000.
BUDGET = 100_000_000
SYMBOLS = 12_000_000  # where nothing can be stripped
LAYERS = ("DependenciesLayer", "CommonLayer")
# Lambda's python3.13 is Amazon Linux 2023 with glibc 2.34.
WHEELS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}

# The Lambda runtime brings boto3 and what it stands on; jmespath and six too, but Powertools and ecdsa import
# those: pinned.
RUNTIME_HAS = {"boto3", "botocore", "python-dateutil", "s3transfer", "urllib3"}
# onnxruntime declares these for its conversion tools; a session needs none of them (verify() proves it).
UNUSED = {"flatbuffers", "packaging", "protobuf", "sympy"}


def main() -> int:
    """Build or weigh, as the command line says."""
    parser = argparse.ArgumentParser(description="Build the dependencies layer, or weigh both built layers.")
    parser.add_argument("target", type=Path, nargs="?", help="folder that becomes /opt")
    parser.add_argument("--check", type=Path, metavar="BUILD", help="a folder with both built layers")
    arguments = parser.parse_args()
    if arguments.check:
        return weigh(arguments.check)
    if arguments.target is None:
        parser.error("name a target, or --check BUILD")
    if sys.version_info[:2] != (3, 13):
        parser.error(
            f"Python 3.13 is needed for byte code that Lambda accepts, not {platform.python_version()}"
        )
    architecture = os.environ.get("ARCHITECTURE", "x86_64")
    if architecture not in WHEELS:
        parser.error(f"ARCHITECTURE must be one of {', '.join(WHEELS)}, not {architecture!r}")
    root = arguments.target / "python"
    shutil.rmtree(root, ignore_errors=True)
    install(root, architecture)
    prune(root)
    compress(root)
    strip(root)
    compile_all(root)
    verify(root, architecture)
    table(root)
    return 0


def install(root: Path, architecture: str) -> None:
    """Install the pinned packages that the runtime does not bring, wheels only, every one checked by hash."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text("\n".join(requirements()))
        common = ["--target", str(root), "--no-deps", "--require-hashes", "-r", str(wanted)]
        if uv := working_uv():
            command = [uv, "pip", "install", "--quiet", "--python-version", "3.13"]
            command += ["--only-binary", ":all:", "--python-platform", WHEELS[architecture]]
            command += ["--link-mode", "copy"]  # files that are stripped must not be the cache's
        else:
            machine = "x86_64" if architecture == "x86_64" else "aarch64"
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--python-version", "3.13", "--implementation", "cp", "--only-binary", ":all:"]
            for tag in ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"):
                command += ["--platform", f"{tag}_{machine}"]
        subprocess.run([*command, *common], check=True)


def requirements() -> Iterator[str]:
    """The pinned lines, without the packages that are not to be in the layer."""
    keep = True
    for line in REQUIREMENTS.read_text().splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            keep = line.partition("==")[0] not in RUNTIME_HAS | UNUSED
        if keep:
            yield line


def working_uv() -> str | None:
    """Where uv is, if it is there and runs; version managers leave stand-ins that do not."""
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0:
        return uv
    return None


def prune(root: Path) -> None:
    """Remove what no function uses at run time. Licences and METADATA stay."""
    doomed = [root / path for path in PRUNED_PATHS]
    doomed += [path for pattern in PRUNED_PATTERNS for path in root.glob(pattern)]
    for folder, kept in KEPT_OF_PILLOW.items():
        # Names end in .py, in a Python version or in a hash.
        doomed += [path for path in root.glob(f"{folder}/*") if re.split(r"[-.]", path.name)[0] not in kept]
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def compress(root: Path) -> None:
    """Pack the scripts of the API's page, which is read rarely; `maas.console.pages` unpacks them."""
    for path in root.glob(COMPRESSED):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()


def strip(root: Path) -> None:
    """Remove symbols that only debuggers read, a ninth of all bytes; `verify` shows that all still loads."""
    program = shutil.which("strip")
    libraries = [
        str(path) for path in sorted(root.rglob("*.so*")) if path.is_file() and not path.is_symlink()
    ]
    done = program and subprocess.run(
        [program, "--strip-unneeded", *libraries], capture_output=True, check=False
    )
    if not done or done.returncode != 0:
        # Another processor's libraries need another strip.
        print("not stripped: no `strip` (binutils) for these libraries; the layer is 12 MB larger")  # noqa: T201


def compile_all(root: Path) -> None:
    """Byte-compile; sources stay for tracebacks.

    Unchecked, because unpacking in Lambda changes modification times and /opt is read-only there: checked
    byte code would be void and could not be written anew.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(root), "-p", "/opt/python", str(root)]
    # Without a fixed seed the order of constant sets differs from build to build.
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})


def verify(root: Path, architecture: str) -> None:
    """Run a session in a fresh interpreter that sees the layer and the standard library, nothing else."""
    here = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform != "linux" or here != architecture:
        print(f"not run here: this machine is {sys.platform} {here}, the layer is linux {architecture}")  # noqa: T201
        return
    proof = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROOF, str(root)], capture_output=True, text=True, check=False
    )
    if proof.returncode != 0:
        sys.exit(f"the pruned layer does not work:\n{proof.stderr}")


def size(path: Path) -> int:
    """Bytes of all files under a path."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def table(root: Path) -> None:
    """Print the largest parts of the layer."""
    sizes = sorted(((size(path), path.name) for path in root.iterdir()), reverse=True)
    for count, name in sizes[:10]:
        print(f"{count / 1e6:8.1f} MB  {name}")  # noqa: T201
    print(f"{size(root) / 1e6:8.1f} MB  in all")  # noqa: T201


def weigh(build: Path) -> int:
    """Print the size of both built layers; 1 if together they exceed the budget."""
    sizes = {name: size(build / name) for name in LAYERS}
    missing = [name for name in LAYERS if not sizes[name]]
    if missing:
        print(f"not built: {', '.join(missing)}")  # noqa: T201
        return 1
    total = sum(sizes.values())
    for name in LAYERS:
        print(f"{sizes[name] / 1e6:8.1f} MB  {name}")  # noqa: T201
    budget = BUDGET if shutil.which("strip") else BUDGET + SYMBOLS
    print(f"{total / 1e6:8.1f} MB of {budget / 1e6:.0f} MB")  # noqa: T201
    return int(total > budget)


if __name__ == "__main__":
    sys.exit(main())
