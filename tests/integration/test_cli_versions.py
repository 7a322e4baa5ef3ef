"""The commands on versions, against a registry in an emulated S3 bucket."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from maas.manifest import Baseline, DataSource, Manifest
from maas.registry import Registry
from tests.manifests import manifest_of

ARTIFACT = b"not a real network, but real bytes"


def manifest(minutes: int, error: float) -> Manifest:
    """A version made some minutes ago, with this mean absolute error."""
    return manifest_of(
        ARTIFACT,
        model="parking",
        created=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes),
        metrics={"mean_absolute_error": error, "coverage": 0.9},
        baseline=Baseline(name="same hour last week", metrics={"mean_absolute_error": 40.0}),
        data=DataSource(name="[a] lots", source="simulation", digest="0" * 64, rows=1000, simulated=True),
    )


@pytest.fixture
def versions(registry: Registry) -> tuple[str, str]:
    """Two published versions of a model: an older one and a better, newer one."""
    old, new = manifest(120, 20.0), manifest(5, 10.0)
    return registry.publish(old, ARTIFACT), registry.publish(new, ARTIFACT)


def maas(*arguments: str) -> Result:
    """Run a command that is expected to succeed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def document(*arguments: str) -> Any:
    """Run a command with --json; standard output must be one JSON document and nothing else."""
    return json.loads(maas(*arguments, "--json").stdout)


@pytest.mark.usefixtures("registry")
def test_an_empty_registry_says_what_to_do() -> None:
    """No models is no error: the answer is empty and the next step goes to standard error."""
    assert "Nothing is published" in (result := maas("models")).stdout
    assert "maas train" in result.stderr
    assert document("models") == []


def test_models_are_listed_with_the_scores_of_what_serves(
    registry: Registry, versions: tuple[str, str]
) -> None:
    """The list shows the newest version until one is promoted, and that one from then on."""
    old, new = versions
    [row] = document("models")
    assert (row["production"], row["newest"], row["score"], row["versions"]) == (None, new, 10.0, 2)
    registry.promote("parking", old, actor="a test", reason="")
    [row] = document("models")
    assert (row["production"], row["newest"], row["score"], row["baseline"]) == (old, new, 20.0, 40.0)
    shown = maas("models").stdout
    assert old in shown
    assert "50.0% better" in shown
    assert "2 h" in shown


def test_a_version_is_shown_on_one_page(versions: tuple[str, str]) -> None:
    """The card has scores, inputs, outputs, data and size; names with brackets stay whole."""
    old, new = versions
    shown = maas("show", "parking").stdout
    for text in (
        new,
        "mean_absolute_error",
        "75.0% better",
        "features",
        "FP32",
        "[a] lots: 1,000 rows",
        "34 B",
    ):
        assert text in shown
    assert old in maas("show", "parking", old[:8]).stdout
    full = document("show", "parking", old)
    assert full["version"] == old
    assert full["in_production"] is False
    assert Manifest.model_validate({k: full[k] for k in Manifest.model_fields if k in full}).version == old


def test_promote_and_rollback_move_the_pointer_and_are_remembered(versions: tuple[str, str]) -> None:
    """Every move names its version, person and reason in the history, newest first."""
    old, new = versions
    assert document("promote", "parking", old, "--reason", "first")["version"] == old
    assert "is in production" in maas("promote", "parking", new[:8], "--reason", "better [at] night").stdout
    assert document("show", "parking")["in_production"] is True
    assert document("rollback", "parking", "--reason", "worse after all")["version"] == old
    moves = document("history", "parking")
    assert [(move["seq"], move["action"], move["version"]) for move in moves] == [
        (3, "rollback", old),
        (2, "promote", new),
        (1, "promote", old),
    ]
    assert all(move["actor"] for move in moves)
    assert "better [at] night" in maas("history", "parking").stdout


def test_canary_is_started_widened_and_withdrawn(registry: Registry, versions: tuple[str, str]) -> None:
    """Each step is told with its share, shown by every command that lists versions, and remembered."""
    old, new = versions
    maas("promote", "parking", old)
    done = maas("promote", "parking", new, "--canary", "10")
    assert "Nobody widens it" in done.stderr
    assert "takes it back" in done.stderr
    shown = done.stdout
    assert f"{old} is in production" in shown
    assert f"{new} is the canary: it answers 10 % of the requests" in shown
    assert f"maas promote parking {new}" in shown
    [row] = document("models")
    assert (row["production"], row["canary"], row["canary_percent"]) == (old, new, 10)
    assert f"{new} 10 %" in maas("models").stdout
    assert "canary, answers 10 % of the requests" in maas("show", "parking", new).stdout
    assert f"in production beside the canary {new} 10 %" in maas("show", "parking").stdout
    card = document("show", "parking", new)
    assert (card["in_production"], card["canary"], card["canary_percent"]) == (False, new, 10)
    assert document("promote", "parking", new, "--canary", "50")["canary_percent"] == 50
    moved = document("withdraw", "parking", "--reason", "errors at noon")
    assert (moved["action"], moved["version"], moved["canary"]) == ("withdraw", old, None)
    moves = document("history", "parking")
    assert [(move["action"], move["canary_percent"]) for move in moves] == [
        ("withdraw", None),
        ("canary", 50),
        ("canary", 10),
        ("promote", None),
    ]
    assert f"{new} 50 %" in maas("history", "parking").stdout
    assert registry.history("parking")[0].reason == "errors at noon"


def test_shadow_is_started_and_ended(versions: tuple[str, str]) -> None:
    """A shadow is told apart from what answers, everywhere; ending it alone leaves the rest."""
    old, new = versions
    maas("promote", "parking", old)
    assert f"{new} is the shadow" in maas("promote", "parking", new, "--shadow").stdout
    assert document("models")[0]["shadow"] == new
    assert f"{new} 10 %" not in maas("models").stdout
    assert "shadow" in maas("show", "parking", new).stdout
    assert f"in production beside the shadow {new}" in maas("show", "parking").stdout
    moved = document("withdraw", "parking", "--shadow")
    assert (moved["action"], moved["shadow"]) == ("shadow", None)
    assert "not in production" in maas("show", "parking", new).stdout


@pytest.mark.parametrize(
    "options",
    [["--canary", "10", "--shadow"], ["--canary", "0"], ["--canary", "100"], ["--canary", "many"]],
    ids=" ".join,
)
def test_impossible_trials_are_wrong_usage(versions: tuple[str, str], options: list[str]) -> None:
    """Two trials at once, no share, everybody: exit code 2, and nothing moves."""
    old, new = versions
    maas("promote", "parking", old)
    assert CliRunner().invoke(app, ["promote", "parking", new, *options]).exit_code == 2
    assert len(document("history", "parking")) == 1


def test_a_model_never_promoted_has_an_empty_history(versions: tuple[str, str]) -> None:
    """An empty history is an answer, for people and for programs."""
    assert versions
    assert document("history", "parking") == []
    assert "never been in production" in maas("history", "parking").stdout


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["show", "parkign"], "parkign"),
        (["show", "parking", "00000000"], "00000000"),
        (["promote", "parking", "00000000", "--reason", "x"], "00000000"),
        (["rollback", "parking"], "no earlier version"),
        (["withdraw", "parking"], "promote a version first"),
    ],
)
def test_what_is_not_there_is_one_clear_message(arguments: list[str], text: str) -> None:
    """Unknown models and versions are errors with a next step, never tracebacks; JSON output stays empty."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_damaged_model_does_not_hide_the_others(registry: Registry, versions: tuple[str, str]) -> None:
    """A pointer that cannot be read is reported on its model's line; the list goes on."""
    registry.publish(manifest_of(ARTIFACT, model="traffic_flow"), ARTIFACT)
    registry.store.put("models/traffic_flow/production.json", b"{}")
    rows = {row["model"]: row for row in document("models")}
    assert rows["parking"]["newest"] == versions[1]
    assert rows["parking"]["problem"] is None
    assert "production.json" in rows["traffic_flow"]["problem"]
    assert "damaged" in maas("models").stdout


@pytest.mark.usefixtures("registry")
def test_a_bucket_that_is_not_there_is_named() -> None:
    """A wrong bucket name is reported with the name."""
    result = CliRunner().invoke(app, ["models", "--registry", "s3://another-bucket"])
    assert result.exit_code == 1
    assert "another-bucket" in result.stderr
