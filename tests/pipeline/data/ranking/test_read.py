"""The files of pairs and values: what they may say, and one message for what they may not."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.ranking.read import read_ranking
from tripletmine.pipeline.errors import DataError

from ....remedies import Refusal

PAIRS = ["a,b,better", "c,b,like"]
VALUES = ["a,2", "b,1.5"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(pairs: list[str] = PAIRS, values: list[str] | None = None, head: str = "first,second,relation"):
    Path("pairs.csv").write_text("\n".join([head, *pairs]) + "\n")
    if values is not None:
        Path("values.csv").write_text("\n".join(["item,value", *values]) + "\n")
    return read_ranking("pairs.csv", None if values is None else "values.csv")


def lines(ranking) -> list[tuple]:
    return list(zip(*ranking.table.to_pydict().values(), strict=True))


def test_each_pair_once_and_alike_ones_in_either_order():
    found = read([*PAIRS, "b,c,like", " a , b ,better", "b,a,better"], VALUES)
    assert lines(found) == [
        ("a", "b", "better", None),
        ("b", "a", "better", None),
        ("b", "c", "like", None),
        ("a", None, "value", 2.0),
        ("b", None, "value", 1.5),
    ]
    assert found.repeated == 2  # "b like c", and a pair with spaces around its names
    assert found.table.schema.field("value").type == pa.float64()


def test_parquet_and_tsv_say_the_same_and_without_relation_the_first_is_better():
    expected = lines(read(["007,7", "b,a"], head="first,second"))
    assert expected[0] == ("007", "7", "better", None)
    Path("pairs.tsv").write_text("first\tsecond\n007\t7\nb\ta\n")
    pq.write_table(pa.table({"second": ["7", "a"], "first": ["007", "b"], "note": [1, 2]}), "pairs.parquet")
    assert lines(read_ranking("pairs.tsv", None)) == lines(read_ranking("pairs.parquet", None)) == expected


REFUSALS = {
    "no pairs": Refusal(lambda: read([]), "pairs.csv has no pairs: add some", read),
    "itself": Refusal(
        lambda: read([*PAIRS, "b,b,better"]),
        'pairs "b" with itself in row 2 (from 0): leave that row out',
        read,
    ),
    "relation": Refusal(
        lambda: read(["a,b,worse"]),
        'the relation "worse" in row 0 (from 0) but known are better (the first is better) and like: use one of them',
        lambda: read(["a,b,better"]),
        lambda: read(["a,b,like"]),
    ),
    "empty": Refusal(
        lambda: read(["a,,better", "a,b,better"]),
        'an empty cell in column "second", row 0 (from 0): fill it, or leave that row out',
        lambda: read(["a,c,better", "a,b,better"]),
        lambda: read(["a,b,better"]),
    ),
    "no column": Refusal(
        lambda: read(["a,b"], head="first,other"),
        'has no column "second" (found: first): add it',
        lambda: read(["a,b"], head="first,second"),
    ),
    "no number": Refusal(
        lambda: read(values=["a,tall", "b,1"]),
        "write a number for each item, or leave its row out",
        lambda: read(values=["a,3", "b,1"]),
        lambda: read(values=["b,1"]),
    ),
    "not finite": Refusal(
        lambda: read(values=["a,nan", "b,1"]),
        'the value nan for "a" in row 0 (from 0) but values are finite numbers: correct it, or leave that row out',
        lambda: read(values=["a,3", "b,1"]),
        lambda: read(values=["b,1"]),
    ),
    "two values": Refusal(
        lambda: read(values=["a,1", "a,2"]),
        'two values for "a", 1 and 2 in row 1 (from 0): leave one of them',
        lambda: read(values=["a,1", "a,1"]),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(DataError)


def test_credentials_in_names_are_not_shown():
    with pytest.raises(DataError) as caught:
        read(["https://me:pw@host/a,https://me:pw@host/a,better"])
    assert "pw" not in str(caught.value)
