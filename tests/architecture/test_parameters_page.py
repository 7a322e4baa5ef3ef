"""The page of the stack's parameters says what the template says."""

from samcli.yamlhelper import yaml_parse

from tests.parameters_page import PAGE, ROOT, page, present


def test_the_page_is_made_from_the_template_as_it_is() -> None:
    """Whoever changes a parameter makes the page again: `python -m tests.parameters_page`."""
    assert PAGE.read_text(encoding="utf-8") == present()


def test_every_parameter_has_its_row() -> None:
    """None is missing from the groups, and a changed default shows."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    text = page(template)
    for name in template["Parameters"]:
        assert text.count(f"| `{name}` |") == 1
    template["Parameters"]["LogLevel"]["Default"] = "WARNING"
    assert page(template) != text
