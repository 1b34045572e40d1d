"""Triplets exported from folders, in every form, by key and by text."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.standalone import triplet_export
from tripletmine.pipeline.standalone.training_sets.forms import FORMS, Form
from tripletmine.pipeline.standalone.triplet_export import export_triplets
from typer.testing import CliRunner

ROWS = 80
RULE = tm.MiningRule(0.8, margin=0.8, negatives_per_positive=3)


def write_vectors(path: Path, vectors: np.ndarray, **columns: list[str]) -> Path:
    """Write vectors with a column key: "r7" is row 7."""
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(
        pa.table({"key": [f"r{row}" for row in range(len(vectors))], "vector": lists, **columns}), path
    )
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of classes, and one of queries against a corpus; both with keys, in several parts."""
    home, random = tmp_path_factory.mktemp("mined"), np.random.default_rng(0)
    vectors = random.standard_normal((ROWS, 6)).astype(np.float32)
    rows = write_vectors(home / "rows.parquet", vectors, label=[f"c{row % 8}" for row in range(ROWS)])
    tm.mine_files(rows, None, home / "classes", RULE, normalise=True, chunk_rows=30)
    asked = write_vectors(home / "queries.parquet", vectors[:30] + vectors[30:60] / 2)
    (home / "pairs.csv").write_text(
        "query,document\n" + "".join(f"r{row},r{row}\nr{row},r{row + 30}\n" for row in range(30))
    )
    tm.mine_pair_files(asked, rows, home / "pairs.csv", home / "pairs", RULE, normalise=True, chunk_rows=12)
    return {"classes": home / "classes", "pairs": home / "pairs"}


def in_memory(folder: Path, form: Form) -> tuple[list[dict[str, Any]], int]:
    read = tm.read_pairs if folder.name == "pairs" else tm.read_triplets
    made = read(folder).training_set(form.name, negatives=form.negatives, scores=form.scores)
    return made.table.to_pylist(), made.left_out


@pytest.mark.parametrize("folder", ["classes", "pairs"])
@pytest.mark.parametrize("name", FORMS)
def test_a_file_has_what_a_set_in_memory_has(name, folder, folders, tmp_path, monkeypatch) -> None:
    form = Form(name, 3 if name == "n-tuple" else None, scores=True)
    rows, left_out = in_memory(folders[folder], form)
    found = export_triplets(folders[folder], tmp_path / "t.jsonl", form)
    lines = (tmp_path / "t.jsonl").read_bytes()
    assert [json.loads(line) for line in lines.splitlines()] == rows
    assert (found.rows, found.left_out) == (len(rows), left_out)
    assert (left_out > 0) == (name == "n-tuple")
    monkeypatch.setattr(triplet_export, "_BYTES", 600)  # a few anchors at a time
    export_triplets(folders[folder], tmp_path / "blocks.jsonl.gz", form)
    assert gzip.decompress((tmp_path / "blocks.jsonl.gz").read_bytes()) == lines


def test_texts_are_found_by_key_wherever_they_stand(folders, tmp_path) -> None:
    mixed = np.random.default_rng(1).permutation(ROWS + 5)
    table = {"key": [f"r{row}" for row in mixed], "text": [f"text of {row}" for row in mixed]}
    pq.write_table(pa.table(table), tmp_path / "texts.parquet")
    (tmp_path / "q.csv").write_text("text\n" + "\n".join(f"text of {row}" for row in range(ROWS)))
    export_triplets(folders["classes"], tmp_path / "key.parquet", values=str(tmp_path / "texts.parquet"))
    export_triplets(folders["classes"], tmp_path / "order.parquet", values=str(tmp_path / "q.csv"))
    by_key = pq.read_table(tmp_path / "key.parquet")
    assert by_key.equals(pq.read_table(tmp_path / "order.parquet"))
    first = tm.read_triplets(folders["classes"]).columns["negative"][0]
    assert by_key["negative"][0].as_py() == f"text of {first}"

    texts = str(tmp_path / "texts.parquet")
    out = tmp_path / "pairs.jsonl"
    export_triplets(folders["pairs"], out, Form("tevatron"), values=texts, corpus_values=texts)
    row = json.loads(out.read_text().splitlines()[3])
    assert row["query"] == f"text of {row['query_id'][1:]}"
    assert {(each["docid"], each["text"]) for each in row["positive_passages"]} <= {
        (f"r{row}", f"text of {row}") for row in range(ROWS)
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("key,text\nr0,a\nr1,b\n", r"has no row for 78 of 80 keys that were mined, as 'r2': add them, or drop its"),
        ("key,text\n" + "".join(f"r{row},{'' if row == 5 else 'a'}\n" for row in range(ROWS)),
         r"column 'text' has 1 empty cells, the first for 'r5': fill them"),
        ("key,text\nr0,a\nr0,b\n", "has 2 rows with the key 'r0'"),
    ],
)  # fmt: skip
def test_texts_that_do_not_fit(content, message, folders, tmp_path) -> None:
    (tmp_path / "texts.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        export_triplets(folders["classes"], tmp_path / "t.jsonl", values=str(tmp_path / "texts.csv"))
    assert not (tmp_path / "t.jsonl").exists()


def test_too_many_negatives_are_answered_with_how_many_there_are(folders, tmp_path) -> None:
    command = ["triplets", str(folders["classes"]), "--form", "n-tuple", "--out", str(tmp_path / "t.jsonl")]
    result = CliRunner().invoke(app, [*command, "--negatives", "4"])
    said = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "has 4 negatives (mining took 3 for a pair at most): lower --negatives, or mine again" in said
    result = CliRunner().invoke(app, [*command, "--negatives", "3"])
    assert result.exit_code == 0, result.output
    assert "pairs with fewer negatives than a row holds: a lower --negatives" in result.output
    rows = folders["classes"].parent / "rows.parquet"
    more = tm.MiningRule(0.8, margin=0.8, negatives_per_positive=4, triplets_per_anchor=40)
    tm.mine_files(rows, None, tmp_path / "again", more, normalise=True)
    assert export_triplets(tmp_path / "again", tmp_path / "again.jsonl", Form("n-tuple", 4)).rows > 0


def changed(folder: Path, copy: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """A copy of the folder with other triplets."""
    shutil.copytree(folder, copy)
    for part in (copy / "triplets").iterdir():
        pq.write_table(change(pq.read_table(part)), part)
    return copy


def test_no_triplets_and_triplets_of_other_data_are_refused(folders, tmp_path) -> None:
    empty = changed(folders["classes"], tmp_path / "empty", lambda table: table.slice(0, 0))
    with pytest.raises(
        DataError, match="holds no triplets, so there is nothing to write: mine with a larger margin"
    ):
        export_triplets(empty, tmp_path / "t.jsonl")
    beyond = lambda table: table.set_column(2, "negative", pa.array([ROWS] * len(table)))  # noqa: E731
    with pytest.raises(
        DataError, match=r"part-00000.parquet names row 80 of 80: it is of other data, so mine again"
    ):
        export_triplets(changed(folders["classes"], tmp_path / "beyond", beyond), tmp_path / "t.jsonl")
    assert not (tmp_path / "t.jsonl").exists()


def test_a_large_text_is_carried_whole(folders, tmp_path) -> None:
    texts = ["ß" * 10**6 if row % 9 == 0 else f"text {row}" for row in range(ROWS)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    export_triplets(
        folders["classes"],
        tmp_path / "t.parquet",
        Form("flagembedding"),
        values=str(tmp_path / "texts.parquet"),
    )
    queries = pq.read_table(tmp_path / "t.parquet", columns=["query"])["query"].to_pylist()
    assert sorted({len(query) for query in queries})[-1] == 10**6
