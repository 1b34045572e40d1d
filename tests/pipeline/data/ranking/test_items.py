"""Items, rows and pairs that do not fit together: one message or a count each, and remedies that work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.ranking.items import ranked_items
from tripletmine.pipeline.data.ranking.read import read_ranking
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import parse_spec

from ....remedies import Refusal

ROWS = ["a,train", "b,train", "a,train", "b,train", "c,train", "c,train", "v,val", "w,val", "v,val", "w,val"]
ROWS += ["t,test", "u,test", "u,test", "t,test"]
PAIRS = ["a,b,better", "c,b,like", "w,v,better", "t,u,better"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(rows: list[str], pairs: list[str], values: list[str], head: str = "label,split") -> None:
    np.save("x.npy", np.zeros((len(rows), 4), np.float32))
    for name, lines in {
        "rows": [head, *rows],
        "pairs": ["first,second,relation", *pairs],
        "values": ["item,value", *values],
    }.items():
        Path(f"{name}.csv").write_text("\n".join(lines) + "\n")


def described(
    rows: list[str] = ROWS, pairs: list[str] = PAIRS, values: list[str] | None = None, **sections: Any
) -> list[str]:
    """The remarks on a run that ranks these items."""
    write(rows, pairs, values or ["a,1", "t,2"])
    data = {
        "kind": "arrays",
        "path": "x.npy",
        "labels": "rows.csv",
        "pairs": "pairs.csv",
        "values": "values.csv",
    }
    keys = {"encoder": {"name": "mlp"}, "loss": {"weights": {"ranking": 1}}, **sections}
    keys["data"] = data | sections.get("data", {})
    return list(describe_data(parse_spec(keys, base=Path())).remarks)


def call(*args: list[str], **sections: Any) -> Callable[[], object]:
    return lambda: described(*args, **sections)


def test_matching_segments_are_paired_in_the_order_of_the_data_set() -> None:
    write([f"{row},{row[0] in 'ac'}" for row in ROWS], PAIRS, ["a,1", "b,3", "t,2"], "label,split,group")
    spec = parse_spec(
        {
            "data": {"kind": "arrays", "path": "x.npy", "labels": "rows.csv", "pairs": "pairs.csv"},
            "loss": {"weights": {"ranking": 1}},
        },
        base=Path(),
    )
    rows = RunRows(build_rows(open_data(spec.data, Path()), spec.data, seed=0))
    found = ranked_items(rows, "train", read_ranking("pairs.csv", "values.csv").table)
    assert found.names == ("a", "b", "c")
    assert found.groups.tolist() == [1, 0, 1]
    assert found.rows.tolist() == [[0, 2], [1, 3], [4, 5]]
    pairs, alike = found.row_pairs()
    assert pairs.tolist() == [[0, 1], [1, 4], [2, 3], [3, 5]]  # b like c: the first by name comes first
    assert alike.tolist() == [False, True, False, True]
    values = found.row_values(6)
    assert values.tolist() == pytest.approx([-1, 1, -1, 1, np.nan, np.nan], nan_ok=True)
    assert found.values.tolist() == pytest.approx([1.0, 3.0, np.nan], nan_ok=True)


def test_what_is_kept_is_said() -> None:
    assert described() == []
    assert described(ROWS, [*PAIRS, "a,b,better", "b,c,like"]) == [
        "2 lines of data.pairs are repetitions: each pair counts once"
    ]
    assert described(ROWS, [*PAIRS, "a,t,better", "a,w,like"]) == [
        "2 pairs have their items in two splits: they are neither trained on nor evaluated"
    ]
    assert described([*ROWS, "d,train", "x,test", "y,test"]) == [
        '1 items of the train split are in no pair (such as "d"): they are not trained on',
        '2 items of the test split are in no pair (such as "x"): they are not evaluated',
    ]


def test_contradictions_are_counted_and_one_is_shown() -> None:
    circle = ["a,b,better", "b,c,better", "c,a,better", *PAIRS[2:]]
    (cycle,) = described(ROWS, circle)
    assert cycle == (
        '3 of the 3 pairs of the train split contradict each other, in 1 cycles (such as "a" over "b" over "c" over '
        '"a"): they count as they are, so correct them or leave them out'
    )
    (both,) = described(ROWS, [*PAIRS, "b,c,better"])
    assert both.startswith('1 pairs of the train split are both "better" and "like"')


SEVERAL = [row.replace(",", "|z,") for row in ROWS]
HALVED = [row.replace("train", "val") if place == 2 else row for place, row in enumerate(ROWS)]
REFUSALS = {
    "unknown items": Refusal(
        call(ROWS, [*PAIRS, "a,bb,better"]),
        'names 1 items that are not the label of any row, such as "bb": correct these names, or leave their lines out',
        call(ROWS, [*PAIRS, "a,c,better"]),
        call(),
    ),
    "a value of an unknown item": Refusal(
        call(ROWS, PAIRS, ["q,1"]),
        "correct these names, or leave their lines out",
        call(ROWS, PAIRS, ["a,1"]),
        call(),
    ),
    "unequal segments": Refusal(
        call([*ROWS, "a,train"]),
        'the item "b" has 2 segments (rows) and "a" has 3, but matching segments are compared: give all items that are '
        "in pairs or have a value equally many rows",
        call(),
    ),
    "an item in two splits": Refusal(
        call(HALVED), 'the rows of the item "a" are in several splits (train, validation)', call()
    ),
    "several labels": Refusal(
        call(SEVERAL, data={"label_separator": "|"}),
        "give each row the name of its item as its only label",
        call(),
    ),
    "nothing to validate": Refusal(
        call(ROWS, [*PAIRS[:2], PAIRS[3]]),
        "has both items in the validation split: add some",
        call(),
    ),
    "only alike": Refusal(
        call(ROWS, ["a,b,like", *PAIRS[2:]]), 'no "better" pair of', call(ROWS, ["a,b,better", *PAIRS[2:]])
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(PipelineError)
