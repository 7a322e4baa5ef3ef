"""`maas monitor`: what the scheduled monitor does, now and in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli import console, deployment
from cli.deployment import StackOption
from cli.target import JsonOption, ModelArgument

if TYPE_CHECKING:
    from maas.monitor.report import Comparison, Report

_SHOWN = 10


def monitor(
    model: ModelArgument,
    *,
    window: Annotated[
        str,
        typer.Option("--window", help="Lengths to look at: hours as 24, days as 7d, several with commas."),
    ] = "24,7d",
    page: Annotated[Path | None, typer.Option("--page", help="Write the report as an HTML page.")] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what a model was asked and answered lately with the data that it was trained on."""
    from maas.monitor.page import page as rendered
    from maas.monitor.settings import windows_of
    from maas.monitor.watch import Watch
    from maas.registry import Registry
    from maas.store import ObjectStore

    found = deployment.find(stack)
    s3 = found.client("s3")
    registry = Registry(ObjectStore(found.output("ModelsBucket"), s3))
    report = Watch(registry, ObjectStore(found.output("DataBucket"), s3)).look(
        model, windows=windows_of(window)
    )
    if page is not None:
        page.write_text(rendered(report), encoding="utf-8")
        console.remark(f"page:  {page}")
    if as_json:
        console.emit(report.model_dump(mode="json"))
        return
    _show(report)


def _show(report: "Report") -> None:
    if not report.comparisons:
        console.say(f"{report.model} {report.version} was trained before there was a monitor.")
        console.remark(f"next:  `maas train {report.model}` makes a version that can be watched.")
    for comparison in report.comparisons:
        _compared(comparison, report.model)
    if report.scores:
        console.table(
            ["metric", "live", "from", "to", "in training", "limit", "outcomes", ""],
            [
                (
                    s.name,
                    s.value,
                    s.low,
                    s.high,
                    s.trained,
                    s.limit,
                    s.rows,
                    _verdict("worse" if s.ratio > 1 else ""),
                )
                for s in report.scores
            ],
            title=report.truth,
        )
    console.say(
        report.reason or "Nothing out of the ordinary.", style="bold red" if report.reason else "green"
    )


def _compared(comparison: "Comparison", model: str) -> None:
    title = f"last {comparison.hours:g} h: {comparison.rows} captured rows"
    if comparison.state == "too few":
        console.say(title, style="bold")
        console.remark(f"Too few to judge by. Requests to {model} are captured where CaptureRate is above 0.")
        return
    findings = sorted((*comparison.outputs, *comparison.inputs), key=lambda one: -one.ratio)
    shown = [one for one in findings if one.drifted] or findings[: _SHOWN // 2]
    rows = [
        (
            one.signal,
            *(str(measure) for measure in (one.psi, one.ks, one.outside, one.repeated)),
            _verdict(", ".join(one.reasons)),
        )
        for one in shown[:_SHOWN]
    ]
    console.table(
        ["signal", "PSI / limit", "KS / limit", "out of range", "same value", ""],
        [
            *rows,
            *(
                (
                    f"{one.field} missing",
                    f"{one.share.value:.1%} / {one.share.limit:.1%}",
                    "",
                    "",
                    "",
                    _verdict("missing"),
                )
                for one in comparison.missing
                if one.share.ratio > 1
            ),
        ],
        title=title,
    )
    if len(shown) > _SHOWN:
        console.remark(f"{len(shown) - _SHOWN} more signals drifted; --json or --page has them all.")


def _verdict(text: str) -> Text:
    return Text(text or "quiet", style="red" if text else "green")
