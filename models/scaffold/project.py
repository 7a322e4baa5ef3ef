"""A new model in the repository: its folders, its files, its block in the template."""

import re
from pathlib import Path

from maas.errors import AlreadyExists, ConfigurationError
from maas.manifest import MODEL_NAME_PATTERN
from models.scaffold.events import events
from models.scaffold.parts import Parts, title_of
from models.scaffold.template_block import inserted, models_in

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")
# CloudFormation takes 500 resources in a stack: 19 for each model, and some 125 for all else.
MOST_MODELS = 19
_README = """\
# {title}

{summary}

Made by `maas new`. `{command}` trains it and writes this card anew,
with figures and plots.
"""


def check_name(root: Path, name: str) -> None:
    """Refuse a name that no model can have, or that one has.

    Raises:
        ConfigurationError: It is not snake_case of words that begin with a letter.
        AlreadyExists: There is such a folder.
    """
    if not _NAME.fullmatch(name) or not re.fullmatch(MODEL_NAME_PATTERN, name):
        raise ConfigurationError(f"{name!r} is no model name: words of a to z and 0 to 9 joined by _")
    for folder in ("functions", "models"):
        if (root / folder / name).exists() or (root / folder / f"{name}.py").exists():
            raise AlreadyExists(f"{folder}/{name} exists already")


def write(root: Path, parts: Parts) -> list[Path]:
    """Write a new model into the repository at `root`; nothing is written if anything is in the way.

    Returns:
        The files, in the order they are best read, the changed template last.

    Raises:
        AlreadyExists: There is such a model.
        ConfigurationError: The template is not as expected, or full.
    """
    check_name(root, parts.name)
    template = root / "template.yaml"
    present = template.read_text(encoding="utf-8")
    if models_in(present) >= MOST_MODELS:
        raise ConfigurationError(
            f"template.yaml has {MOST_MODELS} models, and CloudFormation takes no more resources in a stack: "
            "take a model out, or deploy further models as a stack of their own (docs/deploy.md)"
        )
    changed = inserted(present, parts.name, parts.summary)
    function, model = Path("functions") / parts.name, Path("models") / parts.name
    command = f"python -m models {parts.name} {parts.how_to_train}".strip()
    readme = _README.format(title=title_of(parts.name), summary=parts.summary, command=command)
    files: dict[Path, bytes] = {
        function / "handler.py": parts.handler.encode(),
        function / "__init__.py": b"",
        model / "train.py": parts.train.encode(),
        model / "__init__.py": b"",
        model / "README.md": readme.encode(),
    }
    files |= {model / name: content for name, content in parts.files.items()}
    made = events(parts.name, parts.record, parts.refused)
    files |= {function / "events" / name: text.encode() for name, text in made.items()}
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    template.write_text(changed, encoding="utf-8")
    return [*files, Path("template.yaml")]
