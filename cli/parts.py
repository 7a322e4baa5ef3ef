"""The parts of a training that jobs do on other machines: one candidate of a search, one node of several."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli import console
from cli.progress import Steps
from cli.target import Target

if TYPE_CHECKING:
    from models.recipe import Recipe
    from models.search_results import SearchResults
    from models.selection import Search

JobsOption = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=1,
        envvar="MAAS_JOBS",
        help="Candidates tried at a time, each in a process of its own.",
    ),
]
SearchOption = Annotated[
    bool,
    typer.Option(
        "--search",
        help="Try the recipe's grid of settings too; with --remote, every candidate is a job of its own.",
    ),
]
NodesOption = Annotated[
    int, typer.Option("--nodes", min=1, help="With --remote: train networks on so many machines at once.")
]
TrialOption = Annotated[
    str | None,
    typer.Option("--trial-of", metavar="SEARCH", hidden=True, help="Try one candidate, leave the result."),
]
CandidateOption = Annotated[
    int | None,
    typer.Option("--candidate", min=0, hidden=True, help="With --trial-of: which; else the array's child."),
]
ChoiceOption = Annotated[
    str | None,
    typer.Option("--choose-from", metavar="SEARCH", hidden=True, help="Choose from a search's results."),
]


def try_candidate(
    recipes: "Iterable[Recipe]",
    source: str | None,
    *,
    seed: int,
    target: Target,
    search: str,
    candidate: int | None,
) -> None:
    """Try one candidate of each recipe and leave the result; without a number, that of this array's child.

    Raises:
        typer.BadParameter: No number was given, and this is no such child.
        ConfigurationError: There is no such candidate.
    """
    from models.batch_environment import BatchJob
    from models.trial import Trials

    index = BatchJob.from_environment().array_index if candidate is None else candidate
    if index is None:
        raise typer.BadParameter("--candidate is needed outside an array job", param_hint="--trial-of")
    for recipe in recipes:
        with Steps() as steps, steps.step(f"{recipe.model}, candidate {index}"):
            trials = Trials.of(recipe, source, seed=seed)
            said = results(target, recipe.model, search).record(trials, index)
        console.say(said)


def results(target: Target, model: str, search: str) -> "SearchResults":
    """The results of a search in the registry's bucket."""
    from models.search_results import SearchResults

    return SearchResults(target.registry().store, model, search)


def way_to_search(target: Target, model: str, *, jobs: int, choose_from: str | None) -> "Search":
    """How to try the candidates: not at all where a search has, else over processes, else one by one.

    On several nodes one by one: a process beside this one would not be of their team.
    """
    from models.batch_environment import BatchJob
    from models.processes import Processes
    from models.trial import one_by_one

    if choose_from is not None:
        return results(target, model, choose_from)
    return Processes(jobs) if jobs > 1 and BatchJob.from_environment().nodes == 1 else one_by_one


@contextmanager
def leading(recipe: "Recipe") -> Iterator[bool]:
    """Whether this process is to train: yes, but on the other nodes of a job, which assist inside.

    Raises:
        TrainingError: A node did not come, or ended too early.
    """
    from models.batch_environment import BatchJob

    job = BatchJob.from_environment()
    if job.nodes == 1:
        yield True
        return
    from models.assistant import assist
    from models.team import assembled

    with assembled(job) as team:
        if team.rank:
            count = assist(recipe, team)
            console.say(f"node {team.rank} of {team.size} assisted with {count} networks")
        yield not team.rank
