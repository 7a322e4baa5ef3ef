"""An assistant's side of a team: it learns whatever the leader tells it to, until it is let go."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from maas.errors import TrainingError
from models.keras_network import Network
from models.recipe import Recipe
from models.team import Team


def assist(recipe: Recipe, team: Team) -> int:
    """Take the leader's steps with it; how many networks were trained.

    Raises:
        TrainingError: The leader has ended too early, or trains another recipe.
    """
    known = {network.name: network for one in recipe.widened().candidates for network in networks(one)}
    count = 0
    for said, lesson in team.lessons():
        if said["network"] not in known:
            raise TrainingError(f"This node's recipe has no network {said['network']!r}; the main node's has")
        network = replace(known[said["network"]], **said["settings"])
        network.descend(lesson, seed=said["seed"], team=team)
        count += 1
    return count


def networks(candidate: Any) -> Iterator[Network]:
    """A candidate, if it is a network, or those it is made of."""
    if isinstance(candidate, Network):
        yield candidate
    elif is_dataclass(candidate):
        for one in fields(candidate):
            value = getattr(candidate, one.name)
            for part in value if isinstance(value, list | tuple) else [value]:
                yield from networks(part)
