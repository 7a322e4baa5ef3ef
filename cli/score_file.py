"""`maas score`: a whole file through a model, on this machine or through the deployed stack."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console, deployment
from cli.deployment import Deployment, StackOption
from cli.failure import CommandError
from cli.predict import contract
from cli.progress import Step, Steps
from cli.target import JsonOption, RegistryOption, resolve
from maas.batch.names import FileName, error_key, output_key, read

if TYPE_CHECKING:
    from cli.target import Target
    from maas.manifest import Manifest

_LOOK_SECONDS = 0.5


def score(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Rows: .csv or .jsonl, also .gz."),
    ],
    *,
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help="The model's name.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where the scored rows go; by default scored-FILE."),
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="A version (8 or more characters); not with --remote.")
    ] = None,
    remote: Annotated[
        bool,
        typer.Option("--remote", help="Drop the file into the stack's inbox and fetch the result."),
    ] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the stack.", min=1)] = 3600,
    stack: StackOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every row of a file; rows that cannot be scored go beside the result, with their reason.

    The file stays on this computer unless --remote is given; the version comes from the stack's registry.
    """
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    name = read(f"inbox/{model}/{file.name}")
    target = out or file.with_name(f"scored-{file.name}")
    if target.resolve() == file.resolve():
        raise typer.BadParameter("the result would overwrite the file", param_hint="--out")
    with Steps(quiet=as_json) as steps, steps.step(f"score {file.name}") as step:
        if remote:
            if version:
                raise typer.BadParameter("the stack scores with the version in production")
            report = _through(deployment.find(stack), file, target, name=name, seconds=wait, step=step)
        else:
            report = _here(file, target, name, _version(model, version, resolve(registry, stack=stack)), step)
    if as_json:
        console.emit(report)
        return
    console.say(f"{model} {report['model_version']}", style="bold")
    rate = report["rows"] / max(report["seconds"], 1e-9)
    console.say(
        f"{report['rows']:,} rows: {report['scored']:,} scored, {report['rejected']:,} rejected; "
        f"{report['seconds']:.1f} s, {rate:,.0f} rows/s"
    )
    if report["ignored"]:
        console.say(f"ignored: {', '.join(report['ignored'])}")
    console.say(f"written: {target}")
    if report["rejected"]:
        from cli.batch_run import rejects_path

        console.say(f"rejects: {rejects_path(target)}")


def _version(model: str, version: str | None, target: "Target") -> "tuple[Manifest, bytes]":
    found = target.registry()
    if version is None:
        pointer = found.production(model)
        if pointer is None:
            raise CommandError(
                f"{model} has no version in production.", next_step=f"`maas promote {model} VERSION`."
            )
        version = pointer.stable
    manifest = found.manifest(model, version)
    return manifest, found.artifact(manifest)


def _here(
    file: Path, out: Path, name: FileName, version: "tuple[Manifest, bytes]", step: Step
) -> dict[str, Any]:
    from cli.batch_run import score as run

    found = contract(name.model)
    if found is None:
        raise CommandError(
            f"The function of {name.model} is not in this checkout.",
            next_step="with --remote the deployed one scores.",
        )
    return run(
        file,
        out,
        name=name,
        contract=found,
        version=version,
        told=lambda done, total: step("", done, total),
    )


def _through(
    stack: Deployment, file: Path, out: Path, *, name: FileName, seconds: float, step: Step
) -> dict[str, Any]:
    """Drop the file, wait for its report or its error, and fetch what came out."""
    from cli.batch_run import rejects_path
    from maas.artifact import digest_of

    s3, bucket = stack.client("s3"), stack.output("DataBucket")
    with file.open("rb") as stream:
        digest = digest_of(stream.read(1 << 20))[:12]
    path = f"cli/{digest}-{file.stat().st_size}/{file.name}"
    key = f"inbox/{name.model}/{path}"
    step("sending")
    s3.upload_file(str(file), bucket, key)
    etag = s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    result = output_key(name.model, path)
    report = _wait(s3, bucket, key, etag=etag, seconds=seconds, step=step)
    s3.download_file(bucket, result, str(out))
    s3.download_file(bucket, f"{result}.rejects.jsonl", str(rejects_path(out)))
    return report


def _wait(s3: Any, bucket: str, key: str, *, etag: str, seconds: float, step: Step) -> dict[str, Any]:
    from maas.batch.job import job_id

    deadline = time.monotonic() + seconds
    shown = output_key(*key.removeprefix("inbox/").split("/", 1))
    while time.monotonic() < deadline:
        error = _document(s3, bucket, error_key(key))
        if error and error.get("etag") == etag:
            raise CommandError(f"The file cannot be scored: {error['reason']}", next_step=error["next_step"])
        report = _document(s3, bucket, f"{shown}.report.json")
        if report and report["input"]["etag"] == etag:
            return report
        job = _document(s3, bucket, f"jobs/{job_id(bucket, key, etag)}/job.json")
        if job:
            step("scoring", job["progress"]["offset"], job["size"])
        time.sleep(_LOOK_SECONDS)
    raise CommandError(
        f"No result after {seconds:.0f} s.",
        next_step="wait longer with --wait; the same command picks up the same job.",
    )


def _document(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    return found
