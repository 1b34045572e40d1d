"""`mine` on tables with other names of columns and other separators."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.pipeline.standalone.audit import audit_folder
from typer.testing import CliRunner

ROWS, CLASSES = 60, 5
LOOSE = ["--margin", "2", "--k-hardness", "0.5", "--normalise", "--neighbours", "30"]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (60, 6)."""
    return np.random.default_rng(0).standard_normal((ROWS, 6)).astype(np.float32)


def write_vectors(path: Path, vectors: np.ndarray, key: str) -> Path:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = {
        "clip": lists,
        "dino": pa.array(vectors[::-1].tolist()),
        key: [f"r{row}" for row in range(len(vectors))],
    }
    pq.write_table(pa.table(table), path)
    return path


def mine(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["mine", *map(str, arguments), *LOOSE])
    return result.exit_code, " ".join(result.output.split())


def test_labels_with_other_names_and_separators(vectors, tmp_path) -> None:
    lines = [f"r{row};c{row % CLASSES}" for row in range(ROWS)]
    (tmp_path / "labels.csv").write_text("\n".join(["id;category", *lines]))
    files = [
        "--embeddings",
        write_vectors(tmp_path / "x.parquet", vectors, "id"),
        "--labels",
        tmp_path / "labels.csv",
    ]
    code, said = mine(*files, "--columns=vector=clip", "--out", tmp_path / "out")
    assert code == 1
    assert "name ';': as data.separator in a run file, --separator of `mine`" in said
    names = ["--columns", "vector=clip", "--columns", "key=id", "--columns", "label=category"]
    code, said = mine(*files, "--separator", ";", *names, "--out", tmp_path / "out")
    assert code == 0, said
    found = tm.read_triplets(tmp_path / "out")
    rule = tm.MiningRule(0.5, margin=2.0)
    expected = tm.mine(
        vectors, [f"c{row % CLASSES}" for row in range(ROWS)], rule, neighbours=30, normalise=True
    )
    np.testing.assert_array_equal(found.columns["negative"], expected.columns["negative"])
    assert found.to_arrow()["anchor_key"][0].as_py() == f"r{found.columns['anchor'][0]}"
    assert audit_folder(tmp_path / "out").triplets.ok, "the folder is read as it was mined"


def test_queries_corpus_and_pairs_with_other_names(vectors, tmp_path) -> None:
    queries = write_vectors(tmp_path / "q.parquet", vectors[:20] + vectors[20:40], "_id")
    corpus = write_vectors(tmp_path / "c.parquet", vectors, "_id")
    (tmp_path / "pairs.txt.csv").write_text(
        "qid\tpid\tgain\n" + "".join(f"r{row}\tr{row}\t1\n" for row in range(20))
    )
    (tmp_path / "never.csv").write_text("query\tdocument\nr0\tr59\n")
    files = ["--queries", queries, "--corpus", corpus, "--relevant", tmp_path / "pairs.txt.csv"]
    files += ["--never-negatives", tmp_path / "never.csv"]
    names = [
        f"--columns={each}" for each in ("vector=clip", "key=_id", "query=qid", "document=pid", "grade=gain")
    ]
    code, said = mine(*files, *names, "--separator", "\\t", "--out", tmp_path / "out")
    assert code == 0, said
    table = tm.read_pairs(tmp_path / "out").to_arrow()
    assert table["positive_key"].to_pylist() == table["anchor_key"].to_pylist()
    assert audit_folder(tmp_path / "out").triplets.ok


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["label"], "--columns is 'label' but must have the form OURS=THEIRS, as label=category"),
        (["key=a", "key=b"], "--columns names key twice, 'a' and 'b': leave one"),
        (["query=a"], "--columns has query but may only have vector, key, label, split, group: remove it"),
        (["vector=clap"], "x.parquet has the columns of numbers clip, dino: call one of them clap"),
        (
            ["vector=clip", "label=kind"],
            "labels.csv has no column 'kind', which columns gives for 'label' (it has label)",
        ),
    ],
)
def test_names_that_mean_nothing(columns, message, vectors, tmp_path) -> None:
    (tmp_path / "labels.csv").write_text("label\n" + "a\n" * ROWS)
    files = [
        "--embeddings",
        write_vectors(tmp_path / "x.parquet", vectors, "id"),
        "--labels",
        tmp_path / "labels.csv",
    ]
    code, said = mine(*files, *(f"--columns={each}" for each in columns), "--out", tmp_path / "out")
    assert code == 1
    assert message in said
