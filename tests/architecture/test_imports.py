"""What the shared layer may import, when, and how long its files may be."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "common"
MODULES = sorted((LAYER / "maas").rglob("*.py"))
FUNCTIONS = sorted((ROOT / "functions").rglob("*.py"))
LONGEST = 260
# Heavy, or not in the layer at all: a cold start must not pay for them before it needs them.
LATE = [
    "boto3",
    "botocore",
    "onnxruntime",
    "sklearn",
    "onnx",
    "pandas",
    "matplotlib",
    "scipy",
    "aws_xray_sdk",
    "ecdsa",
]
# Imported when the first request carries an Idempotency-Key: Powertools' utility brings boto3 along.
ON_DEMAND = {LAYER / "maas" / "idempotency" / name for name in ("once.py", "records.py")}
# Powertools looks for botocore to sign its user agent; what costs time is a session.
SESSION = [name.replace("botocore", "botocore.session") for name in LATE]
PROVIDED_BY_LAMBDA = {"boto3", "botocore", "snapshot_restore_py"}

PROBE = """
import importlib, json, os, sys, threading
modules, late = map(json.loads, sys.argv[1:])
before = dict(os.environ)
for module in modules:
    importlib.import_module(module)
imported = [name for name in late if name in sys.modules]
assert not imported, f"imported too early: {imported}"
assert dict(os.environ) == before, "the environment was changed"
assert threading.active_count() == 1, "a thread was started"
"""


def name_of(module: Path) -> str:
    parts = module.relative_to(LAYER if module in MODULES else ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(module: Path) -> str:
    return str(module.relative_to(ROOT))


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def imported(module: Path) -> set[str]:
    """The top-level packages that a module imports anywhere, except for type checkers."""
    found: set[str] = set()
    pending: list[ast.AST] = [tree(module)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        pending.extend(ast.iter_child_nodes(node))
    return found


def probe(modules: list[Path], late: list[str]) -> subprocess.CompletedProcess[str]:
    """Import modules in a fresh process, which has no credentials and no region."""
    command = [sys.executable, "-c", PROBE, json.dumps([name_of(m) for m in modules]), json.dumps(late)]
    environment = {"PYTHONPATH": f"{ROOT}:{LAYER}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_contract_of_a_function_imports_nothing_heavy() -> None:
    """Training reads a function's contract: neither Powertools nor AWS, ONNX or scikit-learn come with it."""
    modules = [
        module
        for module in (*MODULES, *FUNCTIONS)
        if module not in ON_DEMAND
        and module.name not in {"telemetry.py", "web.py"}
        and module.parent.name not in {"catalogue", "console"}
    ]
    assert len(modules) > 20
    done = probe(modules, [*LATE, "aws_lambda_powertools"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_everything_imports_cheaply_and_without_side_effects() -> None:
    """All of maas and every function: no client, no thread, no change of the environment, not a word."""
    handlers = [module for module in FUNCTIONS if module.name == "handler.py"]
    done = probe([module for module in (*MODULES, *handlers) if module not in ON_DEMAND], SESSION)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("module", [*MODULES, *FUNCTIONS], ids=relative)
def test_environment_is_read_in_one_place(module: Path) -> None:
    """Only maas/settings.py touches os.environ."""
    if module == LAYER / "maas" / "settings.py":
        return
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"environ", "environb", "getenv", "putenv"}, ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            assert not {"environ", "environb", "getenv", "putenv"} & {alias.name for alias in node.names}


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_module_is_of_readable_length(module: Path) -> None:
    """One noun per file."""
    assert len(module.read_text().splitlines()) <= LONGEST


def pinned_in(requirements: Path) -> set[str]:
    """The distributions that a requirements file pins, if it is there."""
    text = requirements.read_text() if requirements.is_file() else ""
    return {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def test_shared_layer_imports_only_what_the_other_layer_holds() -> None:
    """Every third-party import of maas is pinned in the dependencies layer, of a function there or by it."""
    pinned = pinned_in(ROOT / "layers" / "dependencies" / "requirements.txt")
    distributions = metadata.packages_distributions()
    used: set[str] = set()
    for module in (*MODULES, *FUNCTIONS):
        own = pinned_in(module.parent / "requirements.txt")
        # A function may bring packages of its own.
        brought = {name for name, found in distributions.items() if own & {one.lower() for one in found}}
        used |= imported(module) - brought
    foreign = used - set(sys.stdlib_module_names) - {"maas", "functions", ""} - PROVIDED_BY_LAMBDA
    missing = {
        name
        for name in foreign
        if not {d.lower().replace("_", "-") for d in distributions.get(name, [name])} & pinned
    }
    assert {"numpy", "pydantic", "onnxruntime"} <= foreign
    assert not missing
