"""The gate's decision about a version as a page that people read; it is stored beside the manifest."""

from maas.judgement import Check, Gate
from maas.manifest import Manifest, model_folder

MEDIA_TYPE = "text/markdown; charset=utf-8"


def report_key(model: str, digest: str) -> str:
    """Where the report about the version with this manifest digest lies in the registry's bucket."""
    return f"{model_folder(model)}reports/{digest}.md"


def report(manifest: Manifest) -> str:
    """A page in Markdown: the decision, what it rests on, and how the version was made."""
    parts = [
        f"# {manifest.model} {manifest.version}",
        "",
        manifest.summary,
        "",
        _decision(manifest.gate),
        "",
        *_checks(manifest.gate),
        "## Held-out data",
        "",
        f"| metric | this version | {_cell(manifest.baseline.name)} |",
        "|---|---:|---:|",
        *(_metric(manifest, name) for name in manifest.metrics),
        "",
        "## Made from",
        "",
        *_made_from(manifest),
    ]
    return "\n".join(parts) + "\n"


def rows(gate: Gate) -> list[tuple[str, str, str, str, str]]:
    """One row per check: its name, what was found, what is allowed, whether it passed, and why."""
    return [
        (one.name, _figure(one.value), _allowed(one), "passed" if one.passed else "REFUSED", one.note)
        for one in gate.checks
    ]


def _decision(gate: Gate | None) -> str:
    if gate is None:
        return "The gate was not asked."
    beside = f", beside {gate.production[:12]} in production" if gate.production else ""
    if gate.objections:
        return f"**Refused**{beside}: {gate.reason}."
    return f"**Passed** all {len(gate.checks)} checks{beside}."


def _checks(gate: Gate | None) -> list[str]:
    if gate is None:
        return []
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows(gate)]
    return ["| check | found | allowed | | |", "|---|---:|---:|---|---|", *lines, ""]


def _metric(manifest: Manifest, name: str) -> str:
    naive = manifest.baseline.metrics.get(name)
    return f"| {_cell(name)} | {_figure(manifest.metrics[name])} | {_figure(naive)} |"


def _made_from(manifest: Manifest) -> list[str]:
    data, method = manifest.data, manifest.hyperparameters.get("method", "unknown")
    simulated = ", simulated" if data.simulated else ""
    period = f", {data.period}" if data.period else ""
    return [
        f"- data: {data.name}, {data.rows:,} rows{simulated}{period}; SHA-256 `{data.digest}`",
        f"- source: {data.source}",
        f"- method: {method}, {len(manifest.feature_names)} features",
        f"- created: {manifest.created:%Y-%m-%d %H:%M:%S} UTC, {manifest.training_seconds:.0f} s of training",
        f"- code: {manifest.code_revision}",
        f"- artifact: {manifest.artifact.size:,} bytes, SHA-256 `{manifest.artifact.digest}`",
    ]


def _allowed(check: Check) -> str:
    return "" if check.limit is None else f"{check.sense} {_figure(check.limit)}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
