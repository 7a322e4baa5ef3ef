"""What a role of the template permits, and whether it does so for a use or without one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.iam import Roles
from tests.rights.calls import Call

# What a `Ref` to them is: an ARN, not a name.
_BY_ARN = {"AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}


class Right(NamedTuple):
    """One action on one resource, as a statement permits it; for listings, of one prefix."""

    action: str
    resource: str
    prefix: str | None = None

    def covers(self, call: Call) -> bool:
        """Whether a use is within the right."""
        return (
            self.action == call.action
            and fnmatchcase(call.resource, self.resource)
            and (self.prefix is None or fnmatchcase(call.prefix or "", self.prefix))
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
        roles = _Roles(self.arns, **{"AWS::StackName": "maas", **(self.parameters or {})})
        for document in roles.documents(self.role):
            for statement in _listed(document["Statement"]):
                if statement["Effect"] != effect:
                    continue
                yield from (
                    Right(action, self._name(resource), prefix and self._name(prefix))
                    for action in _listed(statement["Action"])
                    for resource in _listed(statement["Resource"])
                    for prefix in _prefixes(statement)
                )

    def _name(self, text: str) -> str:
        for old, new in self.renamed:
            text = text.replace(old, new)
        return text


class _Roles(Roles):
    def _named(self, name: str) -> str:
        if name in self._resources and self._resources[name]["Type"] in _BY_ARN:
            return self._arn(name)
        return super()._named(name)

    def _computed(self, function: str, value: Any, *, keep: str | None) -> Any:
        if function == "Fn::GetAtt" and value[1] == "Id":  # of a secret: its ARN
            return self._arn(value[0])
        return super()._computed(function, value, keep=keep)


def _prefixes(statement: Mapping[str, Any]) -> list[Any]:
    condition = statement.get("Condition")
    if condition is None:
        return [None]
    assert list(condition) == ["StringLike"], condition
    assert list(condition["StringLike"]) == ["s3:prefix"], condition
    return _listed(condition["StringLike"]["s3:prefix"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
