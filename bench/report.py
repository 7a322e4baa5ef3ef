"""The measured figures as tables: bench/README.md between its two marks."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.environment import ROOT, versions
from bench.targets import BARE, EMPTY, OURS, targets
from models.scaffold.project import MOST_MODELS

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# What runs on Lambda's loop and has no empty handler of its own.
LOOP = (OURS, BARE, "SAM scikit-learn handler")
# By stack: where its packages are pinned, and which of them say what it is.
MADE_OF = {
    OURS: (
        "layers/dependencies/requirements.txt",
        ("aws-lambda-powertools", "pydantic", "orjson", "pysimdjson", "numpy", "onnxruntime"),
    ),
    "Lambda's loop": ("requirements/bench-runtime.txt", ("awslambdaric", "boto3")),
    "SAM, FastAPI": (
        "requirements/bench-sklearn.txt",
        ("scikit-learn", "numpy", "fastapi", "mangum", "uvicorn"),
    ),
    "MLServer": ("requirements/bench-mlserver.txt", ("mlserver", "scikit-learn", "numpy")),
    "BentoML": ("requirements/bench-bentoml.txt", ("bentoml", "scikit-learn", "numpy")),
    "KServe": ("requirements/bench-kserve.txt", ("kserve", "scikit-learn", "numpy")),
}


def write(results: Path) -> Path:
    """Put tables of all results into the page, leaving the rest of it as it is."""
    parts = []
    for name, make in SECTIONS.items():
        path = results / f"{name}.json"
        if path.exists():
            found = json.loads(path.read_text())
            where = f"{found['measured']}, Python {found['python']}, {found['processor']}"
            about = f"`python -m bench {name}`, {where}."
            parts.append(f"{make(found)}\n\n{about}\n")
    parts.insert(0, targets(results))
    text = README.read_text(encoding="utf-8") if README.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}{after}", encoding="utf-8")
    return README


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
    return str(value)


def _cold(found: dict[str, Any]) -> str:
    ours = {row["subject"]: row["ms"] for row in found["rows"] if row["stack"] == OURS}
    rows = [
        (row["subject"], row["stack"], row["ms"], f"{row['ms'] / ours[row['subject']]:.1f} x")
        for row in found["rows"]
    ]
    parts = [(part["part"], part["ms"]) for part in found["parts"]]
    return (
        "## Cold start, from a fresh process to the first prediction\n\n"
        + table(("model", "stack", "ms", "of ours"), rows)
        + "\n\nWhere ours goes:\n\n"
        + table(("part", "ms"), parts)
    )


def _warm(found: dict[str, Any]) -> str:
    empty = {(r["subject"], r["rows"]): r["microseconds"] for r in found["rows"] if r["handler"] == EMPTY}
    rows = [
        (
            r["subject"],
            r["rows"],
            r["handler"],
            r["microseconds"],
            r["microseconds"] - empty[r["subject"], r["rows"]],
        )
        for r in found["rows"]
    ]
    limits = ", ".join(f"{name} rows {value:,.0f}" for name, value in found["limit"].items())
    return (
        "## CPU of a warm request, in process\n\n"
        + table(("model", "rows", "handler", "µs", "µs above the empty handler"), rows)
        + f"\n\nBare `InferenceSession.run`, µs: {limits}."
    )


def _throughput(found: dict[str, Any]) -> str:
    parts = ["## Over HTTP, side by side"]
    cases = sorted({(r["subject"], r["rows"], r["clients"]) for r in found["rows"]})
    for case in cases:
        inside = [r for r in found["rows"] if (r["subject"], r["rows"], r["clients"]) == case]
        best = max(r["per_second"] for r in inside if r["stack"] == OURS and r["kind"] == "json")
        idle = empty_cpu(inside)
        rows = [
            (
                r["stack"] + ("" if r["kind"] == "json" else f", {r['kind']}"),
                r["p50_ms"],
                r["p99_ms"],
                r["per_second"],
                f"{best / r['per_second']:.2f} x",
                r["cpu_ms"],
                r["cpu_ms"] - idle[r["stack"]] if r["stack"] in idle else "",
                r["megabytes"],
                f"{r['spread']:.0%}",
            )
            for r in inside
        ]
        subject, count, clients = case
        parts.append(
            f"**{subject}, {count} {_many('row', count)}, {clients} {_many('client', clients)}**\n\n"
            + table(
                (
                    "stack",
                    "p50 ms",
                    "p99 ms",
                    "requests/s",
                    "ours is",
                    "CPU ms",
                    "above empty",
                    "MB",
                    "spread",
                ),
                rows,
            )
        )
    return "\n\n".join([*parts, table(("stack", "versions"), _versions())])


def _versions() -> list[tuple[str, str]]:
    """What each stack is made of, as it is pinned."""
    rows = []
    for stack, (pinned, packages) in MADE_OF.items():
        found = versions(ROOT / pinned)
        rows.append((stack, ", ".join(f"{package} {found[package]}" for package in packages)))
    return rows


def empty_cpu(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """CPU of each stack's own handler that does nothing, where there is one; of the loop's for functions."""
    own = {r["stack"]: r["cpu_ms"] for r in rows if r["kind"] == "empty"}
    loop = [r["cpu_ms"] for r in rows if r["stack"] == EMPTY]
    return own | {name: loop[0] for name in LOOP if own}


def _many(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _size(found: dict[str, Any]) -> str:
    both = sum(found["layers"].values())
    rows = [
        *((name, size / 1e6, found["zipped"][name] / 1e6) for name, size in found["layers"].items()),
        ("both layers", both / 1e6, sum(found["zipped"].values()) / 1e6),
    ]
    sizes = sorted(found["functions"].items(), key=lambda item: item[1], reverse=True)
    (first, most), (second, less) = sizes[:2]
    return (
        "## Size\n\n"
        + table(("layer", "MB unzipped", "MB zipped"), rows)
        + f"\n\nOf {len(sizes)} functions {first} is the largest with {most / 1e6:.1f} MB, as it brings "
        f"packages, then {second} with {less / 1000:.0f} KB. A further model adds nothing to the layers."
    )


def _load_model(found: dict[str, Any]) -> str:
    rows = [(r["server"], r["way"], r["seconds"], r["peak_megabytes"], r["ratio"]) for r in found["rows"]]
    return f"## From S3 to a ready session: {found['megabytes']} MB\n\n" + table(
        ("server", "way", "seconds", "peak MB", "against one connection, raw"), rows
    )


_OF_MODELS = {
    "template KB": "template_kilobytes",
    "transformed KB": "transformed_kilobytes",
    "resources": "resources",
    "sam build s": "build_seconds",
    "sam deploy s": "deploy_seconds",
    "transform s": "transform_seconds",
    "cfn-lint s": "lint_seconds",
}


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw the curves of growth, each on logarithmic axes beside a line in proportion."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    curves = (
        ("rows", "rows in a request", {"CPU ms": "milliseconds"}),
        (
            "models",
            "models in the template",
            {name: key for name, key in _OF_MODELS.items() if key.endswith("_seconds")},
        ),
        (
            "versions",
            "versions of a model",
            {"load ms": "load_ms", "promote ms": "promote_ms", "list ms": "list_ms"},
        ),
    )
    for axes, (part, label, lines) in zip(figure.subplots(1, len(curves)), curves, strict=True):
        at = [row[part] for row in found[part]]
        for name, key in lines.items():
            values = [row.get(key, float("nan")) for row in found[part]]
            axes.loglog(at, values, marker="o", label=name)
        axes.loglog(at, [values[0] * x / at[0] for x in at], "k:", linewidth=1, label="in proportion")
        axes.set_xlabel(label)
        axes.legend(fontsize=8)
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=80)


def _growth(found: dict[str, Any]) -> str:
    plot(found, README.with_name("growth.png"))
    rows = [(r["rows"], r["milliseconds"], r["microseconds_per_row"]) for r in found["rows"]]
    models = [[r["models"], *(r.get(key, "") for key in _OF_MODELS.values())] for r in found["models"]]
    versions = [(r["versions"], r["load_ms"], r["promote_ms"], r["list_ms"]) for r in found["versions"]]
    return (
        "## How cost grows\n\n![How cost grows](growth.png)\n\n"
        + table(("rows in a request", "CPU ms", "µs per row"), rows)
        + "\n\n"
        + table(("models", *_OF_MODELS), models)
        + f"\n\nCloudFormation takes 1 MB and 500 resources in one stack, that is {MOST_MODELS} models. "
        "Built with the layers at hand; deployed to the local emulator, in which every function is started."
        "\n\n" + table(("versions", "load ms", "promote ms", "list ms"), versions)
    )


SECTIONS = {
    "cold": _cold,
    "warm": _warm,
    "throughput": _throughput,
    "size": _size,
    "load_model": _load_model,
    "growth": _growth,
}
