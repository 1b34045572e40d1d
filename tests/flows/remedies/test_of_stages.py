"""The remedies in messages of single stages, and about the files beside them, work."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from tripletmine.mining.audit.check import VIOLATIONS
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.storage.manifest import Manifest, write_manifest
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from .case import RUN, Case, Place, copied, edit, redo, run_again

VERIFY = ("verify", "RUN_FILE")
DECIDED, OTHERWISE = "exclude,0,,", "relabel,0,,oak"
"""Decisions about a training row."""
ENCODER = """
from torch import nn

def build(*, input_shape, embedding_dim):
    return nn.Linear(input_shape[0], embedding_dim)
"""


def begin(place: Place, *changes: tuple[str, str]) -> None:
    """A run that has not begun, with changes of its run file."""
    shutil.rmtree(place.root)
    for change in changes:
        place.change(*change)


def done(place: Place, *words: str) -> None:
    code, said = place.ask(*(words or RUN))
    assert code == 0, said


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def with_huge_item(place: Place) -> None:
    begin(place)
    write_vectors(place, lambda vectors: np.concatenate([np.full((1, 8), 3e38), vectors[1:]]))


def write_vectors(place: Place, change: Callable[[Any], Any]) -> None:
    held = dict(np.load(place.run_file.parent / "trees.npz"))
    vectors = change(held["vectors"])
    np.savez(place.run_file.parent / "trees.npz", vectors=vectors, labels=held["labels"][-len(vectors) :])


def with_encoder(place: Place, code: str = ENCODER) -> None:
    (place.run_file.parent / "net.py").write_text(code)
    begin(place, ('name = "mlp"', 'name = "net.py:build"'))


def broken_off_while_measuring(place: Place) -> None:
    """Evaluate was interrupted after embedding, and its embeddings damaged."""
    begin(place)
    with mock.patch("tripletmine.pipeline.stages.evaluate.measure", side_effect=RuntimeError("broken off")):
        assert place.ask(*RUN)[0] == 1
    flip(next((place.root / "epochs/0000/evaluate/progress").glob("*.npy")))


def with_damaged_receipt(place: Place) -> None:
    broken_off_while_measuring(place)
    next((place.root / "epochs/0000/evaluate/receipts").glob("*.json")).write_text("{")


def with_review(place: Place) -> None:
    decide(place, DECIDED)
    begin(place, ('path = "trees.npz"', 'path = "trees.npz"\nreview = "review.csv"'))
    done(place)


def kept_review(place: Place) -> Path:
    (path,) = (place.root / "reviews").glob("*.csv")
    return path


def decide(place: Place, decision: str) -> None:
    (place.run_file.parent / "review.csv").write_text(f"decision,key,other_key,label\n{decision}\n")


def other_directory(place: Place, _: str) -> None:
    place.change('name = "tiny"', 'name = "tiny"\ndirectory = "elsewhere"')


def reseal(place: Place, **changes: Any) -> None:
    path = place.root / "run.json"
    publish_sealed(path, {**read_sealed(path), **changes})


def delete_named(place: Place, said: str) -> None:
    (path,) = re.findall(rf"({place.root}\S+) is (?:gone|damaged)", said)
    Path(path).unlink()


def retrain_slower(place: Place, said: str) -> None:
    place.change("learning_rate = 1e30", "learning_rate = 0.001")
    redo(place, said)


def other_manifest(place: Place) -> None:
    ref = StageRef(0, "train")
    there = manifest_of(place.root, ref)
    assert there is not None
    write_manifest(
        ref.folder(place.root),
        Manifest("train", 0, there.inputs, there.receipts, {**there.report, "seconds": 0}),
    )


CASES = {
    "an item whose embedding is infinite": Case(
        with_huge_item,
        r"have embeddings with NaN or infinity, first 0: correct these items or leave them out, or mend the encoder",
        (
            lambda place, _: write_vectors(place, lambda vectors: np.minimum(vectors, 1.0)),
            lambda place, _: write_vectors(place, lambda vectors: vectors[1:]),
        ),
        ("check", "RUN_FILE"),
    ),
    "an encoder whose embeddings are none": Case(
        lambda place: with_encoder(place, ENCODER.replace("return", "nn.init.constant_(").replace("nn.Linear", "")),
        r"encoder",
        (lambda place, _: (place.run_file.parent / "net.py").write_text(ENCODER),),
        ("check", "RUN_FILE"),
    ),
    "weights that a learning rate made infinite": Case(
        lambda place: begin(
            place, ("[train]", '[train]\nlearning_rate = 1e30\nimages_per_epoch = 24\noptimiser = "adamw"')
        ),
        r"NaN or infinity, .* or lower train\.learning_rate and train again with --from-stage train --epoch 0",
        (retrain_slower,),
    ),
    "what evaluate embedded": Case(
        broken_off_while_measuring,
        r"\.npy is gone or damaged: redo the stage with --from-stage evaluate --epoch 0",
        (redo,),
    ),
    "a receipt": Case(
        with_damaged_receipt,
        r"\.json is damaged: delete it, its task of evaluate of epoch 0 runs again",
        (lambda place, said: (delete_named(place, said), redo_evaluate(place)),),
        VERIFY,
    ),
    "a copy of the encoder": Case(
        lambda place: (with_encoder(place), done(place), flip(next((place.root / "encoder").glob("*.py")))),
        r"encoder/\w+\.py is damaged: delete it, the next run copies it again",
        (lambda place, said: (delete_named(place, said), run_again(place, said)),),
        VERIFY,
    ),
    "a manifest that is gone": Case(
        lambda place: (place.root / "epochs/0000/train/manifest.json").unlink(),
        r"is gone, and evaluate of epoch 0 was made from it: redo it with --from-stage train --epoch 0",
        (redo,),
        VERIFY,
    ),
    "a manifest of other work": Case(
        other_manifest,
        r"is not what evaluate of epoch 0 was made from: redo train of epoch 0 with --from-stage train --epoch 0",
        (redo,),
        VERIFY,
    ),
    "a run of another schema": Case(
        lambda place: reseal(place, schema=99),
        r"was written with schema 99 .* use that version, or another run\.directory",
        (other_directory, lambda place, _: reseal(place, schema=1)),
    ),
    "a record of settings that nobody knows": Case(
        lambda place: reseal(place, spec={"run": 3}),
        r"run\.json cannot be understood \(ValidationError\): the next run writes it anew",
        (run_again,),
        ("inspect", "RUN"),
    ),
    "a kept review": Case(
        lambda place: (with_review(place), flip(kept_review(place))),
        r"is gone or damaged: delete it, the next run writes it again from data\.review; of an earlier ",
        (
            lambda place, said: (delete_named(place, said), run_again(place, said)),
            lambda place, _: flip(kept_review(place)),
        ),
        VERIFY,
    ),
    "another review": Case(
        lambda place: (with_review(place), decide(place, OTHERWISE)),
        r"set it back, mine with it from the last epoch on \(--from-stage mine --epoch 1\) or from an earlier one, or "
        r"start a new run\.directory",
        (
            lambda place, _: decide(place, DECIDED),
            redo,
            lambda place, _: done(place, *RUN, "--from-stage", "train", "--epoch", "0"),
            other_directory,
        ),
    ),
    "another review, where the last epoch that mined has lost its start": Case(
        lambda place: (
            place.change("epochs = 2", "epochs = 3"),
            place.change("[graph]", "[mine]\nevery = 2\n\n[graph]"),
            with_review(place),
            (place.root / "epochs/0000/train/state.safetensors").unlink(missing_ok=True),  # the best epoch keeps it
            decide(place, OTHERWISE),
        ),
        r"set it back, train on with it \(run\.epochs = 4 and --from-stage embed --epoch 3\), or start",
        (
            lambda place, _: decide(place, DECIDED),
            lambda place, said: (place.change("epochs = 3", "epochs = 4"), redo(place, said)),
        ),
    ),
    "an export of other scaling": Case(
        lambda place: (
            place.change('path = "trees.npz"', 'path = "trees.npz"\nmean = [0.5]\nstd = [2.0]'),
            place.ask(*RUN),
        ),
        r"data\.mean and std of .* changed since .*; set it back and start the run again, then export",
        (lambda place, _: (place.change("\nmean = [0.5]\nstd = [2.0]", ""), done(place)),),
        ("export", "RUN", "--out", "OUT"),
    ),
    "an export of another encoder": Case(
        lambda place: (
            with_encoder(place),
            done(place),
            (place.run_file.parent / "net.py").write_text(f"{ENCODER}\n# changed\n"),
            place.ask(*RUN),
        ),
        r"the encoder's files of .* changed since .*; set it back and start the run again, then export",
        (lambda place, _: ((place.run_file.parent / "net.py").write_text(ENCODER), done(place)),),
        ("export", "RUN", "--out", "OUT"),
    ),
    "parts of cells": Case(
        lambda place: begin(place, ("[graph]", '[graph]\nmethod = "cells"\nparts = 2')),
        r"cells are parts of their own: leave it at 1, or choose another graph\.method",
        (edit("parts = 2", "parts = 1"), edit('method = "cells"', 'method = "hnsw"')),
    ),
}  # fmt: skip


def redo_evaluate(place: Place) -> None:
    """Needed because its embeddings were damaged, too."""
    done(place, *RUN, "--from-stage", "evaluate", "--epoch", "0")


@pytest.mark.parametrize(
    ("name", "position"),
    [(name, position) for name, case in CASES.items() for position in range(len(case.mends))],
)
def test_each_remedy_works(name: str, position: int, finished: Path, tmp_path: Path) -> None:
    case = CASES[name]
    case.require(copied(finished, tmp_path), case.mends[position])


def test_triplets_that_do_not_hold_are_mined_again_from_new_embeddings(
    finished: Path, tmp_path: Path
) -> None:
    place = copied(finished, tmp_path)
    begin(place)
    untrue = SimpleNamespace(
        ok=False,
        checked=9,
        violations={next(iter(VIOLATIONS)): SimpleNamespace(count=1, examples=("3 and 4",))},
    )
    with mock.patch("tripletmine.pipeline.stages.mine.audit_parts", return_value=untrue):
        code, said = place.ask(*RUN)
    assert code == 1
    assert "mined triplets that do not hold: 1 of 9 checked violate" in said
    assert said.endswith("redo it with --from-stage embed --epoch 1")
    redo(place, said)


def test_a_disk_that_is_full_of_what_earlier_epochs_left(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied(finished, tmp_path)
    keep = 'keep = { embeddings = "all", graph = "all", checkpoints = "all" }'
    begin(place, ("epochs = 2", f"epochs = 2\n{keep}"))
    done(place)

    def used() -> int:
        return sum(path.stat().st_size for path in place.root.rglob("*") if path.is_file())

    # Training asks for 64 MiB, and as much must stay free.
    room = used() + 128 * 2**20 + 40_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=room - used()))
    place.change("epochs = 2", "epochs = 3")
    code, said = place.ask(*RUN)
    assert code == 1
    assert "train of epoch 2 needs 128 MiB of disk" in said
    assert said.endswith("free some, or lower run.keep")
    place.change(keep, "keep = { embeddings = 0, graph = 0, triplets = 0 }")
    done(place)
