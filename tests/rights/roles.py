"""What a role of the template permits, and whether it does so for a use or without one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.iam import Roles
from tests.rights.calls import Call


class Right(NamedTuple):
    """One action on one resource, as a statement permits it."""

    action: str
    resource: str
    prefixes: tuple[str, ...] = ()

    def covers(self, call: Call) -> bool:
        """Whether a use is within the right."""
        return (
            self.action == call.action
            and fnmatchcase(call.resource, self.resource)
            and (not self.prefixes or any(fnmatchcase(call.prefix or "", one) for one in self.prefixes))
        )


@dataclass(frozen=True)
class Case:
    """A role and what was done with it.

    Attributes:
        role: Its logical id.
        calls: The uses of its rights.
        arns: The ARNs of resources by their logical ids, in the world in which it was used.
        renamed: What to write for what in the role's documents, where a stand-in was at work.
        parameters: Of the template, where they differ from the defaults.
    """

    role: str
    calls: frozenset[Call]
    arns: Mapping[str, str]
    renamed: tuple[tuple[str, str], ...] = ()
    parameters: Mapping[str, str] | None = None

    def rights(self) -> list[Right]:
        """Everything that the role's policies allow."""
        return list(self._rights("Allow"))

    def denials(self) -> list[Right]:
        """Everything that they deny."""
        return list(self._rights("Deny"))

    def _rights(self, effect: str) -> Iterator[Right]:
        roles = Roles(self.arns, **{"AWS::StackName": "maas", **(self.parameters or {})})
        for document in roles.documents(self.role):
            for statement in _listed(document["Statement"]):
                if statement["Effect"] != effect:
                    continue
                prefixes = tuple(map(self._name, _prefixes(statement)))
                for action in _listed(statement["Action"]):
                    for resource in _listed(statement["Resource"]):
                        yield Right(action, self._name(resource), prefixes)

    def _name(self, text: str) -> str:
        for old, new in self.renamed:
            text = text.replace(old, new)
        return text


def _prefixes(statement: Mapping[str, Any]) -> list[str]:
    condition = statement.get("Condition")
    if condition is None:
        return []
    assert list(condition) == ["StringLike"], condition
    assert list(condition["StringLike"]) == ["s3:prefix"], condition
    return _listed(condition["StringLike"]["s3:prefix"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
