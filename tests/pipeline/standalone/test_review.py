"""`tripletmine mine --review`: the loop of suspects, decisions and mining again, on the command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_digits
from tripletmine.flows.cli import app
from typer.testing import CliRunner

ROWS = 500


def told(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as a Parquet table with keys, every twentieth with a label that is not its picture's."""
    pixels, labels = load_digits(return_X_y=True)
    labels = np.asarray(labels)[:ROWS].copy()
    labels[::20] = (labels[::20] + 3) % 10
    path = tmp_path_factory.mktemp("review") / "digits.parquet"
    columns = {
        "embedding": list(np.asarray(pixels)[:ROWS].astype(np.float32)),
        "label": labels.astype(str),
        "key": [f"=d{row}" for row in range(ROWS)],
    }
    pq.write_table(pa.table(columns), path)
    return path


def mine(vectors: Path, out: Path, *more: object) -> str:
    return told("mine", "--embeddings", vectors, "--normalise", "--neighbours", 60, "--out", out, *more)


def test_suspects_that_a_person_decided_about_come_back_as_a_review(vectors: Path, tmp_path: Path) -> None:
    mine(vectors, tmp_path / "before")
    told("suspects", tmp_path / "before", "--out", tmp_path / "suspects")
    found = pq.read_table(tmp_path / "suspects" / "mislabelled.parquet").to_pylist()
    planted = {f"=d{row}" for row in range(0, ROWS, 20)}
    assert len(planted & {each["key"] for each in found}) > 20
    triplets = pq.read_table(tmp_path / "before" / "triplets").to_pylist()
    gone, one, other = found[0]["key"], triplets[0]["anchor"], triplets[0]["negative"]
    review = tmp_path / "review.csv"
    with review.open("w", newline="") as file:
        page = csv.writer(file)
        page.writerow(("decision", "key", "other_key", "label"))
        page.writerow(("exclude", gone, "", ""))
        page.writerows(("relabel", each["key"], "", each["suggested_label"]) for each in found[1:])
        page.writerow(("never_negative", f"=d{other}", f"=d{one}", ""))
        page.writerow(("keep", "=d9999", "", ""))

    text = mine(vectors, tmp_path / "after", "--review", review)
    assert f"{len(found) - 1} rows relabelled, 1 excluded, 1 pairs never negatives" in text
    assert "1 keys that no row has" in text
    after = pq.read_table(tmp_path / "after" / "triplets").to_pylist()
    assert [each for each in triplets if each["anchor"] == one and each["negative"] == other]
    assert not [each for each in after if {each["anchor"], each["negative"]} == {one, other}]
    assert not [
        each for each in after if int(gone[2:]) in (each["anchor"], each["positive"], each["negative"])
    ]
    label = {int(each["key"][2:]): each["suggested_label"] for each in found[1:]}
    assert {each["anchor"] for each in after} & label.keys()
    assert not [
        each for each in after if label.get(each["anchor"], each["anchor_label"]) != each["anchor_label"]
    ]
    counts = json.loads((tmp_path / "after" / "mining.json").read_bytes())["review"]
    assert (counts["relabelled"], counts["excluded"], counts["never_negatives"], counts["unknown"]) == (
        len(found) - 1,
        1,
        1,
        1,
    )
    # The folder itself says what it was mined with, wherever the review is by then.
    review.unlink()
    assert "no violation" in told("audit", tmp_path / "after")
    assert "0 rows in" in told(
        "suspects", tmp_path / "after", "--out", tmp_path / "rest", "--minimum-score", 0.9
    )


def test_a_review_of_other_data_is_refused_before_any_work(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_text("decision,key,other_key,label\nexclude,a.png,,\n")
    arguments = ["mine", "--embeddings", vectors, "--normalise", "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [*map(str, arguments), "--review", str(tmp_path / "review.csv")])
    assert result.exit_code == 1
    assert "no key of the review" in result.output
    assert '(such as "a.png") is in the data, whose keys look like "=d' in result.output
    assert not (tmp_path / "out").exists()
