"""What is pinned fits together; what was built is small, byte-compiled and enough to run the functions."""

import importlib.util
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".aws-sam" / "build"
FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
# What Lambda's python3.13 brings, by distribution.
RUNTIME = (
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "six",
    "snapshot-restore-py",
    "urllib3",
)

needs_build = pytest.mark.skipif(not (BUILD / "CommonLayer").is_dir(), reason="not built: `make build`")


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    """The layer's build script as a module."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "layers/dependencies/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "layers/dependencies")  # where a script's own folder is
        spec.loader.exec_module(module)
    return module


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", path.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize(
    "narrow",
    [
        "layers/dependencies/requirements.txt",
        "requirements/cli.txt",
        "requirements/train.txt",
        "functions/authorizer/requirements.txt",
    ],
)
def test_pinned_sets_agree(narrow: str) -> None:
    """One environment can hold every pinned set: tests run on the versions that are deployed."""
    wide = pins(ROOT / "requirements/dev.txt")
    assert pins(ROOT / narrow).items() <= wide.items()


def test_deep_models_come_on_top() -> None:
    """The extra for deep models changes no version of what is installed without it."""
    deep, wide = pins(ROOT / "requirements/deep.txt"), pins(ROOT / "requirements/dev.txt")
    assert {name: wide[name] for name in deep.keys() & wide.keys()}.items() <= deep.items()
    assert pins(ROOT / "requirements/cli.txt").items() <= deep.items()
    assert "keras" in deep


@pytest.mark.parametrize("image", ["train-deep", "train-gpu"])
def test_training_images_agree(image: str) -> None:
    """A model is trained with the same versions here and in the cloud, on whatever machine."""
    deep, pinned = pins(ROOT / "requirements/deep.txt"), pins(ROOT / f"requirements/{image}.txt")
    assert {name: deep[name] for name in pinned.keys() & deep.keys()}.items() <= pinned.items()
    assert {"keras", "jax", *pins(ROOT / "requirements/train.txt")} <= pinned.keys()


def test_exclusions_are_real(builder: ModuleType) -> None:
    """The packages left out of the layer are left out, all others stay, each with its hashes."""
    pinned = pins(builder.REQUIREMENTS)
    kept = "\n".join(builder.requirements())
    names = re.findall(r"^([\w.-]+)==", kept, flags=re.MULTILINE)
    assert set(names) == set(pinned) - builder.RUNTIME_HAS - builder.UNUSED
    assert {"numpy", "onnxruntime", "pydantic"} <= set(names)
    blocks = re.split(r"^(?=[\w.-]+==)", kept, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_weighing_refuses_what_is_too_large(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The budget covers both layers together, and a missing layer is no light one."""
    monkeypatch.setattr(builder, "BUDGET", 10)
    assert builder.weigh(tmp_path) == 1
    for name, size in {"DependenciesLayer": 6, "CommonLayer": 4}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * size)
    assert builder.weigh(tmp_path) == 0
    (tmp_path / "CommonLayer" / "another").write_bytes(b"x")
    assert builder.weigh(tmp_path) == 1
    assert "CommonLayer" in capsys.readouterr().out


@needs_build
def test_built_layers_are_within_the_budget(builder: ModuleType) -> None:
    """Both layers together leave more than half of Lambda's limit free."""
    assert builder.weigh(BUILD) == 0


@needs_build
@pytest.mark.parametrize("layer", ["CommonLayer", "DependenciesLayer"])
def test_every_source_has_unchecked_byte_code(layer: str) -> None:
    """Unpacking changes modification times and /opt is read-only: only unchecked byte code is always used."""
    sources = list((BUILD / layer / "python").rglob("*.py"))
    assert sources
    for source in sources:
        compiled = Path(importlib.util.cache_from_source(str(source)))
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == 0b01, f"{compiled}: neither hash-based nor unchecked"


@needs_build
def test_dependencies_are_pruned() -> None:
    """No test suites, no conversion tools, nothing that the Lambda runtime brings."""
    root = BUILD / "DependenciesLayer" / "python"
    assert not [path for path in root.rglob("tests") if path.is_dir()]
    for absent in ("botocore", "google", "flatbuffers", "onnxruntime/transformers", "onnxruntime/tools"):
        assert not (root / absent).exists()
    assert (root / "onnxruntime/capi/libonnxruntime_providers_shared.so").is_file()
    assert not list((root / "pillow.libs").glob("libavif*"))


@needs_build
@pytest.mark.parametrize("name", FOLDERS)
def test_function_imports_with_its_layers_alone(name: str, tmp_path: Path) -> None:
    """The emulator's workers also see this environment's packages; Lambda sees the layers and boto3 only."""
    logical_id = "".join(part.capitalize() for part in name.split("_")) + "Function"
    if not (BUILD / logical_id).is_dir():
        pytest.skip(f"{name} is not built yet: `make build`")
    for distribution in RUNTIME:
        for file in metadata.files(distribution) or []:
            top = Path(file).parts[0]
            link = tmp_path / top
            if not top.endswith(".dist-info") and top not in {"..", "__pycache__"} and not link.exists():
                link.symlink_to(Path(str(metadata.distribution(distribution).locate_file(top))))
    path = [BUILD / logical_id, BUILD / "CommonLayer/python", BUILD / "DependenciesLayer/python", tmp_path]
    places = [str(folder) for folder in path]
    program = f"import sys; sys.path[:0] = {places!r}; import handler; handler.handler"
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8"},
    )
    assert finished.returncode == 0, finished.stderr


@needs_build
def test_idempotency_works_with_the_layer_and_lambdas_own_packages() -> None:
    """What is pruned of Powertools' utility is not missed; it is imported by the first request with a key."""
    places = [BUILD / "CommonLayer/python", BUILD / "DependenciesLayer/python"]
    bundled = [str(Path(sys.prefix) / "lib/python3.13/site-packages")]  # for boto3, behind the layers
    program = f"""
import sys
sys.path[:0] = {[str(place) for place in places]!r}
sys.path += {bundled!r}
import maas.idempotency.once, aws_lambda_powertools
assert aws_lambda_powertools.__file__.startswith({str(BUILD)!r})
"""
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
