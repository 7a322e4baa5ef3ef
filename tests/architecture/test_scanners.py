"""The scanners of `make audit` are called, and what they are told to overlook has a reason."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / ".ci" / "semgrep").glob("*.yaml"))


def test_scanners_are_part_of_check() -> None:
    """Whoever runs `make check` runs them, each of them."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^check: .*\baudit\b", makefile, re.MULTILINE)
    script = (ROOT / ".ci" / "audit").read_text()
    for scanner in ("bandit", "semgrep", "checkov", "cfn-lint", "pip-audit"):
        assert scanner in script


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.stem)
def test_every_rule_has_examples_of_both_kinds(rule: Path) -> None:
    """`semgrep scan --test` holds a rule to its examples, where there are any."""
    (name,) = re.findall(r"^  - id: (\S+)$", rule.read_text(), re.MULTILINE)
    assert name == rule.stem.replace("_", "-")
    examples = rule.with_suffix(".py").read_text()
    assert f"# ruleid: {name}\n" in examples
    assert f"# ok: {name}\n" in examples


def test_what_checkov_skips_has_a_reason() -> None:
    """Above every question that is answered otherwise stands how."""
    lines = (ROOT / ".ci" / "checkov.yaml").read_text().splitlines()
    skipped = lines[lines.index("skip-check:") + 1 :]
    assert skipped[0].startswith("  # ")
    assert all(re.fullmatch(r"  (# .{20,}|- CKV2?_\w+)", line) for line in skipped)


def test_what_bandit_skips_has_a_reason() -> None:
    """Each number has its line, and each line says what it is about."""
    text = (ROOT / "pyproject.toml").read_text()
    skipped = tomllib.loads(text)["tool"]["bandit"]["skips"]
    section = text[text.index("[tool.bandit]") :].partition("\n]")[0]
    assert skipped
    for number in skipped:
        assert re.search(rf'^    # .{{20,}}\n(    "B\d+",? ?#?.*\n)*    "{number}"', section, re.MULTILINE)


@pytest.mark.parametrize("folder", ["layers/common/maas", "functions", "models", "cli"])
def test_exceptions_from_our_rules_have_a_reason(folder: str) -> None:
    """A line that a rule is told to overlook names the rule and says why."""
    for source in (ROOT / folder).rglob("*.py"):
        for exception in re.findall(r"nosem.*|# nosec.*", source.read_text()):
            assert re.fullmatch(r"nosemgrep: [a-z-]+ - .{15,}", exception), f"{source}: {exception}"
