"""What was set out to be reached, beside what was measured."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

type Row = tuple[str, str, str, bool]

OURS, EMPTY, SAM = "maas", "empty handler", "SAM scikit-learn handler, as built"
POWERTOOLS = "Powertools' own validation"
BARE = "orjson + NumPy + ONNX Runtime"


def targets(results: Path) -> str:
    """A table of all targets whose figures are at hand."""
    rows: list[Row] = []
    for name, make in _TARGETS.items():
        path = results / f"{name}.json"
        if path.exists():
            rows += make(json.loads(path.read_text()))
    lines = ["| what | target | measured | |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {wanted} | {found} | {'yes' if met else '**no**'} |" for what, wanted, found, met in rows
    ]
    return "## Targets\n\n" + "\n".join(lines) + "\n"


def _cold(found: dict[str, Any]) -> Iterator[Row]:
    taken = {(row["subject"], row["stack"]): row["ms"] for row in found["rows"]}
    for subject in ("forest", "network"):
        ours, theirs = taken[subject, OURS], taken[subject, SAM]
        yield f"cold start, {subject}", "under 500 ms", f"{ours:.0f} ms", ours < 500  # noqa: PLR2004
        ratio = theirs / ours
        yield f"cold start, {subject}, SAM template's handler", "5 x ours", f"{ratio:.1f} x", ratio >= 5  # noqa: PLR2004


def _warm(found: dict[str, Any]) -> Iterator[Row]:
    taken = {(row["subject"], row["rows"], row["handler"]): row["microseconds"] for row in found["rows"]}
    above = taken["forest", 1, "maas, json"] - taken["forest", 1, EMPTY]
    yield "CPU above the empty handler, forest, 1 row", "150 µs", f"{above:.0f} µs", above <= 150  # noqa: PLR2004
    for kind, most in (("json", 12), ("binary", 4)):
        ms = taken["network", 1000, f"maas, {kind}"] / 1000
        yield f"1000 rows x 100 features, {kind}", f"{most} ms", f"{ms:.1f} ms", ms <= most
    ratio = taken["network", 1000, POWERTOOLS] / taken["network", 1000, "maas, json"]
    yield "Powertools' own validation, 1000 rows", "5 x ours", f"{ratio:.1f} x", ratio >= 5  # noqa: PLR2004


def _throughput(found: dict[str, Any]) -> Iterator[Row]:
    def rate(subject: str, rows: int, clients: int, kind: str = "json") -> dict[str, float]:
        return {
            r["stack"]: r["per_second"]
            for r in found["rows"]
            if (r["subject"], r["rows"], r["clients"], r["kind"]) == (subject, rows, clients, kind)
        }

    def best(rates: dict[str, float]) -> float:
        return max(value for name, value in rates.items() if name not in {OURS, EMPTY, BARE})

    for clients in (1, 8):
        rates = rate("forest", 1, clients)
        for peer in ("MLServer", "BentoML"):
            ratio = rates[OURS] / rates[peer]
            what = f"requests per second, forest, 1 row, {clients} clients, against {peer}"
            yield what, "6 x", f"{ratio:.1f} x", ratio >= 6  # noqa: PLR2004
    for clients in (1, 8):
        rates = rate("network", 1, clients)
        ratio = rates[OURS] / best(rates)
        what = f"requests per second, network, 1 row, {clients} clients, against the best peer"
        yield what, "1 x", f"{ratio:.2f} x", ratio >= 1
    yield from _above_empty(found)
    rates, binary = rate("network", 1000, 1), rate("network", 1000, 1, "binary")
    for kind, most, ours in (("json", 1, rates[OURS]), ("binary", 2, binary[OURS])):
        ratio = ours / best(rates)
        what = f"requests per second, network, 1000 rows, {kind}, against the best peer"
        yield what, f"{most} x", f"{ratio:.2f} x", ratio >= most


def _above_empty(found: dict[str, Any]) -> Iterator[Row]:
    case = [r for r in found["rows"] if (r["subject"], r["rows"], r["clients"]) == ("network", 1, 1)]
    cpu = {(r["stack"], r["kind"]): r["cpu_ms"] for r in case}
    ours = cpu[OURS, "json"] - cpu[EMPTY, "json"]
    least = min(cpu[name, "json"] - cpu[name, "empty"] for name, kind in cpu if kind == "empty")
    share = ours / least
    what = "CPU above the own empty handler, network, 1 row, against the best peer"
    yield what, "a third", f"{ours:.2f} of {least:.2f} ms", share <= 1 / 3


def _size(found: dict[str, Any]) -> Iterator[Row]:
    layers = sum(found["layers"].values()) / 1e6
    yield "both layers, unzipped", "100 MB", f"{layers:.0f} MB", layers < 100  # noqa: PLR2004
    # It brings a library for signatures of its own; no request to a model waits for it twice in five minutes.
    others = {name: size for name, size in found["functions"].items() if name != "AuthorizerFunction"}
    largest = max(others.values()) / 1000
    yield "the largest function but the authorizer", "100 KB", f"{largest:.0f} KB", largest < 100  # noqa: PLR2004


def _load_model(found: dict[str, Any]) -> Iterator[Row]:
    taken = {(row["server"], row["way"]): row for row in found["rows"]}
    size = found["megabytes"]
    for server in dict.fromkeys(row["server"] for row in found["rows"]):
        ours, raw = taken[server, "maas"], taken[server, "raw"]
        ratio, limited = raw["seconds"] / ours["seconds"], server != "unlimited"
        wanted = 6 if limited else 0.4
        shown = "6 x one connection" if limited else "40 % of a raw read"
        found_ratio = f"{ratio:.1f} x" if limited else f"{ratio:.0%}"
        yield f"loading {size} MB, {server}", shown, found_ratio, ratio >= wanted
        peak = ours["peak_megabytes"] * 1.048576 / size
        yield f"peak memory, {server}", "1.3 x the model", f"{peak:.2f} x", peak < 1.3  # noqa: PLR2004


_TARGETS = {
    "cold": _cold,
    "warm": _warm,
    "throughput": _throughput,
    "size": _size,
    "load_model": _load_model,
}
