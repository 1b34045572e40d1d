"""`tripletmine cluster` on files and runs, with and without labels; what it refuses, and what helps."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.flows.cli import app
from tripletmine.mining.compute import machine
from tripletmine.models.metrics.clustering import agglomerative, cluster_figures
from tripletmine.pipeline.standalone.clustering import cluster as module
from typer.testing import CliRunner

from ..remedies.case import copied

CLASSES = np.repeat(np.arange(4), 6)
VECTORS = (3 * np.eye(4, 5)[CLASSES] + np.random.default_rng(0).normal(0, 0.9, (24, 5))).astype(np.float32)


def ask(*words: object) -> tuple[int, str]:
    """Exit code and what was said, on one line."""
    result = CliRunner().invoke(app, ["cluster", *map(str, words)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", VECTORS)
    np.save(tmp_path / "y.npy", CLASSES)
    return tmp_path


def test_vectors_with_labels_are_clustered_and_compared(files: Path) -> None:
    code, said = ask(
        "--embeddings",
        files / "x.npy",
        "--labels",
        files / "y.npy",
        "--threshold",
        9,
        "--out",
        files / "c.parquet",
    )
    assert code == 0, said
    table = pq.read_table(files / "c.parquet")
    assert table.column_names == ["row", "key", "cluster", "label"]
    expected = agglomerative(VECTORS, threshold_sq=9)
    assert table["cluster"].to_pylist() == expected.tolist()
    assert table["label"].to_pylist() == [str(each) for each in CLASSES]
    figures = cluster_figures(expected, CLASSES.astype(np.int32))
    assert 0.3 < figures["f"] < 1
    assert f"F {figures['f']:.4f}; NMI {figures['nmi']:.4f}, purity {figures['purity']:.4f}" in said
    assert f"24 rows in {expected.max() + 1} clusters" in said


def test_without_labels_nothing_is_compared_and_keys_are_those_of_the_table(files: Path) -> None:
    keys = [f"item {row}" for row in range(24)]
    table = {
        "key": pa.array(keys),
        "vector": pa.array([row.tolist() for row in VECTORS], pa.list_(pa.float32(), 5)),
    }
    pq.write_table(pa.table(table), files / "x.parquet")
    code, said = ask("--embeddings", files / "x.parquet", "--clusters", 4, "--out", files / "c.parquet")
    assert code == 0, said
    assert "NMI" not in said
    found = pq.read_table(files / "c.parquet")
    assert found.column_names == ["row", "key", "cluster"]
    assert found["key"].to_pylist() == keys
    assert set(found["cluster"].to_pylist()) == {0, 1, 2, 3}
    code, said = ask("--embeddings", files / "x.npy", "--clusters", 4, "--out", files / "d.parquet")
    assert code == 0, said
    assert pq.read_table(files / "d.parquet")["cluster"].equals(found["cluster"])


def test_rows_of_a_split_and_of_unit_length(files: Path) -> None:
    lines = [
        "label,split",
        *(f"c{label},{'train' if row % 2 else 'test'}" for row, label in enumerate(CLASSES)),
    ]
    (files / "y.csv").write_text("\n".join(lines))
    given = ("--embeddings", files / "x.npy", "--labels", files / "y.csv", "--normalise", "--threshold", 0.5)
    code, said = ask(*given, "--split", "test", "--out", files / "c.parquet")
    assert code == 0, said
    table = pq.read_table(files / "c.parquet")
    assert table["row"].to_pylist() == list(range(0, 24, 2))
    unit = VECTORS[::2] / np.linalg.norm(VECTORS[::2], axis=1, keepdims=True)
    assert table["cluster"].to_pylist() == agglomerative(unit, threshold_sq=0.5).tolist()


def test_rows_with_several_labels_are_clustered_and_not_compared(files: Path) -> None:
    (files / "y.csv").write_text("\n".join(["label", *(f"c{each}|x" for each in CLASSES)]))
    given = ("--embeddings", files / "x.npy", "--labels", files / "y.csv", "--label-separator", "|")
    code, said = ask(*given, "--clusters", 4, "--out", files / "c.parquet")
    assert code == 0, said
    assert "not compared with the labels" in said
    assert pq.read_table(files / "c.parquet").column_names == ["row", "key", "cluster"]


def test_the_rows_of_a_run_are_clustered_by_key(finished: Path, tmp_path: Path) -> None:
    place = copied(finished, tmp_path)
    code, said = place.ask("cluster", "RUN", "--clusters", "5", "--out", str(tmp_path / "c.parquet"))
    assert code == 0, said
    assert "epoch " in said
    assert "purity" in said
    table, rows = pq.read_table(tmp_path / "c.parquet"), pq.read_table(place.root / "rows.parquet")
    assert table["key"].to_pylist() == rows["key"].to_pylist()[: len(table)]
    assert table["label"].to_pylist() == rows["label"].to_pylist()[: len(table)]


def test_more_rows_than_memory_holds_distances_of_are_refused_before_they_are_made(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.machine_memory_mib is machine.machine_memory_mib
    monkeypatch.setattr(module, "machine_memory_mib", lambda: 4)
    np.save(files / "many.npy", np.zeros((2000, 2), np.float32))
    given = ("--embeddings", files / "many.npy", "--out", files / "c.parquet")
    code, said = ask(*given, "--threshold", 1)
    assert code == 1
    assert "30 MiB, but this machine has 4 MiB, enough for about 724 rows: give --clusters" in said
    assert not (files / "c.parquet").exists()
    code, said = ask(*given, "--clusters", 1)
    assert code == 0, said
    np.save(files / "fewer.npy", np.zeros((700, 2), np.float32))
    code, said = ask("--embeddings", files / "fewer.npy", "--out", files / "d.parquet", "--threshold", 1)
    assert code == 0, said


def test_what_does_not_fit_together_is_one_message(files: Path) -> None:
    given = ("--embeddings", files / "x.npy", "--out", files / "c.parquet")
    refused = {
        "neither threshold": given,
        "threshold and clusters are both given": (*given, "--threshold", 1, "--clusters", 2),
        "neither FOLDER nor --embeddings": ("--out", files / "c.parquet", "--clusters", 2),
        "FOLDER and --embeddings are both": (files, *given, "--clusters", 2),
        "call it c.parquet": (*given[:-1], files / "c.csv", "--clusters", 2),
        "--clusters is 25 but there are 24 rows: lower it to at most 24": (*given, "--clusters", 25),
        "--threshold is -1.0 but must be at least 0.0: raise it": (*given, "--threshold", -1),
        "has no labels and no splits: leave it out": (*given, "--split", "train", "--clusters", 2),
    }
    for says, words in refused.items():
        code, said = ask(*words)
        assert code == 1
        assert says in said, said
    assert ask(*given, "--clusters", 24)[0] == 0
    code, said = ask(*given, "--clusters", 24)
    assert "c.parquet exists already: choose another name, or remove it" in said
