"""What the monitor is told by the template."""

import re
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from maas.errors import ConfigurationError
from maas.monitor.settings import MonitorSettings

ROOT = Path(__file__).resolve().parents[2]


def test_everything_has_a_default() -> None:
    """A day and a week are looked at, captures live for thirty days, and nothing is trained."""
    assert MonitorSettings.from_environment({}) == MonitorSettings((24.0, 168.0), "", 1.25, 30)


def test_every_variable_of_the_template_is_read() -> None:
    """And none is read that the template does not set; what it takes by default is the same on both sides."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    variables = template["Resources"]["MonitorFunction"]["Properties"]["Environment"]["Variables"]
    known = set(re.findall(r'"(MAAS_\w+)"', (ROOT / "layers/common/maas/monitor/settings.py").read_text()))
    assert {name for name in variables if name.startswith("MAAS_")} == known
    given = {
        name: str(template["Parameters"][node["Ref"]]["Default"])
        for name, node in variables.items()
        if isinstance(node, dict) and "Ref" in node
    }
    assert MonitorSettings.from_environment(given) == MonitorSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAAS_CAPTURE_RETENTION_DAYS", "0"),
        ("MAAS_CAPTURE_RETENTION_DAYS", "long"),
        ("MAAS_DRIFT_THRESHOLD", "0.9"),
        ("MAAS_MONITOR_WINDOWS", "soon"),
    ],
)
def test_nonsense_is_refused(name: str, value: str) -> None:
    """A window, a ratio or a number of days that cannot be."""
    with pytest.raises(ConfigurationError):
        MonitorSettings.from_environment({name: value})
