"""The command as a whole: help, exit codes, error messages, start-up."""

import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli import failure
from cli.emulator import Emulator
from cli.main import app
from cli.predict import contract
from maas import errors


def commands(group: Any, before: str = "") -> dict[str, Any]:
    """Every command by the words that call it, those of groups of commands too."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= commands(command, f"{before}{name} ") if inner else {f"{before}{name}": command}
    return found


COMMANDS = commands(get_command(app))
HEAVY = ("boto3", "botocore", "matplotlib", "numpy", "onnxruntime", "pandas", "sklearn", "urllib.request")


@pytest.fixture
def no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty state folder, so that no local stack of this computer is found."""
    monkeypatch.setattr(Emulator.__init__, "__defaults__", (tmp_path,))
    for name in ("MAAS_MODELS_BUCKET", "MAAS_API_URL", "MAAS_STACK", "MAAS_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def test_importing_the_command_imports_nothing_heavy() -> None:
    """`maas --help` must not wait for the libraries that only some commands need."""
    code = f"import sys, cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    """Each command's help has a sentence, an example that runs it, and a text for every option."""
    command = COMMANDS[name]
    assert command.help.strip()
    examples = [line.removeprefix("Example: ") for line in command.epilog.split("\n\n")]
    assert all(example.startswith(f"maas {name}") for example in examples)
    assert all(parameter.help for parameter in command.params)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_example_has_options_the_command_knows(name: str) -> None:
    """An example in the help parses: no option in it is misspelt or missing."""
    command = COMMANDS[name]
    for line in command.epilog.split("\n\n"):
        arguments = shlex.split(line.removeprefix(f"Example: maas {name}"))
        command.make_context(name, arguments, resilient_parsing=False)


@pytest.mark.parametrize("name", ["predict", "explain"])
def test_every_example_names_fields_that_the_model_has(name: str) -> None:
    """What --field sets in an example is a field of that model's record."""
    for line in COMMANDS[name].epilog.split("\n\n"):
        _, _, model, *options = shlex.split(line.removeprefix("Example: "))
        given = {text.partition("=")[0] for option, text in pairwise(options) if option == "--field"}
        found = contract(model)
        assert found is not None
        assert given <= set(found.fields)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"openapi"}))
def test_every_command_speaks_json(name: str) -> None:
    """Programs can ask every command for JSON; `openapi` writes nothing else."""
    assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


@pytest.mark.usefixtures("no_stack")
@pytest.mark.parametrize(
    "arguments",
    [
        ["models"],
        ["show", "traffic_flow"],
        ["history", "traffic_flow", "--json"],
        ["promote", "traffic_flow", "12345678", "--reason", "x"],
        ["rollback", "traffic_flow"],
        ["train", "traffic_flow"],
        ["predict", "traffic_flow"],
        ["status", "--json"],
    ],
)
def test_without_a_stack_a_command_says_how_to_get_one(arguments: list[str]) -> None:
    """Nothing to work on is one line, a next step and exit code 1, with nothing on standard output."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "maas up" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("no_stack")
@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["promote", "traffic_flow"],
        ["predict", "traffic_flow", "--protocol", "v3"],
        ["predict", "traffic_flow", "--url", "ftp://example.com"],
        ["predict", "m", "--url", "http://127.0.0.1:9", "--instances", "{}", "--field", "a=1"],
        ["models", "--registry", "s3://bucket/and/key"],
        ["up", "--port", "80"],
        ["train", "--registry", "b"],
        ["train", "traffic_flow", "--all", "--registry", "b"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    """Whoever calls the command wrongly is told so before anything happens."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.usefixtures("no_stack")
@pytest.mark.parametrize(
    "how", [{"args": ["--debug", "models"]}, {"args": ["models"], "env": {"MAAS_DEBUG": "1"}}]
)
def test_debug_adds_the_traceback(how: dict[str, Any]) -> None:
    """Whoever asks for it gets the traceback beside the message."""
    result = CliRunner().invoke(app, **how)
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "error: No model registry" in result.stderr


def test_an_error_shows_places_and_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    """Each faulty place is named with its pointer; brackets in it are text, not markup."""
    places = [errors.FieldError("/instances/0/hour", "should be [0..23]")]
    failure.report(errors.InvalidRecord("One value is not permitted.", errors=places), debug=False)
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "error: One value is not permitted."
    assert shown[1].split() == ["/instances/0/hour", "should", "be", "[0..23]"]
    assert shown[2].startswith("next:")


def test_an_unexpected_error_keeps_its_name_and_offers_the_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A fault of ours is reported as one line that says how to see more."""
    failure.report(ZeroDivisionError("division by zero"), debug=False)
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in shown
    assert "--debug" in shown


def test_next_steps_are_of_errors_that_exist() -> None:
    """Each advice is reachable: a class of that name is raised somewhere."""
    known = {name for name in dir(errors) if isinstance(getattr(errors, name), type)}
    assert set(failure.NEXT_STEPS) - known == {"EmulatorError", "StackError"}


def test_the_most_specific_advice_wins() -> None:
    """A version that is missing has its own advice, a damaged one that of its family."""
    assert failure.next_step(errors.VersionNotFound("x")) == failure.NEXT_STEPS["VersionNotFound"]
    assert failure.next_step(errors.DigestMismatch("x")) == failure.NEXT_STEPS["IntegrityError"]
