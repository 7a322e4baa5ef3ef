"""Every right that a role has is used, and every right that is used it has."""

from functools import cache

import pytest

from tests.rights import reading, scoring, serving
from tests.rights.roles import Case

DRIVERS = {
    "AuthorizerRole": reading.authorizer,
    "BatchScoringRole": scoring.batch_scoring,
    "CatalogueRole": reading.catalogue,
    "ConsoleRole": reading.console,
    "DigitsRole": lambda: serving.case("DigitsRole", "digits"),
}


@cache
def case(role: str) -> Case:
    return DRIVERS[role]()


@pytest.mark.parametrize("role", DRIVERS)
def test_every_call_is_permitted(role: str) -> None:
    """What the function does, its role may do."""
    rights, denials = case(role).rights(), case(role).denials()
    refused = [
        call
        for call in case(role).calls
        if not any(right.covers(call) for right in rights) or any(one.covers(call) for one in denials)
    ]
    assert refused == []


@pytest.mark.parametrize("role", DRIVERS)
def test_every_right_is_used(role: str) -> None:
    """What the role may do, the function does."""
    calls = case(role).calls
    idle = [right for right in case(role).rights() if not any(right.covers(call) for call in calls)]
    assert idle == []
