"""Mining somebody's own vectors, and what can be done with the folder that it leaves."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from oracles import exact_neighbours
from present import present
from sklearn.datasets import load_digits
from tripletmine.flows.cli import app
from tripletmine.mining.errors import InputError
from tripletmine.mining.rule import MiningRule
from tripletmine.pipeline.artifacts.neighbours import read_some_neighbours
from tripletmine.pipeline.errors import DataError, SpecError
from tripletmine.pipeline.standalone.audit import audit_folder, list_suspects
from tripletmine.pipeline.standalone.mine_files import MinedFiles, mine_files
from tripletmine.pipeline.standalone.triplet_export import export_triplets
from tripletmine.pipeline.standalone.triplet_folder import open_triplets
from typer.testing import CliRunner

ROWS, NEIGHBOURS = 500, 40


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels of real digits as unit vectors, float32 (500, 64), and their labels."""
    pixels, labels = load_digits(return_X_y=True)
    vectors = np.asarray(pixels)[:ROWS].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.asarray(labels)[:ROWS]


def save(folder: Path, kind: str, vectors: np.ndarray, labels: np.ndarray) -> tuple[str, str | None]:
    """Vectors and labels in one of the formats; returns the paths."""
    path = folder / f"vectors.{kind}"
    match kind:
        case "npz":
            np.savez(path, embeddings=vectors, labels=labels)
            return str(path), None
        case "parquet":
            columns = {
                "embedding": list(vectors),
                "label": labels.astype(str),
                "key": [f"item {i}" for i in range(len(labels))],
            }
            pq.write_table(pa.table(columns), path)
            return str(path), None
        case "zarr":
            zarr.create_array(str(path), data=vectors)
        case _:
            np.save(path, vectors)
    np.save(folder / "labels.npy", labels)
    return str(path), str(folder / "labels.npy")


def mine(saved: tuple[str, str | None], out: Path, **changes: Any) -> MinedFiles:
    rule = changes.pop("rule", MiningRule(k_hardness=0.9))
    return mine_files(
        *saved, out, rule, **{"neighbours": NEIGHBOURS, "method": "exact", "chunk_rows": 200, **changes}
    )


@pytest.fixture(scope="module")
def mined(digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of triplets, mined once."""
    folder = tmp_path_factory.mktemp("alone")
    mine(save(folder, "npy", *digits), folder / "out")
    return folder / "out"


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet", "zarr"])
def test_every_format_gives_the_same_triplets(kind: str, digits, mined: Path, tmp_path: Path) -> None:
    result = mine(save(tmp_path, kind, *digits), tmp_path / "out")
    assert (result.rows, result.classes, result.graph.method) == (ROWS, 10, "exact")
    for path in sorted((mined / "triplets").iterdir()):
        other = pq.read_table(tmp_path / "out" / "triplets" / path.name)
        assert other.equals(pq.read_table(path))


def test_the_folder_holds_what_was_promised(digits, mined: Path) -> None:
    names = {path.name for path in mined.iterdir()}
    assert names == {
        "triplets", "confusion.parquet", "classes.parquet", "neighbours.zarr", "audit.json", "mining.json"
    }  # fmt: skip
    assert len(list((mined / "triplets").iterdir())) == 3
    classes = pq.read_table(mined / "classes.parquet").to_pylist()
    triplets = sum(pq.read_metadata(path).num_rows for path in (mined / "triplets").iterdir())
    assert sum(each["triplets"] for each in classes) == triplets > 0
    assert [each["rows"] for each in classes] == np.bincount(digits[1]).tolist()
    table = read_some_neighbours(mined / "neighbours.zarr", np.arange(ROWS))
    assert all(len(set(row)) == NEIGHBOURS for row in table.ids.tolist())
    # By distance: which of two equally near rows comes first depends on the last bit, and so on the processor.
    differences = digits[0][table.ids] - digits[0][:, None]
    nearest = exact_neighbours(digits[0], NEIGHBOURS).sq_distances
    np.testing.assert_allclose((differences**2).sum(axis=2), nearest, rtol=1e-4, atol=1e-6)


def test_an_audit_finds_nothing_until_a_triplet_is_changed(mined: Path, tmp_path: Path, digits) -> None:
    found = audit_folder(mined)
    assert found.triplets.ok
    assert found.triplets.checked == found.triplets.triplets > 0
    assert found.recall == 1.0

    mine(save(tmp_path, "npy", *digits), tmp_path / "out")
    part = tmp_path / "out" / "triplets" / "part-00001.parquet"
    table = pq.read_table(part)
    anchors = table["anchor"].to_numpy().copy()
    anchors[0] = (anchors[0] + 1) % ROWS
    pq.write_table(table.set_column(0, "anchor", pa.array(anchors)), part)
    assert "distance" in audit_folder(tmp_path / "out").triplets.violations


def test_keys_of_the_labels_name_the_rows(digits, tmp_path: Path) -> None:
    mine(save(tmp_path, "parquet", *digits), tmp_path / "out")
    assert open_triplets(tmp_path / "out").keys[3].as_py() == "item 3"


def test_suspects_are_listed_with_their_keys_strongest_first(digits, tmp_path: Path) -> None:
    vectors, labels = digits
    wrong = labels.copy()
    wrong[[7, 99]] = (wrong[[7, 99]] + 5) % 10
    mine(save(tmp_path, "parquet", vectors, wrong), tmp_path / "out")
    list_suspects(tmp_path / "out", tmp_path / "suspects")
    listed = pq.read_table(tmp_path / "suspects" / "mislabelled.parquet").to_pandas()
    assert {7, 99} <= set(listed["row"])
    assert set(listed["key"]) == {f"item {row}" for row in listed["row"]}
    assert listed["score"].is_monotonic_decreasing
    assert listed.set_index("row").loc[7, "suggested_label"] == str(labels[7])
    assert (tmp_path / "suspects" / "false_negatives.parquet").exists()


def test_vectors_that_are_not_of_unit_length_are_refused_unless_asked(digits, tmp_path: Path) -> None:
    vectors, labels = digits
    paths = save(tmp_path, "npy", vectors * 3, labels)
    with pytest.raises(InputError, match=r"length 3 to 3, but .* --normalise"):
        mine(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert present(mine(paths, tmp_path / "out", normalise=True).audit)["violations"] == {}
    assert audit_folder(tmp_path / "out").triplets.ok


@pytest.mark.parametrize(
    ("vectors", "labels", "error", "message"),
    [
        (lambda x: np.where(np.arange(len(x))[:, None] == 5, np.nan, x), None, InputError, "row"),
        (lambda x: x[:0], None, DataError, "which is empty"),
        (lambda x: x, np.zeros(ROWS, np.int64), InputError, "2 classes"),
        (lambda x: x, np.zeros(3, np.int64), DataError, "3 labels"),
        (lambda x: x.reshape(ROWS, 8, 8), None, DataError, "shape"),
        (lambda x: x.astype(str), None, DataError, "numbers"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    vectors, labels, error, message, digits, tmp_path: Path
) -> None:
    paths = save(tmp_path, "npy", vectors(digits[0]), digits[1] if labels is None else labels)
    with pytest.raises(error, match=message):
        mine(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_precisions_are_taken(dtype, digits, tmp_path: Path) -> None:
    paths = save(tmp_path, "npy", digits[0].astype(dtype), digits[1])
    assert present(mine(paths, tmp_path / "out", normalise=True).audit)["violations"] == {}


def test_a_folder_that_is_there_is_not_overwritten(mined: Path, digits, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="exists already"):
        mine(save(tmp_path, "npy", *digits), mined)
    with pytest.raises(SpecError, match="exists already"):
        export_triplets(mined, mined)
    with pytest.raises(SpecError, match="holds no mined triplets"):
        open_triplets(tmp_path)


def test_neither_torch_nor_prefect_is_imported(digits, tmp_path: Path) -> None:
    embeddings, labels = save(tmp_path, "npy", *digits)
    program = f"""
import sys
from pathlib import Path
from tripletmine.pipeline.standalone.audit import audit_folder
from tripletmine.pipeline.standalone.mine_files import mine_files
out = Path({str(tmp_path / "out")!r})
mine_files({embeddings!r}, {labels!r}, out, neighbours=20)
assert audit_folder(out).triplets.ok
print(sorted(set(sys.modules) & {{"torch", "prefect", "sklearn", "distributed", "safetensors"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_random_order_is_kept_with_the_folder_and_drawn_by_the_seed(digits, tmp_path: Path) -> None:
    embeddings, labels = save(tmp_path, "npy", *digits)
    for number, seed in enumerate(("3", "3", "4")):
        command = [
            "mine",
            "--embeddings",
            embeddings,
            "--labels",
            str(labels),
            "--order",
            "random",
            "--seed",
            seed,
        ]
        out = tmp_path / f"out-{number}"
        result = CliRunner().invoke(app, [*command, "--k-hardness", "0.9", "--out", str(out)])
        assert result.exit_code == 0, result.output
        found = audit_folder(out)
        assert found.triplets.ok
        assert found.triplets.triplets > 0
    once, again, other = (
        pq.read_table(out / "triplets").select(["anchor", "positive", "negative"])
        for out in sorted(tmp_path.glob("out-*"))
    )
    assert once.equals(again)
    assert not once.equals(other)


def test_an_unknown_order_is_refused(tmp_path: Path, digits) -> None:
    embeddings, labels = save(tmp_path, "npy", *digits)
    command = ["mine", "--embeddings", embeddings, "--labels", str(labels), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--order", "nearest"])
    assert result.exit_code != 0
    assert "--order is 'nearest' but must be one of farthest, random" in result.output


def test_guards_on_the_command_line(digits, tmp_path: Path) -> None:
    vectors, labels = digits
    table = {
        "label": labels.astype(str),
        "group": [None if i % 4 == 0 else f"page {i % 9}" for i in range(ROWS)],
    }
    pq.write_table(pa.table({"embedding": list(vectors), **table}), tmp_path / "pages.parquet")
    options = {
        "--duplicate-sq": "0.15",
        "--minimum-sq": "0.17",
        "--maximum-sq": "0.3",
        "--minimum-margin-sq": "0.01",
        "--relative-margin": "0.01",
        "--positive-percentile": "5",
        "--same-group": "never-pair",
    }
    arguments = ["mine", "--embeddings", str(tmp_path / "pages.parquet"), "--out", str(tmp_path / "out")]
    arguments += [text for option in options.items() for text in option] + ["--rank-window", "2", "60"]
    result = CliRunner().invoke(app, [*arguments, "--neighbours", "100", "--k-hardness", "0.8"])
    assert result.exit_code == 0, result.output
    about = json.loads((tmp_path / "out" / "mining.json").read_text())
    refused = about["counts"]["refused"]
    assert {name for name, count in refused.items() if not count} == {"never_negative", "teacher"}
    assert about["counts"]["positives_of_group"] > 0
    assert open_triplets(tmp_path / "out").rule.guards.same_group == "never-pair"
    assert audit_folder(tmp_path / "out").ok
    unguarded = mine((str(tmp_path / "pages.parquet"), None), tmp_path / "all", neighbours=100)
    groups = present(open_triplets(tmp_path / "all").groups)
    columns = pq.read_table(tmp_path / "all" / "triplets", columns=["anchor", "negative"])
    anchor, negative = (groups[columns[name].to_numpy()] for name in ("anchor", "negative"))
    assert unguarded.mining.refused["same_group"] == 0
    assert ((anchor == negative) & (anchor >= 0)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--same-group", "never-pair"], "--same-group is never-pair, but the files have no column group"),
        (["--same-group", "never"], "--same-group is 'never' but must be one of never-negative, never-pair"),
        (["--minimum-sq", "0.5", "--maximum-sq", "0.4"], "no distance lies between"),
    ],
)
def test_guards_that_cannot_be_asked_for(digits, tmp_path: Path, options: list[str], message: str) -> None:
    saved = save(tmp_path, "npz", *digits)
    arguments = ["mine", "--embeddings", saved[0], "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize("by_key", [True, False])
def test_pairs_that_are_never_negatives(digits, mined: Path, tmp_path: Path, by_key: bool) -> None:
    saved = save(tmp_path, "parquet", *digits)
    columns = pq.read_table(mined / "triplets", columns=["anchor", "negative"])
    rows = np.stack([columns["negative"].to_numpy(), columns["anchor"].to_numpy()], axis=1)[::50]
    names = ("key", "other_key") if by_key else ("row", "other")
    cells = [[f"item {row}" if by_key else str(row) for row in pair] for pair in (*rows, (0, 10_000))]
    (tmp_path / "never.csv").write_text("\n".join(",".join(line) for line in (names, *cells)))
    notes: list[str] = []
    never = {"never_negatives": tmp_path / "never.csv", "note": notes.append}
    result = mine(saved, tmp_path / "out", **never)
    assert (
        f"{tmp_path / 'never.csv'}: 1 of {len(rows) + 1} pairs are not of these rows, and left out" in notes
    )
    assert result.mining.refused["never_negative"] >= len(rows)
    assert audit_folder(tmp_path / "out").ok
    shutil.copy(tmp_path / "out" / "never_negatives.parquet", tmp_path / "kept.parquet")
    mine(saved, tmp_path / "all")
    shutil.copy(tmp_path / "kept.parquet", tmp_path / "all" / "never_negatives.parquet")
    assert set(audit_folder(tmp_path / "all").triplets.violations) == {"never_negative"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "key,row\n1,2",
            "must have the columns key and other_key (keys), or row and other (rows, from 0); it has key, row",
        ),
        ("row,other\n1,x", 'column "other" has a value that is not a row'),
        ("key,other_key\nnobody,item 3", "none of the 1 pairs is of these rows: give pairs of these files"),
        ("row,other\n7,7", "never_negatives[0] pairs row 7 with itself: leave it out"),
    ],
)
def test_pairs_that_cannot_be_read(digits, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "never.csv").write_text(text)
    saved = save(tmp_path, "parquet", *digits)
    with pytest.raises(DataError, match=re.escape(message)):
        mine(saved, tmp_path / "out", never_negatives=tmp_path / "never.csv")


TEACHER = """
asked = []

def score(anchors, others):
    asked.append(len(anchors))
    return [(int(a.split()[1]) + int(b.split()[1])) % 3 + 1.0 for a, b in zip(anchors, others)]

def short(anchors, others):
    return [1.0]
"""


def told(anchor: int, other: int) -> float:
    """The score of the teacher above."""
    return (anchor + other) % 3 + 1.0


@pytest.mark.parametrize("by_file", [False, True])
def test_a_teacher_refuses_negatives_that_score_like_positives(digits, tmp_path: Path, by_file: bool) -> None:
    saved = save(tmp_path, "parquet", *digits)
    mine(saved, tmp_path / "all")
    names = ("anchor", "positive", "negative")
    table = pq.read_table(tmp_path / "all" / "triplets", columns=list(names))
    triplets = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    if by_file:
        pairs = sorted({(a, row) for a, p, n in triplets for row in (p, n)})
        scores = {"key": [], "other_key": [], "score": []}
        for at, (a, b) in enumerate(pairs):
            swapped = at % 2 == 1  # within one set, a pair may be given either way round
            scores["key"].append(f"item {b if swapped else a}")
            scores["other_key"].append(f"item {a if swapped else b}")
            scores["score"].append(told(a, b))
        pq.write_table(pa.table(scores), tmp_path / "scores.parquet")
        reference = str(tmp_path / "scores.parquet")
    else:
        (tmp_path / "teacher.py").write_text(TEACHER)
        reference = f"{tmp_path / 'teacher.py'}:score"
    expected = [(a, p, n) for a, p, n in triplets if told(a, n) <= told(a, p) * 0.95]
    arguments = ["mine", "--embeddings", saved[0], "--out", str(tmp_path / "out"), "--rescore", reference]
    arguments += ["--k-hardness", "0.9", "--neighbours", str(NEIGHBOURS), "--method", "exact"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    kept = pq.read_table(tmp_path / "out" / "triplets", columns=list(names))
    found = list(zip(*(kept[name].to_pylist() for name in names), strict=True))
    counts = json.loads((tmp_path / "out" / "mining.json").read_text())["counts"]
    assert counts["refused"]["teacher"] == len(triplets) - len(found) > 0
    assert counts["triplets"] == len(found) > 0
    assert found == expected
    assert audit_folder(tmp_path / "out").ok


def test_a_teacher_that_cannot_be_asked(digits, tmp_path: Path) -> None:
    saved = save(tmp_path, "parquet", *digits)
    (tmp_path / "teacher.py").write_text(TEACHER)
    with pytest.raises(
        DataError, match=r"teacher.py:short gave shape \(1,\) for .* pairs: return a finite number"
    ):
        mine(saved, tmp_path / "out", rescore=f"{tmp_path / 'teacher.py'}:short")
    pq.write_table(
        pa.table({"key": ["item 1"], "other_key": ["item 2"], "score": [0.5]}), tmp_path / "few.parquet"
    )
    with pytest.raises(
        DataError, match=r"no finite score for .* pairs, as \('item .*', 'item .*'\): mine without"
    ):
        mine(saved, tmp_path / "out", rescore=str(tmp_path / "few.parquet"))
    pq.write_table(pa.table({"key": ["item 1"], "score": [0.5]}), tmp_path / "half.parquet")
    with pytest.raises(
        DataError, match=r"half.parquet has no column other_key: it must have key, other_key, score"
    ):
        mine(saved, tmp_path / "out", rescore=str(tmp_path / "half.parquet"))
