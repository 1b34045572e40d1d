"""Mining on Dask workers leaves what mining in one process leaves."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.mining.errors import InputError
from tripletmine.mining.guards import Guards
from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.workers.admission import Admission, versions
from typer.testing import CliRunner

from ...workers.conftest import Cluster

ROWS, WIDTH, CLASSES, NEIGHBOURS = 6000, 32, 60, 20
SMALL_MIB = 1
"""Half of it holds a third of the vectors."""

KILLING_TEACHER = """
import os, signal
from pathlib import Path

def score(anchors, others):
    mark = Path({mark!r})
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [(len(a) * 7 + int(b[1:]) * 13) % 101 / 101 for a, b in zip(anchors, others)]
"""


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """float32 (6000, 32), of any length, near the centres of their classes."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((CLASSES, WIDTH))
    rows = centres[np.arange(ROWS) % CLASSES] + 0.7 * rng.standard_normal((ROWS, WIDTH))
    return rows.astype(np.float32)


@pytest.fixture
def table(tmp_path: Path, vectors: np.ndarray) -> Path:
    """A Parquet file of vectors, keys, labels, groups and splits."""
    rng = np.random.default_rng(6)
    columns = {
        "key": [f"r{row}" for row in range(ROWS)],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), WIDTH),
        "label": [f"class {row % CLASSES}" for row in range(ROWS)],
        "group": [f"g{group}" for group in rng.integers(0, 900, ROWS)],
        "split": ["validation" if row % 11 == 0 else "train" for row in range(ROWS)],
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but mining.json."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "mining.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def recorded(folder: Path) -> dict[str, Any]:
    """mining.json without what depends on the parts of the search."""
    found = json.loads((folder / "mining.json").read_text())
    for name in ("parts", "why"):
        del found["graph"][name]
    del found["settings"]["memory_mib"]
    return found


def require_same(one: Path, other: Path) -> None:
    assert contents(one).keys() == contents(other).keys()
    assert [name for name, content in contents(one).items() if contents(other)[name] != content] == []
    assert recorded(one) == recorded(other)
    assert sum("triplets/" in name for name in contents(one)) > 1


RULES = {
    "neighbours": tm.MiningRule(margin=0.5),
    "class": tm.MiningRule(
        margin=0.5,
        positives="class",
        order="random",
        guards=Guards(duplicate_sq=0.05, same_group="never-pair"),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_exact_search_in_parts_finds_the_same_triplets(
    two_workers: Cluster, table: Path, tmp_path: Path, rule: str
) -> None:
    given: dict[str, Any] = {
        "neighbours": NEIGHBOURS,
        "normalise": True,
        "method": "exact",
        "chunk_rows": 2500,
    }
    tm.mine_files(table, None, tmp_path / "here", RULES[rule], **given)
    found = tm.mine_files(
        table,
        None,
        tmp_path / "there",
        RULES[rule],
        cluster=two_workers.address,
        memory_mib=SMALL_MIB,
        **given,
    )
    assert found.graph.parts >= 2
    assert found.graph.recall == 1.0
    require_same(tmp_path / "there", tmp_path / "here")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("method", ["auto", "cells", "hnsw", "traverse_add"])
def test_graphs_find_the_same_triplets(
    two_workers: Cluster, vectors: np.ndarray, tmp_path: Path, method: str
) -> None:
    """hnsw is deterministic only with one thread."""
    np.save(tmp_path / "vectors.npy", vectors.astype(np.float64))
    np.save(tmp_path / "labels.npy", np.arange(ROWS) % CLASSES)
    given: dict[str, Any] = {
        "neighbours": NEIGHBOURS,
        "normalise": True,
        "method": method,
        "recall_target": 0.95,
        "threads": 1,
        "chunk_rows": 2500,
    }
    files = tmp_path / "vectors.npy", tmp_path / "labels.npy"
    tm.mine_files(*files, tmp_path / "here", **given)
    tm.mine_files(*files, tmp_path / "there", cluster=two_workers.address, **given)
    require_same(tmp_path / "there", tmp_path / "here")


@pytest.fixture
def pairs(tmp_path: Path, vectors: np.ndarray) -> tuple[Path, Path, Path]:
    """800 queries, of which 700 have one or two documents; 30 are documents."""
    rng = np.random.default_rng(7)
    query = np.concatenate([np.arange(700), np.arange(0, 700, 3)])
    document = rng.integers(0, ROWS, len(query))
    asked = rng.standard_normal((800, WIDTH)).astype(np.float32)
    np.add.at(asked, query, 2 * vectors[document])
    asked[:30] = vectors[:30]
    sides = {
        "queries": (asked, [f"d{row}" if row < 30 else f"q{row}" for row in range(800)]),
        "corpus": (vectors, [f"d{row}" for row in range(ROWS)]),
    }
    for name, (rows, keys) in sides.items():
        lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), WIDTH)
        pq.write_table(pa.table({"key": keys, "embedding": lists}), tmp_path / f"{name}.parquet")
    keys = sides["queries"][1]
    named = {"query": [keys[row] for row in query], "document": [f"d{row}" for row in document]}
    pq.write_table(pa.table(named), tmp_path / "relevant.parquet")
    return tmp_path / "queries.parquet", tmp_path / "corpus.parquet", tmp_path / "relevant.parquet"


@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_a_corpus_in_parts_gives_the_same_triplets(
    two_workers: Cluster, pairs: tuple[Path, Path, Path], tmp_path: Path, method: str
) -> None:
    given: dict[str, Any] = {
        "same_items": True,
        "neighbours": NEIGHBOURS,
        "normalise": True,
        "method": method,
        "recall_target": 0.9,
        "threads": 1,
        "memory_mib": 3,
        "chunk_rows": 300,
    }
    rule = tm.MiningRule(margin=0.6, guards=Guards(duplicate_sq=0.02))
    here = tm.mine_pair_files(*pairs, tmp_path / "here", rule, **given)
    there = tm.mine_pair_files(*pairs, tmp_path / "there", rule, cluster=two_workers.address, **given)
    assert there.graph == here.graph
    assert (here.graph.parts > 1) == (method != "exact")
    assert there.remarks == here.remarks
    require_same(tmp_path / "there", tmp_path / "here")


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(
    two_workers: Cluster, table: Path, tmp_path: Path
) -> None:
    """The teacher kills the process that asks it first, once."""
    given: dict[str, Any] = {"neighbours": NEIGHBOURS, "normalise": True, "chunk_rows": 1000}
    mark = tmp_path / "killed"
    teacher = tmp_path / "teacher.py"
    teacher.write_text(KILLING_TEACHER.format(mark=str(mark)))
    given["rescore"] = f"{teacher}:score"
    tm.mine_files(table, None, tmp_path / "there", cluster=two_workers.address, **given)
    assert mark.exists()
    tm.mine_files(table, None, tmp_path / "here", **given)
    require_same(tmp_path / "there", tmp_path / "here")
    refused = json.loads((tmp_path / "there" / "mining.json").read_text())["counts"]["refused"]
    assert refused["teacher"] > 0


@pytest.mark.usefixtures("forked_workers")
def test_the_command_mines_on_workers_of_this_machine(table: Path, tmp_path: Path) -> None:
    command = ["mine", "--embeddings", str(table), "--normalise", "--neighbours", str(NEIGHBOURS)]
    for folder, workers in (("here", []), ("there", ["--workers", "2", "--memory-mib", "64"])):
        done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / folder), *workers])
        assert done.exit_code == 0, done.output
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_worker_that_does_not_see_the_folder_is_told_so(tmp_path: Path) -> None:
    given: dict[str, Any] = {"called": "folder", "setting": "--out", "secret": b"1", "topic": "any"}
    check = Admission(versions=versions(), root="/data/out", token=str(tmp_path / "none"), **given)
    assert check.problem() == (
        "does not see the folder /data/out: put --out on a file system that all workers share"
    )


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str, dict[str, Any]]] = {
    "both": (
        {"workers": 2, "cluster": "tcp://127.0.0.1:1"},
        SpecError,
        "workers is 2, and the cluster tcp://127.0.0.1:1 has workers of its own: leave one of them out",
        {"workers": 2},
    ),
    "no workers": ({"workers": 0}, InputError, "workers is 0 but must be at least 1", {"workers": 1}),
    "a graph that does not fit": (
        {"workers": 1, "method": "cells", "memory_mib": SMALL_MIB},
        UnavailableError,
        "does not fit into half of the 1 MiB that a worker has for it: raise memory_mib, or give method = 'exact'",
        {"workers": 1, "method": "exact", "memory_mib": SMALL_MIB},
    ),
}


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_a_remedy_that_works(table: Path, tmp_path: Path, case: str) -> None:
    asked, error, says, remedy = REFUSED[case]
    given: dict[str, Any] = {"neighbours": NEIGHBOURS, "normalise": True}
    with pytest.raises(error) as caught:
        tm.mine_files(table, None, tmp_path / "out", **given, **asked)
    assert says in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert tm.mine_files(table, None, tmp_path / "out", **given, **remedy).mining.triplets


def test_no_scheduler_at_the_address(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"^cluster is tcp://127.0.0.1:1, where no scheduler answers"):
        tm.mine_files(table, None, tmp_path / "out", normalise=True, cluster="tcp://127.0.0.1:1")


def test_more_memory_than_workers_have(
    start_cluster: Callable[[], Cluster], table: Path, tmp_path: Path
) -> None:
    cluster = start_cluster()
    cluster.add_worker(options=["--memory-limit", "1400MiB"])
    given: dict[str, Any] = {"normalise": True, "cluster": cluster.address}
    with pytest.raises(
        UnavailableError, match=r"a task of mine needs 5050 MiB but a worker has 1120 MiB.*lower"
    ):
        tm.mine_files(table, None, tmp_path / "out", memory_mib=4000, **given)
    assert tm.mine_files(table, None, tmp_path / "out", memory_mib=16, **given).mining.triplets


def test_nothing_was_mined_here(two_workers: Cluster, table: Path, tmp_path: Path) -> None:
    """The teacher records the processes that ask it: this one is not among them."""
    teacher = tmp_path / "teacher.py"
    teacher.write_text(
        "import os\nfrom pathlib import Path\n\ndef score(anchors, others):\n"
        f"    Path({str(tmp_path)!r}, f'asked-{{os.getpid()}}').touch()\n    return [0.0] * len(anchors)\n"
    )
    tm.mine_files(
        table,
        None,
        tmp_path / "out",
        normalise=True,
        neighbours=NEIGHBOURS,
        chunk_rows=500,
        rescore=f"{teacher}:score",
        teacher=tm.TeacherBound(relative_margin=0.0),
        cluster=two_workers.address,
    )
    asked = {int(path.name.removeprefix("asked-")) for path in tmp_path.glob("asked-*")}
    assert asked
    assert os.getpid() not in asked
