"""`maas forget`: everything that was captured about one subject is removed."""

from typing import Annotated, Any, cast

import typer

from cli import console, deployment
from cli.deployment import StackOption
from cli.failure import CommandError
from cli.target import JsonOption

SubjectArgument = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="The name that callers gave as X-Subject.")
]


def forget(
    subject: SubjectArgument,
    *,
    model: Annotated[str | None, typer.Option("--model", help="Only what this model was asked.")] = None,
    dry: Annotated[bool, typer.Option("--list", help="Only count; remove nothing.")] = False,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a subject's captured records, outcomes and remembered answers, and all earlier versions."""
    from maas.capture.forgetting import Forgetting
    from maas.capture.record import subject_hash
    from maas.masking import Pseudonyms
    from maas.store import ObjectStore

    found = deployment.find(stack)
    secret = found.outputs.get("CaptureKey")
    if not secret:
        raise CommandError(
            "This stack has no key of hashes, so nothing was ever captured under a subject's name.",
            next_step="nothing is to be done; Subjects=on gives it one.",
        )
    key: Any = found.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    store = ObjectStore(found.output("DataBucket"), cast("Any", found.client("s3")))
    hashed = subject_hash(Pseudonyms(key.encode()), subject)
    forgotten = Forgetting(store, model=model, progress=console.remark).forget(hashed, really=not dry)
    if as_json:
        console.emit({**vars(forgotten), "models": sorted(forgotten.models), "subject": hashed})
        return
    verb = "would go" if dry else "are gone"
    where = f" of {', '.join(sorted(forgotten.models))}" if forgotten.models else ""
    console.say(
        f"{forgotten.records} captured records, {forgotten.outcomes} outcomes and {forgotten.answers} "
        f"remembered answers {verb}, in {forgotten.objects} objects{where}; "
        f"{forgotten.versions} earlier versions of objects."
    )
    if not dry:
        console.remark(
            "Functions hold records for up to half a minute: if calls came in just now, do it once more."
        )
