"""`maas openapi`: the description of the API, printed, or put where the catalogue serves it from."""

import gzip
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from maas.endpoint import Endpoint

SERVED = Path("functions") / "catalogue" / "static" / "openapi.json.gz"
"""Where the catalogue's function looks for it, in the repository's root; a tenth of the document's size."""


def openapi(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it there instead, packed if the name ends in .gz."
        ),
    ] = None,
) -> None:
    """Print the OpenAPI 3.1 document of all models' functions, made from their contracts."""
    made = described()
    if output is None:
        typer.echo(made, nl=False)
    else:
        output.write_bytes(_bytes(output, made))


def write(root: Path) -> None:
    """Put the document where the catalogue serves it from, if another one lies there."""
    target = root / SERVED
    if not target.parent.parent.is_dir():
        return
    made = _bytes(target, described())
    if not target.is_file() or target.read_bytes() != made:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(made)


def _bytes(path: Path, text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()


def described() -> str:
    """The document's text."""
    from cli.openapi.document import document, text

    return text(document(endpoints()))


def endpoints() -> "list[Endpoint[Any, Any]]":
    """The handlers of all models' functions in this checkout, by name."""
    import functions
    from maas.endpoint import Endpoint

    names = sorted(
        file.parent.name for folder in functions.__path__ for file in Path(folder).glob("*/handler.py")
    )
    handlers = [getattr(import_module(f"functions.{name}.handler"), "handler", None) for name in names]
    return [handler for handler in handlers if isinstance(handler, Endpoint)]
