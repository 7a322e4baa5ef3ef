"""How `maas train` turns its options into a way to search, and which options do not go together."""

from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.parts import leading, way_to_search
from cli.target import resolve
from models.catalogue import find
from models.processes import Processes
from models.search_results import SearchResults
from models.selection import Search
from models.trial import one_by_one


def test_options_choose_the_way(models_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process tries here, several spread, and results of a search are read and not made."""
    target = resolve(f"s3://{models_bucket}")

    def way(**given: Any) -> Search:
        return way_to_search(target, "digits", **{"jobs": 1, "choose_from": None, **given})

    assert way() is one_by_one
    assert way(jobs=3) == Processes(3)
    with monkeypatch.context() as patched:
        patched.setenv("AWS_BATCH_JOB_NUM_NODES", "2")
        assert way(jobs=3) is one_by_one
    found = way(choose_from="may", jobs=3)
    assert isinstance(found, SearchResults)
    assert found.key(2) == "searches/digits/may/2.json"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trial-of", "s"], "needed outside an array job"),
        (["--trial-of", "s", "--candidate", "99"], "there is no candidate 99"),
        (["--trial-of", "../s", "--candidate", "0"], "no name of a search"),
        (["--choose-from", "s"], "no result at s3://"),
        (["--jobs", "0"], "--jobs"),
        (["--remote", "--search", "--nodes", "2"], "do not ask for"),
        (["--remote", "--promote", "--search"], "do not ask for"),
    ],
)
def test_what_does_not_work_is_said(models_bucket: str, arguments: list[str], message: str) -> None:
    """One clear message, before any training."""
    bucket = [] if "--remote" in arguments else ["--registry", f"s3://{models_bucket}"]
    result = CliRunner().invoke(app, ["train", "public_safety", *arguments, *bucket])
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())


def test_one_machine_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a job of several nodes nothing is waited for."""
    monkeypatch.delenv("AWS_BATCH_JOB_NUM_NODES", raising=False)
    with leading(find("digits")) as leads:
        assert leads
