"""The console's page meets the bucket that it sends files to: by rules for browsers, and without a circle."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.policies.template import Template, transformed

PARAMETERS = {"AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com", "Environment": "prod"}
API = "https://abcdef1234.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture(scope="module")
def template() -> Template:
    """The whole stack, with tokens, so that the console has a login."""
    return transformed(Authentication="JWT")


def resolved(node: Any, values: dict[str, str]) -> Any:
    """A value as CloudFormation makes it; HasConsoleUrl is the one condition that is known."""
    made = node
    match node:
        case list():
            made = [resolved(item, values) for item in node]
        case {"Ref": name}:
            made = values[name]
        case {"Fn::If": ["HasConsoleUrl", given, otherwise]}:
            made = resolved(given if values["ConsoleUrl"] else otherwise, values)
        case {"Fn::Split": [separator, text]}:
            made = resolved(text, values).split(separator)
        case {"Fn::Select": [index, items]}:
            made = resolved(items, values)[int(index)]
        case {"Fn::Sub": [text, named]}:
            made = resolved(
                {"Fn::Sub": text}, values | {name: resolved(named[name], values) for name in named}
            )
        case {"Fn::Sub": str(text)}:
            made = re.sub(r"\$\{([\w:]+)\}", lambda found: values[found.group(1)], text)
    return made


@pytest.mark.parametrize(
    ("console_url", "page", "foreign"),
    [
        ("", f"{API}/prod/", "https://example.com"),
        ("https://models.example.com/maas/", "https://models.example.com/maas/", API),
    ],
)
def test_browsers_may_send_files_from_where_the_console_is(
    template: Template, console_url: str, page: str, foreign: str
) -> None:
    """The page's origin may PUT and GET with any header; pages of other sites may not."""
    values = PARAMETERS | {"ConsoleUrl": console_url, "Api": "abcdef1234"}
    (rule,) = template.of("AWS::S3::Bucket")["DataBucket"]["CorsConfiguration"]["CorsRules"]
    assert set(rule["AllowedMethods"]) == {"GET", "PUT"}
    assert rule["AllowedHeaders"] == ["*"]
    origins = resolved(rule["AllowedOrigins"], values)
    assert all(origin.count("*") <= 1 for origin in origins)  # S3 takes no more

    def permitted(origin: str) -> bool:
        return any(fnmatch(origin, pattern) for pattern in origins)

    assert permitted("/".join(page.split("/")[:3]))
    assert permitted("http://127.0.0.1:8080")  # `maas proxy`
    assert not permitted(foreign)
    assert not permitted("http://127.0.0.1.example.com")
    assert resolved(template.whole["Outputs"]["ConsoleUrl"]["Value"], values) == page


def test_no_resource_waits_for_itself(template: Template) -> None:
    """The functions know the bucket and the API knows the functions: the bucket cannot name the API."""
    needs = {
        name: references(resource) & template.resources.keys() - {name}
        for name, resource in template.resources.items()
    }
    while ready := {name for name, found in needs.items() if not found}:
        needs = {name: found - ready for name, found in needs.items() if name not in ready}
    assert needs == {}


def references(node: Any) -> set[str]:
    """The names that a value refers to, by whichever function."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, inner in node.items():
        match key, inner:
            case (("Ref" | "DependsOn"), str()):
                found.add(inner)
            case "DependsOn", list():
                found |= set(inner)
            case "Fn::GetAtt", [name, *_]:
                found.add(name)
            case "Fn::GetAtt", str():
                found.add(inner.partition(".")[0])
            case "Fn::Sub", _:
                text = inner if isinstance(inner, str) else inner[0]
                found |= {name.partition(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", text)}
                found |= references(inner)
            case _:
                found |= references(inner)
    return found
