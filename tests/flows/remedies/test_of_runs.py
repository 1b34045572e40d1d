"""The remedies in messages about a run work, each alone, on a run that has the fault."""

from pathlib import Path

import numpy as np
import pytest

from .case import RUN, Case, Place, copied, delete_what_is_named, edit, redo, repair, run_again

MINE = "epochs/0001/mine"


def other_directory(place: Place, _: str) -> None:
    place.change('name = "tiny"', 'name = "tiny"\ndirectory = "elsewhere"')


def margin(place: Place) -> None:
    place.change("[train]", "[mine]\nmargin = 0.3\n\n[train]")


def damage(place: Place, name: str) -> None:
    path = place.root / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def new_label(place: Place) -> None:
    held = dict(np.load(place.run_file.parent / "trees.npz"))
    (place.run_file.parent / "trees.npz").rename(place.run_file.parent / "kept.npz")
    held["labels"][0] = "oak" if held["labels"][0] != "oak" else "elm"
    np.savez(place.run_file.parent / "trees.npz", **held)


def labels_back(place: Place, _: str) -> None:
    (place.run_file.parent / "kept.npz").replace(place.run_file.parent / "trees.npz")


def other_width(place: Place) -> None:
    place.change("embedding_dim = 8", "embedding_dim = 7")
    assert place.ask(*RUN)[0] == 1


def width_back(place: Place, _: str) -> None:
    place.change("embedding_dim = 7", "embedding_dim = 8")
    assert place.ask(*RUN)[0] == 0


CASES = {
    "settings changed": Case(
        margin,
        r"was made with loss\.margin = 0\.2, and now loss\.margin is 0\.3: set it back, redo it with --from-stage",
        (edit("margin = 0.3", "margin = 0.2"), redo, other_directory),
    ),
    "data changed": Case(
        new_label,
        r"changed: 1 file .* set it back, do all of the run again",
        (labels_back, redo, other_directory),
    ),
    "a file is gone": Case(
        lambda place: (place.root / MINE / "confusion.parquet").unlink(),
        r"confusion\.parquet .*is gone or was cut short: redo it with --from-stage mine --epoch 1",
        (redo, repair),
    ),
    "a file is damaged": Case(
        lambda place: damage(place, f"{MINE}/confusion.parquet"),
        r"confusion\.parquet differs .*next: tripletmine verify \S+\.toml --repair",
        (repair,),
        ("verify", "RUN_FILE"),
    ),
    "a manifest is damaged": Case(
        lambda place: damage(place, f"{MINE}/manifest.json"),
        r"manifest\.json .*--from-stage mine",
        (redo, repair),
    ),
    "a manifest of another stage": Case(
        lambda place: (place.root / MINE / "manifest.json").write_bytes(
            (place.root / "epochs/0001/train/manifest.json").read_bytes()
        ),
        r"manifest\.json belongs to train of epoch 1: redo mine of epoch 1 with",
        (redo,),
    ),
    "rows.parquet": Case(
        lambda place: damage(place, "rows.parquet"),
        r"rows\.parquet .*delete that one file",
        (delete_what_is_named,),
    ),
    "run.json": Case(
        lambda place: (place.root / "run.json").write_text("{"), r"run\.json", (delete_what_is_named,)
    ),
    "not finished": Case(
        lambda place: [path.unlink() for path in place.root.glob("epochs/*/evaluate/manifest.json")],
        r"no epoch of .* has been evaluated yet: let the run finish one first",
        (run_again,),
        ("export", "RUN", "--out", "OUT"),
    ),
    "an encoder of changed settings": Case(
        other_width,
        r"\[encoder\] of .* changed since epoch \d was trained: .*; set it back and start the run again, then export",
        (width_back,),
        ("export", "RUN", "--out", "OUT"),
    ),
    "a manifest that the card of an export tells of": Case(
        lambda place: (place.root / "epochs/0001/graph/manifest.json").write_bytes(b""),
        r"graph/manifest\.json .*--from-stage graph --epoch 1",
        (redo,),
        ("export", "RUN", "--epoch", "1", "--out", "OUT"),
    ),
    "the manifest of the test that the card tells of": Case(
        lambda place: (place.root / "test/manifest.json").write_bytes(b""),
        r"test/manifest\.json .*--from-stage test",
        (redo,),
        ("export", "RUN", "--out", "OUT"),
    ),
    "the manifest of an evaluation": Case(
        lambda place: damage(place, "epochs/0001/evaluate/manifest.json"),
        r"manifest\.json .*--from-stage evaluate --epoch 1",
        (redo, repair),
    ),
}


@pytest.mark.parametrize(
    ("name", "position"),
    [(name, position) for name, case in CASES.items() for position in range(len(case.mends))],
)
def test_each_remedy_works(name: str, position: int, finished: Path, tmp_path: Path) -> None:
    case = CASES[name]
    case.require(copied(finished, tmp_path), case.mends[position])
