"""Writes docs/parameters.md from the template: `python -m tests.parameters_page`."""

from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "parameters.md"
_INTRODUCTION = """\
# Parameters of the stack

Made from `template.yaml` by `python -m tests.parameters_page`, not by hand; a test holds it to the template.

They stand in `parameter_overrides` of an environment's section in `samconfig.toml`, as
`["Environment=prod", "Tracing=on", "MonitorSchedule=\\"rate(1 day)\\""]`. A parameter that is not named there
has its default in a new stack and keeps its last value in one that exists:
[deploy.md](deploy.md#later-deployments).
"""
_HEADER = "| parameter | default | allowed | what it says |\n|---|---|---|---|"


def page(template: dict[str, Any]) -> str:
    """The page, its tables in the order of the template's groups."""
    parameters = template["Parameters"]
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    parts = [_INTRODUCTION]
    for group in groups:
        rows = "\n".join(_row(name, parameters[name]) for name in group["Parameters"])
        parts.append(f"## {group['Label']['default']}\n\n{_HEADER}\n{rows}\n")
    return "\n".join(parts)


def _row(name: str, parameter: dict[str, Any]) -> str:
    default = _value(parameter["Default"]) if "Default" in parameter else "none: it must be given"
    cells = (f"`{name}`", default, _allowed(parameter), parameter["Description"])
    return f"| {' | '.join(cell.replace('|', '\\|').replace('<', '&lt;') for cell in cells)} |"


def _allowed(parameter: dict[str, Any]) -> str:
    if "AllowedValues" in parameter:
        return ", ".join(map(_value, parameter["AllowedValues"]))
    least, most = parameter.get("MinValue"), parameter.get("MaxValue")
    if least is not None:
        return f"{least} to {most}" if most is not None else f"{least} or more"
    if "AllowedPattern" in parameter:
        return f"`{parameter['AllowedPattern']}`"
    return "a list, with commas" if parameter["Type"] == "CommaDelimitedList" else "text"


def _value(value: object) -> str:
    return "empty" if value == "" else str(value)


def present() -> str:
    """The page as the template has it now."""
    return page(yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8")))


if __name__ == "__main__":
    PAGE.write_text(present(), encoding="utf-8")
