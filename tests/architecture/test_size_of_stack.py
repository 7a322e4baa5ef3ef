"""A stack's size: how many models fit, and what a deployment leaves behind."""

import pytest

from models.scaffold.project import MOST_MODELS
from models.scaffold.template_block import inserted, models_in
from tests.policies.template import ROOT, Template, transformed

TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
QUOTA = 500  # CloudFormation's, of resources declared in a template


@pytest.fixture(scope="module")
def present() -> Template:
    """The template as it is."""
    return transformed(TEXT)


@pytest.mark.parametrize("authentication", ["AWS_IAM", "JWT"])
def test_as_many_models_fit_as_are_allowed(authentication: str) -> None:
    """With the last model that `maas new` makes the stack is within the quota, with one more it is not."""
    one_more = inserted(TEXT, "one_more", "One more.")
    now = len(transformed(TEXT, Authentication=authentication).resources)
    of_a_model = len(transformed(one_more, Authentication=authentication).resources) - now
    full = now + of_a_model * (MOST_MODELS - models_in(TEXT))
    assert full <= QUOTA < full + of_a_model


def test_replaced_versions_of_functions_go(present: Template) -> None:
    """A version whose code was replaced is removed: its cached snapshot would be paid for ever after."""
    kinds = {
        name: resource.get("DeletionPolicy")
        for name, resource in present.resources.items()
        if resource["Type"] == "AWS::Lambda::Version"
    }
    assert len(kinds) > models_in(TEXT)
    assert set(kinds.values()) == {"Delete"}
