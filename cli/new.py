"""`maas new`: a new model's folders, files and template block."""

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import console
from cli.failure import CommandError
from cli.target import JsonOption

if TYPE_CHECKING:
    from models.scaffold.parts import Parts


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name, in snake_case.")],
    *,
    from_csv: Annotated[
        str | None, typer.Option("--from-csv", metavar="FILE", help="Learn a column of this labelled file.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="The column to learn, with --from-csv.")
    ] = None,
    from_onnx: Annotated[
        Path | None, typer.Option("--from-onnx", metavar="FILE", help="Serve this ONNX file as it is.")
    ] = None,
    from_sklearn: Annotated[
        str | None,
        typer.Option(
            "--from-sklearn",
            metavar="MODULE:FUNCTION",
            help="Serve the fitted scikit-learn pipeline that this function returns; it is converted here.",
        ),
    ] = None,
    feature_names: Annotated[
        str | None,
        typer.Option("--feature-names", metavar="A,B,...", help="Names of the inputs of a finished model."),
    ] = None,
    summary: Annotated[str | None, typer.Option("--summary", help="What it does, in one line.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new model: its function, its training, example events and its block in the template.

    Give one of --from-csv, --from-onnx and --from-sklearn. What it makes works as it stands; then it is yours
    to change.
    """
    from models.scaffold.project import check_name, write

    root = _root()
    check_name(root, name)
    names = [one.strip() for one in (feature_names or "").split(",") if one.strip()]
    if [from_csv, from_onnx, from_sklearn].count(None) != 2:  # noqa: PLR2004 - one of three
        raise typer.BadParameter("give one of --from-csv, --from-onnx and --from-sklearn")
    if (from_csv is None) != (target is None):
        raise typer.BadParameter("--from-csv and --target go together", param_hint="--target")
    if from_csv is not None and target is not None:
        parts = _from_csv(name, from_csv, target, summary)
    elif from_onnx is not None:
        parts = _from_onnx(name, from_onnx, names, summary)
    else:
        parts = _from_sklearn(name, from_sklearn or "", names, summary)
    written = [str(path) for path in write(root, parts)]
    if as_json:
        console.emit({"model": name, "files": written, "remarks": parts.remarks})
        return
    for path in written:
        console.say(path)
    for remark in parts.remarks:
        console.remark(f"note: {remark}")
    console.say(f"next:  maas train {name} --out build/{name}")


def _from_csv(name: str, path: str, target: str, summary: str | None) -> "Parts":
    from models.scaffold.tabular import tabular

    return tabular(name, path, target, summary)


def _from_onnx(name: str, path: Path, names: list[str], summary: str | None) -> "Parts":
    from models.scaffold.adopted import adopted

    try:
        artifact = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from None
    return adopted(name, artifact, path.name, names, summary)


def _from_sklearn(name: str, place: str, names: list[str], summary: str | None) -> "Parts":
    from models.scaffold.adopted import adopted
    from models.scaffold.pipeline import to_onnx

    module, _, attribute = place.partition(":")
    if not module or not attribute:
        raise typer.BadParameter("write MODULE:FUNCTION", param_hint="--from-sklearn")
    # The console script's own folder is first on the path, not the one the person is in.
    sys.path.insert(0, str(Path.cwd()))
    try:
        made: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"{place} cannot be imported: {error}.") from error
    finally:
        sys.path.remove(str(Path.cwd()))
    estimator = made() if callable(made) else made
    artifact, known = to_onnx(estimator)
    return adopted(name, artifact, place, names or known, summary)


def _root() -> Path:
    """The checkout that this command belongs to."""
    import models

    root = Path(str(models.__file__)).parents[1]
    if not (root / "template.yaml").is_file():
        raise CommandError(f"{root} is no checkout of this project: it has no template.yaml.")
    return root
