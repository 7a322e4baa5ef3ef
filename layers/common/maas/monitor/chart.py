"""Small charts as SVG text, so that a report is one file and needs no library to be drawn or read."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BASE = 320, 120, 34, 20


def bars(expected: Sequence[float], observed: Sequence[float], *, title: str) -> str:
    """Two histograms of the same bins: training as outlines, the window as filled bars."""
    top = max(*expected, *observed, 1e-9)
    step = (_WIDTH - _LEFT) / len(expected)
    shapes = []
    for place, (before, now) in enumerate(zip(expected, observed, strict=True)):
        left = _LEFT + place * step
        tall, taller = ((_HEIGHT - _BASE) * share / top for share in (now, before))
        shapes.append(
            f'<rect class="now" x="{left + 1:.1f}" y="{_HEIGHT - _BASE - tall:.1f}" '
            f'width="{max(step - 2, 1):.1f}" height="{tall:.1f}"/>'
            f'<rect class="before" x="{left + 1:.1f}" y="{_HEIGHT - _BASE - taller:.1f}" '
            f'width="{max(step - 2, 1):.1f}" height="{taller:.1f}"/>'
        )
    return _framed("".join(shapes) + _scale(top, "{:.0%}"), title, "low values", "high values")


def line(values: Sequence[float], limit: float, *, title: str, first: str, last: str) -> str:
    """Values over time, and the limit."""
    top = max(*values, limit * 1.2, 1e-9)
    points = []
    for place, value in enumerate(values):
        x = _LEFT + (_WIDTH - _LEFT) * (place / max(len(values) - 1, 1))
        points.append(f"{x:.1f},{_y(value, top):.1f}")
    drawn = (
        f'<polyline class="line" points="{" ".join(points)}"/>'
        if len(points) > 1
        else f'<circle class="now" cx="{points[0].partition(",")[0]}" cy="{_y(values[0], top):.1f}" r="3"/>'
    )
    level = _y(limit, top)
    border = f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH}" y1="{level:.1f}" y2="{level:.1f}"/>'
    return _framed(border + drawn + _scale(top, "{:.1f}"), title, first, last)


def intervals(
    low: float, high: float, value: float, marks: Sequence[tuple[str, float]], *, title: str
) -> str:
    """A value with its interval, and marks beside it, on one scale."""
    least, most = min(low, *(mark for _, mark in marks)), max(high, *(mark for _, mark in marks))
    span = (most - least) or 1.0

    def x(figure: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * (0.05 + 0.9 * (figure - least) / span)

    drawn = (
        f'<line class="line" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="30" y2="30"/>'
        f'<circle class="now" cx="{x(value):.1f}" cy="30" r="4"/>'
    )
    for row, (name, mark) in enumerate(marks):
        drawn += (
            f'<line class="limit" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="15" y2="45"/>'
            f'<text x="{min(x(mark), _WIDTH - 90):.1f}" y="{60 + 14 * row}">{escape(name)} {mark:.4g}</text>'
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} 80" role="img" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>{drawn}</svg>"
    )


def _y(value: float, top: float) -> float:
    return (_HEIGHT - _BASE) * (1 - value / top)


def _scale(top: float, form: str) -> str:
    bottom = _HEIGHT - _BASE
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{bottom}" y2="{bottom}"/>'
        f'<text x="{_LEFT - 3}" y="9" text-anchor="end">{form.format(top)}</text>'
        f'<text x="{_LEFT - 3}" y="{bottom}" text-anchor="end">0</text>'
    )


def _framed(inside: str, title: str, left: str, right: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title>{inside}"
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{escape(left)}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{escape(right)}</text></svg>'
    )
