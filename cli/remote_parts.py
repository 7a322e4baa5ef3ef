"""Trainings of several parts in the cloud: a search, one job per candidate; a network on several machines."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cli.failure import CommandError
from cli.progress import Steps
from cli.remote import Cloud, run_name

if TYPE_CHECKING:
    from models.candidate import Candidate

_LEAST, _MOST = 2, 10_000  # AWS Batch's limits of an array's size
_PAUSE_SECONDS = 5.0
_ENDED = {"SUCCEEDED", "FAILED"}


def submit_search(cloud: Cloud, model: str, data: str, seed: int) -> dict[str, Any]:
    """Submit an array job that tries every candidate, and the job that then chooses; their names.

    Raises:
        CommandError: There is nothing to search, or too much for one array.
    """
    count = len(_candidates(model))
    if not _LEAST <= count <= _MOST:
        raise CommandError(
            f"{model} has {count} candidates; a search in the cloud takes {_LEAST} to {_MOST}.",
            next_step=f"maas train {model} --remote",
        )
    client, run = cloud.client("batch"), run_name(model)
    queue, definition = cloud.output("TrainingQueue"), cloud.output("TrainingJobDefinition")
    command = ["train", model, "--data", data, "--seed", str(seed), "--search"]
    array = client.submit_job(
        jobName=f"{run}-trials",
        jobQueue=queue,
        jobDefinition=definition,
        arrayProperties={"size": count},
        containerOverrides={"command": [*command, "--trial-of", run]},
    )
    try:
        last = client.submit_job(
            jobName=run,
            jobQueue=queue,
            jobDefinition=definition,
            dependsOn=[{"jobId": array["jobId"]}],
            containerOverrides={"command": [*command, "--choose-from", run, "--run", run, "--json"]},
        )
    except BaseException:
        # Nobody would look at what it finds.
        client.terminate_job(jobId=array["jobId"], reason="The job that was to choose could not be submitted")
        raise
    return {"model": model, "run": run, "trials": array["jobId"], "job": last["jobId"]}


def follow_trials(
    cloud: Cloud,
    model: str,
    started: dict[str, Any],
    *,
    quiet: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Show how many candidates have been tried, until all have.

    Raises:
        CommandError: Jobs ended before they could leave a result; the message names their candidates.
    """
    client, array, count = cloud.client("batch"), started["trials"], len(_candidates(model))
    with Steps(quiet=quiet) as steps, steps.step(f"{count} candidates") as step:
        said = -1
        while True:
            [found] = client.describe_jobs(jobs=[array])["jobs"]
            summary = found.get("arrayProperties", {}).get("statusSummary", {})
            done = sum(summary.get(status, 0) for status in _ENDED)
            if done != said:
                step(f"{done} tried, {summary.get('RUNNING', 0)} under way", done, count)
                said = done
            if found["status"] in _ENDED:
                break
            pause(_PAUSE_SECONDS)
    if found["status"] == "FAILED":
        raise _failure(client, model, found)


def _failure(client: Any, model: str, array: dict[str, Any]) -> CommandError:
    pages = client.get_paginator("list_jobs").paginate(arrayJobId=array["jobId"], jobStatus="FAILED")
    children = [child for page in pages for child in page["jobSummaryList"]]
    # Children are named `<array>:<index>`.
    indices = [int(child["jobId"].rpartition(":")[2]) for child in children]
    names = [_candidates(model)[index].name for index in sorted(indices)]
    reasons = {child.get("container", {}).get("reason") or child.get("statusReason") for child in children}
    reason = "; ".join(sorted(filter(None, reasons))) or array.get("statusReason", "no reason given")
    return CommandError(
        f"No result for {', '.join(names) or 'some candidates'}: {reason}",
        next_step=f"the log of job {array['jobId']} says why; `maas train {model} --remote --search` "
        "starts another search.",
    )


def submit_nodes(cloud: Cloud, model: str, data: str, seed: int, *, nodes: int) -> dict[str, Any]:
    """Submit one training on several machines; its names.

    Raises:
        CommandError: The stack has none.
    """
    run = run_name(model)
    answer = cloud.client("batch").submit_job(
        jobName=run,
        jobQueue=cloud.output("TrainingNodesQueue"),
        jobDefinition=cloud.output("TrainingNodesJobDefinition"),
        parameters={"model": model, "data": data, "seed": str(seed), "run": run},
        nodeOverrides={"numNodes": nodes},
    )
    return {"model": model, "run": run, "job": answer["jobId"]}


def _candidates(model: str) -> "Sequence[Candidate]":
    from models.catalogue import find

    return find(model).widened().candidates
