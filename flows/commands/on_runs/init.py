"""`tripletmine init`: write an example run file."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ....pipeline.errors import SpecError
from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug


def example_names() -> list[str]:
    """The examples that come with the package."""
    files = resources.files("tripletmine.flows").joinpath("examples").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def init(
    name: Annotated[
        str,
        typer.Argument(help="digits, fashion-mnist, image-folder, table or arrays.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; by default NAME.toml here.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write an example run file, with a comment at every key worth knowing."""
    with reporting(debug):
        if name not in example_names():
            raise SpecError(f"there is no example {name!r}: choose one of {', '.join(example_names())}")
        path = out or Path(f"{name}.toml")
        text = resources.files("tripletmine.flows").joinpath("examples", f"{name}.toml").read_text("utf-8")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise SpecError(f"{path} exists already: remove it, or choose another name with --out") from None
        say(f"wrote {path}")
        say(f"next: tripletmine check {path}, then tripletmine run {path}")
