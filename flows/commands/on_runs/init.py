"""`tripletmine init`: write an example run file."""

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ....pipeline.errors import SpecError
from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, in_options
from .standard_set import STANDARD_SETS, standard_run_file

_BESIDE = {"letters": ("letters-unmined",)}
"""Run files that are written together with another one, for comparison."""


def example_names() -> list[str]:
    """The examples that come with the package."""
    files = resources.files("tripletmine.flows").joinpath("examples").iterdir()
    stems = {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}
    return sorted(stems - {beside for others in _BESIDE.values() for beside in others})


def init(
    name: Annotated[
        str,
        typer.Argument(
            help="letters, digits, fashion-mnist, image-folder, table or arrays; with --data a standard data set: cub, "
            "cars, sop, in-shop or market.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write; default: NAME.toml. The run takes the file's name. letters also writes "
            "FILE-unmined.toml.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For cub, cars, sop, in-shop, market: the folder with the official data.",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[str, typer.Option(help="For these: resnet50 or vit-s.")] = "resnet50",
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For these: file of the encoder's pretrained weights, as timm stores them; by default timm downloads "
            "them.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write an example run file, with comments on the important keys.

    letters writes two run files, with and without mining, to compare. cub, cars, sop, in-shop and market also write a
    table of the pictures, with the split that papers use.
    """
    with reporting(debug), in_options(init):
        if name in STANDARD_SETS:
            _init_standard(name, out or Path(f"{name}.toml"), data, encoder, weights)
            return
        if name not in example_names():
            raise SpecError(
                f"there is no example {name!r}: choose one of {', '.join((*example_names(), *STANDARD_SETS))}"
            )
        if data is not None or weights is not None or encoder != "resnet50":
            raise SpecError(
                f"--data, --encoder and --weights are for {', '.join(STANDARD_SETS)}: leave them out"
            )
        first = out or Path(f"{name}.toml")
        paths = {name: first}
        for beside in _BESIDE.get(name, ()):
            paths[beside] = first.with_stem(first.stem + beside.removeprefix(name))
        for path in paths.values():
            # All are checked before any is written.
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


def _init_standard(name: str, path: Path, data: Path | None, encoder: str, weights: Path | None) -> None:
    """A run file and, beside it, the table that it reads."""
    from ....pipeline.data.standard_sets.readers import READERS
    from ....pipeline.data.standard_sets.table import described, write_listed

    if data is None:
        raise SpecError(f"--data is missing: give the folder into which {name} was unpacked")
    table = path.with_suffix(".csv")
    for each in (path, table):
        if each.exists() or each.is_symlink():
            raise SpecError(f"{each} exists already: remove it, or choose another name with --out")
    text = standard_run_file(name, table, encoder, weights)
    rows = READERS[name](data)
    write_listed(rows, table)
    say(f"wrote {table}: {described(rows)}")
    _write_text(path, text)
    say(f"next: tripletmine check {path}, then tripletmine run {path}")


def _write(path: Path, example: str) -> None:
    _write_text(
        path, resources.files("tripletmine.flows").joinpath("examples", f"{example}.toml").read_text("utf-8")
    )


def _write_text(path: Path, text: str) -> None:
    """Write the run file. run.name, and so the run's folder, is the file's name without characters run.name refuses."""
    name = re.sub(r"[^\w.-]+", "-", path.stem).lstrip(".-")[:100] or "run"
    with path.open("x", encoding="utf-8") as file:
        file.write(re.sub(r'^name = ".*"$', f'name = "{name}"', text, count=1, flags=re.MULTILINE))
    say(f"wrote {path}")
