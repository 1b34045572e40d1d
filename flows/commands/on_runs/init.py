"""`tripletmine init`: write an example run file."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ....pipeline.errors import SpecError
from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug

_BESIDE = {"letters": ("letters-unmined",)}
"""Run files that come with another one, to be compared with it."""


def example_names() -> list[str]:
    """The examples that come with the package."""
    files = resources.files("tripletmine.flows").joinpath("examples").iterdir()
    stems = {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}
    return sorted(stems - {beside for others in _BESIDE.values() for beside in others})


def init(
    name: Annotated[
        str,
        typer.Argument(
            help="letters, digits, fashion-mnist, image-folder, table or arrays.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write it; by default NAME.toml here. A second run file goes beside it, "
            "as FILE-unmined.toml.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write an example run file, with a comment at every key worth knowing.

    letters writes two, with mining and without, to be compared.
    """
    with reporting(debug):
        if name not in example_names():
            raise SpecError(f"there is no example {name!r}: choose one of {', '.join(example_names())}")
        first = out or Path(f"{name}.toml")
        paths = {name: first}
        for beside in _BESIDE.get(name, ()):
            paths[beside] = first.with_stem(first.stem + beside.removeprefix(name))
        for path in paths.values():
            # All before any is written.
            if path.exists() or path.is_symlink():
                raise SpecError(f"{path} exists already: remove it, or choose another name with --out")
        for example, path in paths.items():
            _write(path, example)
        runs = [f"tripletmine run {path}" for path in paths.values()]
        if len(runs) == 1:
            say(f"next: tripletmine check {first}, then {runs[0]}")
        else:
            compare = f"tripletmine compare {' '.join(map(str, paths.values()))}"
            say(f"next: {', '.join(runs)}, then {compare}")


def _write(path: Path, example: str) -> None:
    text = resources.files("tripletmine.flows").joinpath("examples", f"{example}.toml").read_text("utf-8")
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    say(f"wrote {path}")
