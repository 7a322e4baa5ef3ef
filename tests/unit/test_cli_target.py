"""Which stack a command works on."""

from pathlib import Path

import pytest
import typer

from cli.emulator import Emulator
from cli.failure import CommandError
from cli.target import resolve


@pytest.mark.parametrize("name", ["s3://models-1", "models-1", "s3://models-1/"])
def test_a_bucket_is_named_with_or_without_its_scheme(name: str) -> None:
    """The option's form and the environment's bare name both work."""
    assert resolve(registry=name).bucket == "models-1"


def test_what_was_named_is_never_mixed_with_the_local_stack() -> None:
    """A named registry has no address of its own: predicting asks for --url rather than calling elsewhere."""
    target = resolve(registry="s3://models-1")
    assert target.stack is None
    with pytest.raises(CommandError, match="No API"):
        _ = target.url
    with pytest.raises(CommandError, match="No model registry"):
        _ = resolve(url="https://models.example.org/").bucket


def test_an_address_loses_its_last_slash() -> None:
    """Paths are appended to it."""
    assert resolve(url="https://models.example.org/prod/").url == "https://models.example.org/prod"


@pytest.mark.parametrize(
    "named", [{"registry": "arn:aws:s3:::b"}, {"registry": "s3://b/k"}, {"url": "example.org"}]
)
def test_other_forms_are_wrong_usage(named: dict[str, str]) -> None:
    """A key, an ARN or a bare host is refused before anything is called."""
    with pytest.raises(typer.BadParameter):
        resolve(**named)


def test_with_nothing_running_and_nothing_named_there_is_no_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty state folder is no stack."""
    monkeypatch.setattr(Emulator.__init__, "__defaults__", (tmp_path,))
    assert not resolve().found
