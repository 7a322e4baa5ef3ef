"""What the pages tell people to type exists, and what they link to is there."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bench/*.md"), *ROOT.glob("requirements/*.md")]
)
COMMAND = re.compile(r"^\$ (maas .*)$|`(maas [a-z][^`]*)`", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")  # a pattern in it may look like a link
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def commands(page: Path) -> list[str]:
    found = (first or second for first, second in COMMAND.findall(page.read_text(encoding="utf-8")))
    return [re.split(r"\s{2,}#| # ", command)[0].strip() for command in found]


TYPED = sorted({(page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in commands(page)})


@pytest.mark.parametrize(("page", "command"), TYPED)
def test_a_command_can_be_typed(page: str, command: str) -> None:
    """Every `maas` command of the pages is one, and takes the options shown."""
    words = shlex.split(command.replace("...", "x").replace("[", "").replace("]", ""))[1:]
    group = typer.main.get_command(app)
    at = group
    while words and not words[0].startswith("-") and words[0] in getattr(at, "commands", {}):
        at = at.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert at is not group, f"{page}: {command}"
    known = {option for parameter in at.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known | {"--help", "-h"}, f"{page}: {command}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Links within the project name files that are there."""
    wanted = set(LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))))
    assert not [link for link in sorted(wanted) if not (page.parent / link).exists()]


def test_the_readme_leads_to_every_page() -> None:
    """A page that the README does not link is found by nobody."""
    wanted = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert {page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md")} <= wanted
