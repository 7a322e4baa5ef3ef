"""Training in the cloud: a job of a stack's queue, or its whole release, started from here and followed."""

import json
import re
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from cli import console, deployment
from cli.failure import CommandError

if TYPE_CHECKING:
    from maas.manifest import Manifest

SIMULATED = "simulated"
_NO_TRAINING = "deploy it with Training=on and TrainingImage; docs/training.md says how."


class Cloud(deployment.Deployment):
    """A stack, deployed or local, that trains."""

    @classmethod
    def find(cls, stack: str | None) -> "Cloud":
        """The deployed stack of this name, or without one the local stack.

        Raises:
            CommandError: There is none.
        """
        return cls(**vars(deployment.find(stack)))

    def output(self, name: str) -> str:
        """One output.

        Raises:
            CommandError: The stack has none of this name: it was deployed without training.
        """
        if name not in self.outputs:
            raise CommandError(f"The stack {self.name} does not train.", next_step=_NO_TRAINING)
        return self.outputs[name]


def train_remotely(
    model: str,
    data: str | None,
    seed: int,
    *,
    release: bool,
    follow: bool,
    stack: str | None,
    as_json: bool,
    search: bool = False,
    nodes: int = 1,
) -> None:
    """Start a job that trains and publishes, or with `release` an execution that also releases; follow it.

    With `search` every candidate is a job of its own, and one more chooses; with several `nodes` it is one
    job on so many machines.

    Raises:
        CommandError: It cannot be started, or it ended badly.
    """
    if data and data != SIMULATED and not data.startswith("s3://"):
        raise CommandError(
            f"{data} is on this computer, and the job is not.",
            next_step=f"copy it first: `aws s3 cp {data} s3://BUCKET/training/{model}/`; --data s3://...",
        )
    if release + search + (nodes > 1) > 1:
        raise CommandError(
            "A release trains with one job; so do not ask for --promote, --search and --nodes together.",
            next_step=f"`maas promote {model} VERSION --canary 10` releases what a search has found.",
        )
    from cli.remote_parts import follow_trials, submit_nodes, submit_search

    cloud = Cloud.find(stack)
    begin = start_execution if release else submit_search if search else submit_job
    begin = partial(submit_nodes, nodes=nodes) if nodes > 1 else begin
    started = begin(cloud, model, data or SIMULATED, seed)
    if follow:
        from cli.follow import Follower

        if search:
            follow_trials(cloud, model, started, quiet=as_json)
        ended = Follower(cloud, quiet=as_json).until_end(started)
        started |= ended
    _report(cloud, model, started, as_json=as_json)


def submit_job(cloud: Cloud, model: str, data: str, seed: int) -> dict[str, Any]:
    """Submit one training job; its names."""
    run = run_name(model)
    answer = cloud.client("batch").submit_job(
        jobName=run,
        jobQueue=cloud.output("TrainingQueue"),
        jobDefinition=cloud.output("TrainingJobDefinition"),
        parameters={"model": model, "data": data, "seed": str(seed), "run": run},
    )
    return {"model": model, "run": run, "job": answer["jobId"]}


def start_execution(cloud: Cloud, model: str, data: str, seed: int) -> dict[str, Any]:
    """Start the release state machine; its names."""
    from cli.release import actor

    cloud.output("TrainingQueue")
    run = run_name(model)
    given = {"model": model, "data": data, "seed": str(seed), "reason": f"maas train --remote by {actor()}"}
    answer = cloud.client("stepfunctions").start_execution(
        stateMachineArn=cloud.output("ReleaseStateMachine"), name=run, input=json.dumps(given)
    )
    return {"model": model, "run": run, "execution": answer["executionArn"]}


def run_name(model: str) -> str:
    """A name that nobody has had before, readable, and allowed for jobs and executions alike."""
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    return re.sub(r"[^a-z0-9-]", "-", model)[:40] + f"-{moment}-{secrets.token_hex(4)}"


def _report(cloud: Cloud, model: str, ended: dict[str, Any], *, as_json: bool) -> None:
    manifest = _published(cloud, model, ended["run"]) if "status" in ended else None
    if as_json:
        told = manifest.model_dump(mode="json", include={"metrics", "gate"}) if manifest else {}
        version = {"version": manifest.version} if manifest else {}
        console.emit(ended | version | told)
        return
    for name in ("execution", "job"):
        if name in ended:
            console.say(f"{name}: {ended[name]}")
    if manifest is not None:
        from cli.trained import report
        from models.catalogue import find

        where = {"published_to": f"s3://{cloud.outputs['ModelsBucket']}", "promoted": "execution" in ended}
        report(manifest, where, score=find(model).score)


def _published(cloud: Cloud, model: str, run: str) -> "Manifest":
    """What the job published, from the word it left."""
    from maas.registry import Registry
    from maas.rollout.plan import receipt_key
    from maas.store import ObjectStore

    registry = Registry(ObjectStore(cloud.outputs["ModelsBucket"], lambda: cloud.client("s3")))
    word = json.loads(registry.store.read(receipt_key(model, run)).body)
    return registry.manifest(model, word["version"])
