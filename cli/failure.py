"""Errors as a person at a terminal reads them: what went wrong, where in the input, what to do next."""

import traceback

from rich.text import Text

from cli import console
from maas import errors


class CommandError(errors.MaasError):
    """A command cannot do what it was asked.

    `next_step` says what would help; `http_status` is the API's, where it was the API that refused.
    """

    code, title = "command-error", "Command failed"

    def __init__(
        self,
        detail: str,
        *,
        next_step: str = "",
        places: tuple[errors.FieldError, ...] = (),
        http_status: int | None = None,
    ) -> None:
        super().__init__(detail, errors=places)
        self.next_step = next_step
        self.http_status = http_status


# By class name, so that a message needs no import; the most specific class of an error decides.
NEXT_STEPS = {
    "ModelNotFound": "`maas models` lists what is published; `maas train MODEL` publishes a version.",
    "VersionNotFound": "`maas models` and `maas history MODEL` show versions; give 8 or more characters.",
    "NoProductionVersion": "put one in production: `maas promote MODEL VERSION --reason ...`.",
    "Conflict": "`maas history MODEL` shows the moves; `maas promote MODEL VERSION` names a version.",
    "PointerMoved": "somebody else moved it meanwhile: look at `maas history MODEL`, then decide again.",
    "RegistryUnavailable": "`maas status` shows whether the stack answers; check network and credentials.",
    "EmulatorError": "`maas status` shows what runs; `maas down` ends what `maas up` started.",
    "StackError": "`maas up` builds and deploys again; with `maas down` before it, from nothing.",
    "ConfigurationError": "`maas up` starts a local stack; `--stack NAME` names a deployed one.",
    "DataError": "models/MODEL/README.md, section Training file, describes what --data takes.",
    "GateRefused": (
        "`maas show MODEL VERSION` has the figures; `maas train MODEL --promote --force WHY` overrules it."
    ),
    "ParityError": "the exported model must not be used; report it with the seed and the data's digest.",
    "IntegrityError": "stored bytes are damaged; `maas models` names each model that this concerns.",
    "InvalidRecord": "`maas show MODEL` lists the fields with their units and bounds.",
}
UNEXPECTED = "run the same command as `maas --debug ...` for the traceback."


def next_step(error: Exception) -> str:
    """What the person can do about an error, or an empty text."""
    if isinstance(error, CommandError):
        return error.next_step
    for kind in type(error).__mro__:
        if kind.__name__ in NEXT_STEPS:
            return NEXT_STEPS[kind.__name__]
    if type(error).__module__.startswith("botocore"):
        return "check AWS credentials, region and network (`aws sts get-caller-identity`)."
    if isinstance(error, errors.MaasError):
        return ""
    return UNEXPECTED


def report(error: Exception, *, debug: bool) -> None:
    """Print an error on standard error, with its traceback only on request."""
    out = console.stderr()
    if debug:
        out.print(Text("".join(traceback.format_exception(error)), style="dim"), soft_wrap=True)
    if isinstance(error, errors.MaasError):
        detail, places = error.detail, error.errors
    else:
        detail, places = f"{type(error).__name__}: {error}", ()
    out.print(Text.assemble(("error: ", "bold red"), detail), soft_wrap=True)
    for place in places:
        out.print(Text.assemble("  ", (place.pointer or "/", "cyan"), "  ", place.detail), soft_wrap=True)
    if step := next_step(error):
        out.print(Text.assemble(("next:  ", "bold"), step), soft_wrap=True)
