"""A report as one HTML page, with nothing to load from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from maas.monitor import chart
from maas.monitor.report import Comparison, Finding, LiveScore, Report

_SHOWN = 12  # histograms of one comparison
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5b6675; --ground: #fff; --rule: #d5dbe3;
  --now: #2f6fb3; --bad: #b3261e; --good: #2c6e49; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --ground: #14181f;
  --rule: #323a46; --now: #6aa5e3; --bad: #ff8a80; --good: #7fc8a0; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.note { color: var(--soft); margin-top: 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--rule); }
td.n, th.n { text-align: right; }
.scroll { overflow-x: auto; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { font-size: 10px; fill: var(--soft); }
.now { fill: var(--now); } rect.before { fill: none; stroke: var(--ink); stroke-width: 1.2; }
.line { fill: none; stroke: var(--now); stroke-width: 2; }
.limit { stroke: var(--bad); stroke-dasharray: 4 3; }
.axis { stroke: var(--rule); }
"""


def page(report: Report, history: Sequence[dict[str, Any]] = ()) -> str:
    """The page; `history` as `maas.monitor.archive` keeps it."""
    title = f"{report.model} {report.version}"
    verdict = report.reason
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{report.created:%Y-%m-%d %H:%M} UTC</p>',
        f'<p class="bad">{escape(verdict)}</p>'
        if verdict
        else '<p class="good">Nothing out of the ordinary.</p>',
    ]
    if report.retraining:
        parts.append(f"<p>{escape(report.retraining)}</p>")
    if not report.comparisons:
        parts.append(
            "<p>This version was trained before there was a monitor: train it again to have it watched.</p>"
        )
    parts += map(_comparison, report.comparisons)
    parts.append(_scores(report))
    parts += _history(history)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _comparison(comparison: Comparison) -> str:
    heading = f"<h2>The last {comparison.hours:g} hours</h2>"
    begin, end = (f"{moment:%Y-%m-%d %H:%M}" for moment in (comparison.begin, comparison.end))
    note = (
        f'<p class="note">{begin} to {end}, {comparison.rows} captured rows. '
        f"Limits: {escape(comparison.limits)}.</p>"
    )
    if comparison.state == "too few":
        return f"{heading}{note}<p>Too little to judge by.</p>"
    findings = sorted((*comparison.outputs, *comparison.inputs), key=lambda one: -one.ratio)
    figures = [
        f"<figure>{chart.bars(one.expected, one.observed, title=f'Distribution of {one.signal}')}"
        f"<figcaption>{escape(one.signal)}: bars now, outlines in training</figcaption></figure>"
        for one in findings[:_SHOWN]
    ]
    unwatched = (
        '<p class="note">Not watched, because they depend on sensitive fields: '
        f"{escape(', '.join(comparison.unwatched))}.</p>"
        if comparison.unwatched
        else ""
    )
    return (
        f"{heading}{note}{_table(findings[: 4 * _SHOWN])}{_missing(comparison)}{unwatched}"
        f'<div class="grid">{"".join(figures)}</div>'
    )


def _table(findings: Iterable[Finding]) -> str:
    rows = []
    for one in findings:
        measures = "".join(
            f'<td class="n{" bad" if measure.ratio > 1 else ""}">{measure}</td>'
            for measure in (one.psi, one.ks, one.outside, one.repeated)
        )
        verdict = (
            f'<span class="bad">{", ".join(one.reasons)}</span>'
            if one.drifted
            else '<span class="good">quiet</span>'
        )
        rows.append(f"<tr><td>{escape(one.signal)}</td>{measures}<td>{verdict}</td></tr>")
    return (
        '<div class="scroll"><table><thead><tr><th>signal</th><th class="n">PSI / limit</th>'
        '<th class="n">KS / limit</th><th class="n">out of range</th><th class="n">same value</th><th></th>'
        "</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _missing(comparison: Comparison) -> str:
    if not comparison.missing:
        return ""
    cells = [
        f'<tr><td>{escape(one.field)}</td><td class="n{" bad" if one.share.ratio > 1 else ""}">'
        f"{one.share.value:.1%} <small>of {one.share.limit:.1%}</small></td></tr>"
        for one in comparison.missing
    ]
    return (
        '<div class="scroll"><table><thead><tr><th>field</th><th class="n">missing</th></tr></thead>'
        f"<tbody>{''.join(cells)}</tbody></table></div>"
    )


def _scores(report: Report) -> str:
    if not report.scores:
        return f"<h2>Truth</h2><p>{report.truth}: too few to judge by.</p>"
    figures = [
        f"<figure>{_interval(one)}<figcaption>{_caption(one)}</figcaption></figure>" for one in report.scores
    ]
    return (
        f'<h2>Truth</h2><p class="note">{report.truth}; intervals hold 99 of 100.</p>'
        f'<div class="grid">{"".join(figures)}</div>'
    )


def _interval(score: LiveScore) -> str:
    marks = [
        (name, mark)
        for name, mark in (("training", score.trained), ("limit", score.limit))
        if mark is not None
    ]
    return chart.intervals(
        score.low, score.high, score.value, marks or [("now", score.value)], title=score.name
    )


def _caption(score: LiveScore) -> str:
    bad = ' <span class="bad">worse than in training</span>' if score.ratio > 1 else ""
    return f"{escape(score.name)} {score.value:.4g} of {score.rows}{bad}"


def _history(history: Sequence[dict[str, Any]]) -> Iterable[str]:
    for hours in sorted({window["hours"] for window in history}):
        windows = [window for window in history if window["hours"] == hours]
        drawn = chart.line(
            [window["largest"] for window in windows],
            1.0,
            title=f"Largest share of a limit over windows of {hours:g} hours",
            first=windows[0]["end"][:10],
            last=windows[-1]["end"][:10],
        )
        caption = "<figcaption>the largest share of a limit</figcaption>"
        yield f"<h2>So far, windows of {hours:g} hours</h2><figure>{drawn}{caption}</figure>"
