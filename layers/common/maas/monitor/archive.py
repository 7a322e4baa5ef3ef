"""Where reports are kept, for people, the dashboard and the console.

reports/<model>/date=2026-11-22/<time>.json|html   every report
reports/<model>/latest.json|html                   the newest
reports/<model>/history.json                       one line for each of the newest comparisons
"""

from datetime import datetime
from typing import Any

import orjson

from maas.errors import KeyMissing
from maas.manifest import model_folder
from maas.monitor.page import page
from maas.monitor.report import Comparison, Report
from maas.store import ObjectStore

_REMEMBERED = 200  # comparisons
_SIGNALS = 30  # of the newest comparison, the farthest from their limits


class Archive:
    """The reports of one bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def keep(self, report: Report) -> str:
        """Store a report and its page; the key of the page.

        Raises:
            MaasError: S3 does not answer, or refuses.
        """
        folder = f"reports/{report.model}/"
        name = f"{folder}{report.created:date=%Y-%m-%d/%Y%m%dT%H%M%SZ}"
        past = self.history(report.model)["windows"]
        judged = [one for one in report.comparisons if one.state != "too few"]
        # A look that had too few rows to judge by leaves what is known of the last one that had enough.
        if judged:
            past = [*past, *map(_line, judged)][-_REMEMBERED:]
            past[-1]["features"] = _signals(judged[-1])
        documents = {"json": report.model_dump_json(indent=1).encode(), "html": page(report, past).encode()}
        types = {"json": "application/json", "html": "text/html; charset=utf-8"}
        for kind, body in documents.items():
            self._store.put(f"{name}.{kind}", body, content_type=types[kind])
            self._store.put(f"{folder}latest.{kind}", body, content_type=types[kind])
        self._store.put(
            f"{folder}history.json", orjson.dumps({"windows": past}), content_type="application/json"
        )
        return f"{name}.html"

    def history(self, model: str) -> dict[str, Any]:
        """`{"windows": [...]}`: one line for each of the newest comparisons, the newest last.

        Each has `end`, `hours`, `rows`, `largest` (the largest ratio to a limit), `limit` (1) and `drifted`;
        the last one has `features` besides.
        """
        model_folder(model)  # refuses what is no model's name
        try:
            history: dict[str, Any] = orjson.loads(self._store.read(f"reports/{model}/history.json").body)
        except (KeyMissing, orjson.JSONDecodeError):
            return {"windows": []}
        return history


def _line(comparison: Comparison) -> dict[str, Any]:
    largest = max(comparison.drift, comparison.prediction_drift, comparison.missing_values)
    return {
        "end": _stamp(comparison.end),
        "hours": comparison.hours,
        "rows": comparison.rows,
        "largest": round(largest, 3),
        "limit": 1.0,
        "drifted": comparison.state == "drifted",
    }


def _signals(comparison: Comparison) -> list[dict[str, Any]]:
    findings = (*comparison.outputs, *comparison.inputs)
    return [
        {
            "name": one.signal,
            "psi": round(one.psi.value, 4),
            "ks": round(one.ks.value, 4),
            "ratio": round(one.ratio, 3),
            "drifted": one.drifted,
        }
        for one in sorted(findings, key=lambda one: -one.ratio)[:_SIGNALS]
    ]


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
