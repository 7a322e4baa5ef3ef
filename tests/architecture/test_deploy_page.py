"""What docs/deploy.md says of size and price, computed from the template and the table of prices."""

import re

import pytest

from maas.prices import HOURS_PER_MONTH, SNAPSTART_CACHE_GIGABYTE_SECOND, Cost
from models.scaffold.project import MOST_MODELS
from tests.policies.template import ROOT, transformed

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
ALARM_METRIC, KEY = 0.10, 1.00  # dollars a month: CloudWatch's and KMS's list prices


@pytest.fixture(scope="module")
def costs() -> dict[str, float]:
    """What a stack with default parameters has that costs something while nobody calls."""
    template = transformed()
    memory = [one["MemorySize"] for one in template.of("AWS::Lambda::Function").values()]
    alarms = [
        sum("MetricStat" in metric for metric in resource["Properties"].get("Metrics", ())) or 1
        for resource in template.resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in resource
    ]
    return {
        "functions": len(memory),
        "gigabytes": sum(memory) / 1024,
        "snapshots": sum(Cost(0, megabytes).standing for megabytes in memory),
        "alarms": len(alarms),
        "metrics": sum(alarms),
    }


def test_the_table_of_costs_is_the_template_s(costs: dict[str, float]) -> None:
    """Functions, memory, alarms and dollars are those of the template as it is."""
    gigabyte = SNAPSTART_CACHE_GIGABYTE_SECOND * HOURS_PER_MONTH * 3600
    memory = f"{costs['functions']} functions with {costs['gigabytes']:.1f} GB of memory"
    snapshots = f"{memory}, {gigabyte:.2f} dollars a GB"
    alarms = f"{costs['alarms']} alarms on {costs['metrics']} metrics, {ALARM_METRIC:.2f} dollars each"
    rows = dict(re.findall(r"^\| (.+?) \| \**(\d+)\** \|$", PAGE, re.MULTILINE))
    assert rows[f"cached snapshots: {snapshots}"] == f"{costs['snapshots']:.0f}"
    assert rows[alarms] == f"{ALARM_METRIC * costs['metrics']:.0f}"
    assert rows["the signing key, `Signing=on`"] == f"{KEY:.0f}"
    assert rows["**together**"] == f"{costs['snapshots'] + ALARM_METRIC * costs['metrics'] + KEY:.0f}"


def test_the_number_of_models_is_the_one_that_is_allowed() -> None:
    """The page and `maas new` agree."""
    assert f"**{MOST_MODELS} models in one stack**" in PAGE
