"""The remedies in refusals of mining from files work."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from remedies import Call, Refusal
from tripletmine.mining.errors import InputError
from tripletmine.mining.rescoring.bound import TeacherBound
from tripletmine.pipeline.errors import PipelineError

ROWS = 60
VECTORS = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)
KEYS = [f"r{row}" for row in range(ROWS)]
CLOSE = np.repeat(np.random.default_rng(1).normal(size=(ROWS // 2, 8)), 2, axis=0) + 1e-4 * VECTORS
"""Each row has another one right beside it, of another class."""
FAR = np.repeat(np.eye(8), ROWS // 8 + 1, axis=0)[:ROWS] + 1e-3 * VECTORS
"""Rows of a class are close together, and all others are far away."""
COLUMNS: dict[str, list[Any]] = {
    "key": KEYS,
    "label": [f"tree {row % 4}" for row in range(ROWS)],
    "split": ["train"] * 50 + ["test"] * 10,
    "group": [f"camera {row % 7}" for row in range(ROWS)],
}
CLASSES_OF_FAR = {**COLUMNS, "label": [f"tree {np.argmax(row)}" for row in FAR]}


SCORES = "[float(int(x[1:]) % 4 == int(y[1:]) % 4) for x, y in zip(a, b)]"
"""The scores of a teacher that knows the classes."""


def without(*names: str) -> dict[str, list[Any]]:
    return {name: column for name, column in COLUMNS.items() if name not in names}


def mine(
    columns: dict[str, list[Any]] = COLUMNS,
    vectors: np.ndarray = VECTORS,
    *,
    fresh: bool = True,
    files: dict[str, str] | None = None,
    **options: Any,
) -> Call:
    """Mine into the folder out. fresh: remove it first. files: texts to write first, by name."""

    def mined() -> None:
        if fresh:
            shutil.rmtree("out", ignore_errors=True)
        np.save("x.npy", vectors)
        pq.write_table(pa.table(columns), "labels.parquet")
        for name, content in (files or {}).items():
            Path(name).write_text(content)
        given = {"out": "out", "normalise": True, "threads": 1, "method": "exact"} | options
        tm.mine_files("x.npy", "labels.parquet", **given)

    return mined


def never(content: str) -> Call:
    return mine(files={"never.csv": content}, never_negatives="never.csv")


def teacher(returned: str = SCORES, **options: Any) -> Call:
    """A function that returns this for lists a and b."""
    program = f"import math\ndef score(a, b):\n    return {returned}\n"
    return mine(files={"teacher.py": program}, rescore="teacher.py:score", **options)


def table_of_scores(content: str) -> Call:
    return mine(files={"scores.csv": content}, rescore="scores.csv")


def scored_after_mining_without() -> None:
    """As the message says: the pairs of the folder that is mined without a teacher are scored."""
    mine()()
    triplets = tm.read_triplets("out").to_arrow()
    pairs = {
        (anchor, other)
        for role in ("positive_key", "negative_key")
        for anchor, other in zip(triplets["anchor_key"].to_pylist(), triplets[role].to_pylist(), strict=True)
    }
    lines = "".join(f"{a},{b},{int(int(a[1:]) % 4 == int(b[1:]) % 4)}\n" for a, b in pairs)
    table_of_scores("key,other_key,score\n" + lines)()


def folder() -> None:
    Path("out").mkdir()
    Path("out/mine.txt").touch()


ACROSS = tm.MiningRule(guards=tm.Guards(same_group="never-pair"))

REFUSALS = {
    "a folder that is there": Refusal(
        lambda: (folder(), mine(fresh=False)()),
        "out exists already: choose another folder with --out, or remove it",
        mine(out="other", fresh=False),
        mine(),
    ),
    "lengths": Refusal(
        mine(normalise=False),
        "give --normalise, or normalise them before",
        mine(),
        mine(vectors=VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), normalise=False),
    ),
    "images": Refusal(
        mine(vectors=VECTORS.reshape(ROWS, 4, 2)),
        "but vectors (N, D) are mined: give those that an encoder makes of them",
        mine(),
    ),
    "a split that is none": Refusal(
        mine(split="dev"),
        "split is 'dev' but must be one of train, validation, test, all: choose one of them",
        *(
            mine({**COLUMNS, "split": COLUMNS["split"][10:] + ["validation"] * 10}, split=name)
            for name in ("train", "validation", "test", "all")
        ),
    ),
    "a split where there are none": Refusal(
        mine(without("split"), split="test"),
        'has no column "split": leave it out',
        mine(without("split")),
    ),
    "a split without rows": Refusal(
        mine(split="validation"),
        "has no validation rows (it has 10 test, 50 train): choose others with --split",
        mine(split="test"),
        mine(split="train"),
    ),
    "no group": Refusal(
        mine(without("group"), rule=ACROSS),
        "add it to the table of labels, or leave --same-group out",
        mine(rule=ACROSS),
        mine(without("group")),
    ),
    "no positive in sight": Refusal(
        mine(vectors=CLOSE, neighbours=1),
        "had no positive among their 1 neighbours: raise --neighbours, or take positives from the whole class with "
        "--positives class",
        mine(vectors=CLOSE, neighbours=40),
        mine(vectors=CLOSE, neighbours=1, rule=tm.MiningRule(0, positives="class", nearer_positive=False)),
    ),
    "negatives too far": Refusal(
        mine(CLASSES_OF_FAR, FAR, neighbours=20),
        "a larger --margin admits farther ones",
        mine(CLASSES_OF_FAR, FAR, neighbours=20, rule=tm.MiningRule(margin=2.5)),
    ),
    "negatives too near": Refusal(
        mine(rule=tm.MiningRule(50.0)), "a smaller --k-hardness nearer ones", mine(rule=tm.MiningRule(1.0))
    ),
    "negatives nearer than every positive": Refusal(
        mine(vectors=CLOSE, rule=tm.MiningRule(0.1, positives="class"), neighbours=1),
        "(below 1, --any-negative also those nearer than every positive), more --neighbours other ones",
        mine(vectors=CLOSE, rule=tm.MiningRule(0, positives="class", nearer_positive=False), neighbours=1),
        mine(vectors=CLOSE, rule=tm.MiningRule(0.1, positives="class"), neighbours=40),
    ),
    "pairs without names": Refusal(
        never("key,two\nr0,r1\n"),
        "must have the columns key and other_key (keys), or row and other (rows, from 0)",
        never("key,other_key\nr0,r1\n"),
        never("row,other\n0,1\n"),
    ),
    "pairs of other rows": Refusal(
        never("key,other_key\nq0,q1\n"),
        "none of the 1 pairs is of these rows: give pairs of these files",
        never("key,other_key\nr0,r1\n"),
    ),
    "pairs of rows that are no numbers": Refusal(
        never("row,other\nr0,r1\n"), "has a value that is not a row", never("row,other\n0,1\n")
    ),
    "a row paired with itself": Refusal(
        never("row,other\n0,1\n2,2\n"), "pairs row 2 with itself: leave it out", never("row,other\n0,1\n")
    ),
    "a teacher without numbers": Refusal(
        teacher("['good'] * len(a)"), "return a number for each pair", teacher()
    ),
    "a teacher with a number for all": Refusal(teacher("[1]"), "return a finite number for each", teacher()),
    "a teacher with NaN": Refusal(
        teacher("[math.nan] * len(a)"), "return a finite number for each", teacher()
    ),
    "scores without a name": Refusal(
        table_of_scores("key,other_key,mark\nr0,r1,1\n"),
        "scores.csv has no column score: it must have key, other_key, score",
        scored_after_mining_without,
    ),
    "scores that are words": Refusal(
        table_of_scores("key,other_key,score\nr0,r1,good\n"),
        "give the teacher's scores as numbers",
        scored_after_mining_without,
    ),
    "pairs without a score": Refusal(
        table_of_scores("key,other_key,score\nr0,r1,1\n"),
        "mine without --rescore, score these pairs, and mine again as before",
        scored_after_mining_without,
    ),
}


ALL_PAIRS = "row,other\n" + "".join(f"{row},{other}\n" for row in range(ROWS) for other in range(row))
SAME = {**COLUMNS, "group": ["camera"] * ROWS}


def guarded(**guards: Any) -> Call:
    return mine(rule=tm.MiningRule(guards=tm.Guards(**guards)))


def alike(**guards: Any) -> Call:
    """The same where all vectors point about the same way."""
    return mine(vectors=1 + VECTORS / 2, rule=tm.MiningRule(guards=tm.Guards(**guards)))


GUARDS = {
    "never negative": Refusal(
        never(ALL_PAIRS), "by pairs that are never negatives (leave these out)", never("row,other\n0,1\n")
    ),
    "group": Refusal(
        mine(SAME, rule=tm.MiningRule(guards=tm.Guards(same_group="never-negative"))),
        "by --same-group (leave it out)",
        mine(SAME),
    ),
    "duplicate": Refusal(
        guarded(duplicate_sq=4.0), "by --duplicate-sq (lower it)", guarded(duplicate_sq=0.01)
    ),
    "nearest": Refusal(
        guarded(minimum_sq=3.99), "by --minimum-sq and --maximum-sq (lower the one", guarded(minimum_sq=0.1)
    ),
    "farthest": Refusal(
        guarded(maximum_sq=0.01), "(lower the one, or raise the other)", guarded(maximum_sq=3.0)
    ),
    "ranks": Refusal(
        guarded(rank_window=(0, 1)), "by --rank-window (widen it)", guarded(rank_window=(0, 40))
    ),
    "percentile": Refusal(
        mine(rule=tm.MiningRule(0.5, margin=1e-6, guards=tm.Guards(positive_percentile=100))),
        "by --positive-percentile (lower it)",
        mine(rule=tm.MiningRule(0.5, margin=1e-6, guards=tm.Guards(positive_percentile=10))),
    ),
    "margin": Refusal(
        guarded(minimum_margin_sq=0.19999), "by --minimum-margin-sq", guarded(minimum_margin_sq=0.1)
    ),
    "relative margin": Refusal(
        alike(relative_margin=1.0), "and --relative-margin (lower them)", alike(relative_margin=0.01)
    ),
    "teacher": Refusal(
        teacher("[1] * len(a)", teacher=TeacherBound(0.9)),
        "by --rescore (lower --teacher-margin and --teacher-absolute-margin)",
        teacher("[1] * len(a)", teacher=TeacherBound(0)),
    ),
    "teacher, absolute": Refusal(
        teacher("[1] * len(a)", teacher=TeacherBound(0, 0.9)),
        "by --rescore (lower --teacher-margin and --teacher-absolute-margin)",
        teacher("[1] * len(a)", teacher=TeacherBound(0, 0)),
    ),
}


@pytest.mark.parametrize("refusal", (REFUSALS | GUARDS).values(), ids=REFUSALS | GUARDS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require((PipelineError, InputError))
