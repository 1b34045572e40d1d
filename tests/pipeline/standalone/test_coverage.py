"""Why anchors got no triplet, and that the remedies named for it work."""

from pathlib import Path

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.standalone.coverage import why_not_all
from typer.testing import CliRunner

ROWS, CLASSES = 400, 40


@pytest.fixture
def saved(tmp_path: Path) -> list[str]:
    """Points without any structure, float64 (400, 6), ten of a class and two alone: arguments of `mine`."""
    random = np.random.default_rng(1)
    vectors = random.normal(size=(ROWS, 6))
    np.save(tmp_path / "x.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    labels = np.arange(ROWS) % CLASSES
    labels[[7, 11]] = [100, 101]
    np.save(tmp_path / "y.npy", labels)
    return ["--embeddings", str(tmp_path / "x.npy"), "--labels", str(tmp_path / "y.npy")]


def told(saved: list[str], out: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["mine", *saved, "--out", str(out), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def count(page: str, what: str) -> int:
    """The number with which the line that has these words begins; 0 without one."""
    return next((int(line.split()[0].replace(",", "")) for line in page.splitlines() if what in line), 0)


UNSEEN = "had no positive among their"
WITHOUT = "had a positive but no negative that the rule admits"
ALONE = "are the only row of their class"


def test_each_reason_is_counted_and_mended_by_what_it_names(saved: list[str], tmp_path: Path) -> None:
    few = told(saved, tmp_path / "few", "--neighbours", "10")
    of_table = tm.read_triplets(tmp_path / "few").report
    assert count(few, ALONE) == 2
    assert count(few, UNSEEN) == of_table.anchors_without_positive - 2 > 100
    assert "of 400 anchors had no positive among their 10 neighbours: raise --neighbours" in few
    assert count(few, WITHOUT) == of_table.anchors_without_admissible_negative >= 10
    assert (
        count(few, ALONE) + count(few, UNSEEN) + count(few, WITHOUT) + of_table.anchors_with_triplet == ROWS
    )

    more = told(saved, tmp_path / "more", "--neighbours", "150")
    assert count(more, UNSEEN) < count(few, UNSEEN) / 4
    whole_class = told(saved, tmp_path / "class", "--neighbours", "10", "--positives", "class")
    assert count(whole_class, UNSEEN) == 0
    for number, mends in enumerate((("--margin", "0.4"), ("--k-hardness", "0.8"), ("--neighbours", "60"))):
        options = {"--neighbours": "10", "--positives": "class", mends[0]: mends[1]}
        mended = told(saved, tmp_path / str(number), *(word for pair in options.items() for word in pair))
        assert count(mended, WITHOUT) < count(whole_class, WITHOUT), mends


def test_a_recall_below_its_target_is_said_with_what_mends_it(tmp_path: Path) -> None:
    """Effort is chosen on one sample and measured on another: now and then that falls short."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", random.normal(size=(4000, 24)))
    np.save(tmp_path / "y.npy", np.arange(4000) % 50)

    def mined(
        out: str, seed: int, method: str = "traverse_add", target: float = 0.97
    ) -> tuple[float, list[str]]:
        found = tm.mine_files(
            tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / out, normalise=True, neighbours=20,
            method=method, recall_target=target, audit_sample=0, seed=seed,
        )  # fmt: skip
        return found.graph.recall, [
            remark for remark in found.remarks if "is below --recall-target" in remark
        ]

    for seed in range(8):
        recall, said = mined(f"seed {seed}", seed)
        assert bool(said) == (recall < 0.97)
        if said:
            break
    else:
        pytest.fail("no seed fell short: take more")
    assert said[0].endswith(
        "below --recall-target = 0.97: raise that a little, or search with --method exact"
    )
    assert mined("exact", seed, "exact") == (1.0, [])
    assert mined("higher", seed, target=0.99)[0] >= 0.97


def test_no_triplet_at_all_is_an_error_that_says_why(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(4), 10)
    vectors = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    vectors += 1e-3 * np.random.default_rng(0).normal(size=vectors.shape).astype(np.float32)
    np.savez(tmp_path / "x.npz", embeddings=vectors, labels=labels)
    with pytest.raises(
        DataError, match=r"no triplet was found: 40 of 40 anchors had a positive but no negative"
    ):
        tm.mine_files(tmp_path / "x.npz", None, tmp_path / "out", normalise=True)
    assert {path.name for path in tmp_path.iterdir()} == {"x.npz"}
    # As it says: a larger margin admits some.
    wider = tm.MiningRule(margin=2.0)
    assert (
        tm.mine_files(tmp_path / "x.npz", None, tmp_path / "out", wider, normalise=True).mining.triplets > 0
    )


def test_more_neighbours_are_not_asked_for_where_there_are_none(saved: list[str], tmp_path: Path) -> None:
    for neighbours, words in (("100", "more --neighbours other ones"), ("399", "among all other rows")):
        page = told(saved, tmp_path / neighbours, "--neighbours", neighbours, "--k-hardness", "1.2")
        line = next(line for line in page.splitlines() if WITHOUT in line)
        assert words in line
        assert ("--neighbours" in line) is (neighbours == "100")


def test_nothing_is_said_where_every_anchor_has_a_triplet() -> None:
    mined = tm.mine(np.eye(6), ["a", "b"] * 3, tm.MiningRule(k_hardness=0.9, nearer_positive=False))
    assert mined.report.coverage == 1.0
    assert why_not_all(mined.report, mined.labels, 5) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k-hardness", "-1"], "--k-hardness is -1.0 but must be"),
        (["--margin", "0"], "--margin is 0.0 but must be"),
        (["--recall-target", "2"], "--recall-target is 2.0"),
        (["--split", "dev"], "--split is 'dev' but must be one of"),
        (["--label-separator", "|"], None),
    ],
)
def test_errors_name_the_options_of_mine(
    options: list[str], message: str | None, saved, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["mine", *saved, "--out", str(tmp_path / "out"), *options])
    assert result.exit_code == (0 if message is None else 1)
    if message is not None:
        assert message in result.stderr


def test_labels_that_are_missing_are_an_option_too(saved: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["mine", *saved[:2], "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert result.stderr.startswith("tripletmine: --labels is missing but")
