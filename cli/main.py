"""The `maas` command: assembly of its parts, and the one place where errors become messages."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import (
    bundle,
    cost,
    demo,
    diff,
    evaluate,
    explain,
    failure,
    forget,
    keys,
    login,
    monitor,
    new,
    predict,
    proxy,
    prune,
    redrive,
    release,
    report,
    reproduce,
    score_file,
    show,
    signing,
    status,
    train,
    tune,
    up,
    versions,
)
from cli.openapi.command import openapi

DEBUG = "debug"


class Commands(TyperGroup):
    """The group of all commands; nothing raised below it reaches the person as a traceback unasked."""

    def invoke(self, ctx: Any) -> Any:
        """Run one command; an error is printed with its next step and ends with exit code 1."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise  # wrong usage (exit code 2), help, and a reader that went away are typer's to answer
        except Exception as error:
            failure.report(error, debug=bool(ctx.params.get(DEBUG)))
            raise typer.Exit(1) from error


app = typer.Typer(
    name="maas",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: maas demo",
)


@app.callback()
def maas(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="MAAS_DEBUG", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Model-as-a-Service: train models, publish them, put them in production, call them.

    Works on the local stack that `maas up` started, or on a deployed one that --stack or MAAS_STACK names.
    """


def _add(panel: str, command: Callable[..., None], *examples: str, name: str | None = None) -> None:
    # Blank lines keep the examples on lines of their own where help text is reflowed.
    app.command(name, rich_help_panel=panel, epilog="\n\n".join(f"Example: {line}" for line in examples))(
        command
    )


_STACK, _MODELS, _VERSIONS, _CALLS = "Local stack", "Training", "Versions", "Predictions"
_ACCESS = "Access"
_add(_STACK, demo.demo, "maas demo")
_add(_STACK, up.up, "maas up")
_add(_STACK, status.status, "maas status", "maas status --json")
_add(_STACK, up.down, "maas down")
_add(_STACK, openapi, "maas openapi", "maas openapi --output openapi.json")
_add(
    _MODELS,
    new.new,
    "maas new bike_rentals --from-csv rentals.csv --target count",
    "maas new pump_failure --from-onnx pump.onnx --feature-names pressure,flow",
)
_add(_MODELS, train.train, "maas train traffic_flow", "maas train --all --promote")
_add(
    _MODELS,
    evaluate.evaluate,
    "maas evaluate traffic_flow --data labelled.csv",
    "maas evaluate traffic_flow --artifact build/traffic_flow --data labelled.csv",
)
_add(_MODELS, report.report, "maas report --data ../data", "maas report digits --data ../data")
_add(_VERSIONS, versions.models, "maas models")
_add(_VERSIONS, show.show, "maas show traffic_flow", "maas show traffic_flow 1a2b3c4d")
_add(
    _VERSIONS,
    release.promote,
    'maas promote traffic_flow 1a2b3c4d --reason "lower error on May"',
    "maas promote traffic_flow 1a2b3c4d --canary 10",
    "maas promote traffic_flow 1a2b3c4d --shadow",
)
_add(_VERSIONS, release.withdraw, 'maas withdraw traffic_flow --reason "errors at noon"')
_add(_VERSIONS, release.rollback, 'maas rollback traffic_flow --reason "wrong at night"')
_add(_VERSIONS, release.history, "maas history traffic_flow")
_add(_VERSIONS, diff.diff, "maas diff traffic_flow 1a2b3c4d 5e6f7a8b")
_add(_VERSIONS, reproduce.reproduce, "maas reproduce traffic_flow 1a2b3c4d")
_add(_VERSIONS, signing.sign, "maas sign", "maas sign traffic_flow")
_add(_VERSIONS, signing.show_key, "maas signing-key", "maas signing-key --pem", name="signing-key")
_add(
    _VERSIONS,
    bundle.bundle,
    "maas bundle traffic_flow --out traffic_flow-1a2b3c4d --key trainer.pem",
    "maas bundle --folder build/traffic_flow",
)
_add(_VERSIONS, prune.prune, "maas prune", "maas prune traffic_flow --keep 10 --yes")
_add(
    _CALLS,
    predict.predict,
    "maas predict traffic_flow",
    "maas predict traffic_flow --field timestamp=2018-10-02T08:00:00 --field temperature=14.5",
    "maas predict traffic_flow --file records.json --protocol v2 --curl",
)
_add(
    _CALLS,
    explain.explain,
    "maas explain traffic_flow",
    "maas explain air_quality --target pm25_24h",
    "maas explain digits --class 3",
)
_add(
    _CALLS,
    score_file.score,
    "maas score hours.csv --model traffic_flow --out forecast.csv",
    "maas score hours.csv.gz --model traffic_flow --remote",
)
_add(_CALLS, redrive.redrive, "maas redrive --list", "maas redrive")
_add(_CALLS, monitor.monitor, "maas monitor traffic_flow", "maas monitor digits --window 7d --page week.html")
_add(_CALLS, forget.forget, "maas forget customer-4711 --list", "maas forget customer-4711")
_add(_CALLS, cost.cost, "maas cost", "maas cost traffic_flow --calls 1000000")
_add(_CALLS, tune.tune, "maas tune traffic_flow", "maas tune congestion --sizes 512,1024,2048 --rows 100")
_add(_ACCESS, login.login, "maas login --client-id <ClientId>")
_add(_ACCESS, login.logout, "maas logout")
_add(_ACCESS, proxy.proxy, "maas proxy --port 8080")
app.add_typer(keys.app, name="keys", rich_help_panel=_ACCESS)
