"""metrics.json of a real run on rows with roles, groups and several labels: every figure against slow oracles."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from ranking_oracles import slow_centroid_rankings, slow_figures, slow_rankings, slow_violations
from tripletmine import Encoder
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.errors import StaleError
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.epochs import all_refs
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.redo import from_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages import evaluate

from ..runs import finish

CLASSES = 6
ROWS = {"train": 48, "val": 36, "test": 54}
COLUMNS = ("path", "label", "split", "role", "group")
MARGIN = 0.3

RETRIEVAL = {"recall@1", "recall@2", "recall@4", "recall@8", "r_precision", "map_at_r", "mrr", "ndcg@10"}
RANKED = RETRIEVAL | {"map", "cmc@1", "cmc@5", "cmc@10"}


def listed(split: str, row: int, *, several: bool) -> dict[str, str]:
    """Label, role and group of a row of the table, whose picture shows class `row % CLASSES`."""
    shown = row % CLASSES
    cells = {"label": f"c{shown}|even" if several and row % 3 == 0 else f"c{shown}", "split": split}
    if split != "train":
        cells["group"] = "" if row % 10 == 0 else f"camera {row // CLASSES % 3}"
    if split == "test":
        cells["role"] = "" if row % 11 == 0 else "query" if row % 4 == 0 else "gallery"
        if row == 8:
            cells["label"] = "nowhere else"
    return cells


def write_table(folder: Path, columns: Sequence[str] = COLUMNS, *, several: bool = True) -> None:
    """items.csv. several: a third of the rows has two labels."""
    with (folder / "items.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        for split, rows in ROWS.items():
            for row in range(rows):
                table.writerow({"path": f"{split}{row}.png", **listed(split, row, several=several)})


def write_pictures(folder: Path) -> None:
    """Write grey pictures of 6 x 6 pixels; the classes overlap."""
    random = np.random.default_rng(0)
    looks = random.uniform(0, 255, (CLASSES, 6, 6))
    for split, rows in ROWS.items():
        for row in range(rows):
            pixels = looks[row % CLASSES] + random.normal(0, 70, (6, 6))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{split}{row}.png")


def spec_of(base: Path, **evaluation: Any) -> RunSpec:
    """One warm-up epoch, and both splits in each evaluation."""
    evaluation = {"test": "every", **evaluation}
    return parse_spec(
        {
            "run": {"name": "table", "epochs": 1, "deterministic": True},
            "data": {"kind": "table", "path": "items.csv", "colour": "grey", "label_separator": "|"},
            "encoder": {"name": "mlp", "embedding_dim": 8, "arguments": {"hidden": [32]}},
            "mine": {"margin": MARGIN},
            "train": {"classes_per_batch": 4, "images_per_class": 4, "images_per_epoch": 48},
            "evaluate": evaluation,
        },
        base=base,
    )


@dataclass(frozen=True)
class Side:
    """Rows of a split: vectors (N, D), a set of labels and a group for each; −1 is none."""

    vectors: np.ndarray
    sets: list[set[str]]
    groups: np.ndarray
    roles: list[str | None]

    def of_role(self, role: str) -> "Side":
        """Its queries, or its gallery."""
        at = [row for row, each in enumerate(self.roles) if each == role]
        return Side(
            self.vectors[at], [self.sets[row] for row in at], self.groups[at], [self.roles[row] for row in at]
        )

    def without_groups(self) -> "Side":
        """The same rows, all of them of no group."""
        return replace(self, groups=np.full(len(self.groups), -1))


@dataclass(frozen=True)
class Finished:
    """A finished run and its encoder, exported."""

    spec: RunSpec
    encoder: Encoder

    def figures(self, where: str) -> dict[str, dict]:
        """metrics.json of a stage."""
        return json.loads((self.spec.root / where / "metrics.json").read_bytes())

    @property
    def counted(self) -> dict[str, tuple[int, int, int]]:
        """Queries with and without an answer, and the size of the gallery, as the run knew them from its rows."""
        _, facts = open_record(self.spec.root)
        return {asked.name: (asked.queries, asked.left_out, asked.gallery) for asked in facts.protocols}

    def side(self, split: str, *, normalise: bool = True) -> Side:
        """Rows of a split as rows.parquet lists them, with embeddings of their own pictures."""
        rows = pq.read_table(self.spec.root / "rows.parquet").to_pylist()
        rows = [row for row in rows if row["split"] == split]
        paths = [Path(self.spec.base) / row["key"] for row in rows]
        return Side(
            replace(self.encoder, normalise=normalise).encode(paths),
            [set(row["label"]) for row in rows],
            np.array([-1 if row["group"] is None else int(row["group"].split()[1]) for row in rows]),
            [row["role"] for row in rows],
        )


def finished(spec: RunSpec) -> Finished:
    """Run it to its end."""
    finish(spec)
    exported = Path(spec.base) / "exported"
    export_encoder(spec.root, exported)
    return Finished(spec, Encoder.load(exported))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The run; change only copies."""
    base = tmp_path_factory.mktemp("roles")
    write_pictures(base)
    write_table(base)
    return finished(spec_of(base))


@pytest.fixture(scope="module")
def by_centroids(run: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same run, evaluated by class centroids."""
    base = tmp_path_factory.mktemp("centroids") / "copy"
    shutil.copytree(run.spec.base, base)
    spec = spec_of(base, retrieval="centroids")
    set_aside(spec.root, from_stage(all_refs(spec), "evaluate", 0))
    finish(spec)
    return Finished(spec, run.encoder)


def protocols(run: Finished, *, normalise: bool = True) -> dict[str, tuple[Side, Side, bool]]:
    """Queries, gallery, and whether these are the same rows, of all protocols that such a run has."""
    train, validation, test = (
        run.side(split, normalise=normalise) for split in ("train", "validation", "test")
    )
    free, alone = test.without_groups(), validation.without_groups()
    return {
        "validation": (alone, alone, True),
        "validation_across_groups": (validation, validation, True),
        "test": (free, free, True),
        "test_query_to_gallery": (test.of_role("query"), test.of_role("gallery"), False),
        "test_against_train": (free, train, False),
    }


STAGES = {
    "epochs/0000/evaluate": {"validation", "validation_across_groups", "test", "test_query_to_gallery"},
    "test": {"test", "test_query_to_gallery", "test_against_train"},
}


def check(run: Finished, *, centroids: bool = False) -> None:
    """Check every figure of every metrics.json."""
    asked = protocols(run, normalise=not centroids)
    for stage, names in STAGES.items():
        metrics = run.figures(stage)
        assert set(metrics) == names
        for name, found in metrics.items():
            asking, gallery, alone = asked[name]
            sides = (
                *(asking.vectors, asking.sets, asking.groups),
                *(gallery.vectors, gallery.sets, gallery.groups),
            )
            if centroids:
                rankings = slow_centroid_rankings(*sides, alone, normalise=True)
                size = len(set().union(*gallery.sets))
            else:
                rankings = slow_rankings(*sides, alone)
                size = len(gallery.sets) - alone
            check_figures(name, found, rankings, size)
            assert run.counted[name] == (found["queries"], found["queries_left_out"], size), "counted before"


EXTRA = {"nmi", "nmi_left_out", "violation_share", "recall@1_interval", "map_at_r_interval"}


def check_figures(name: str, found: dict, rankings: list[list[bool]], gallery: int) -> None:
    """Check those of one protocol."""
    expected, asked = slow_figures(rankings)
    ranked = name.endswith(("groups", "gallery"))
    figures = {key: expected[key] for key in (RANKED if ranked else RETRIEVAL)}
    counts = {"queries": asked, "queries_left_out": len(rankings) - asked, "gallery": gallery}
    assert {key: found[key] for key in figures} == pytest.approx(figures), name
    assert {key: found[key] for key in counts} == counts, name
    assert found.keys() - figures.keys() - counts.keys() <= EXTRA
    assert 0.2 < found["map_at_r"] < 0.95, "nothing is seen where all is right, or all wrong"


def test_every_figure_is_that_of_a_slow_ranking(run: Finished) -> None:
    check(run)


def test_every_figure_is_that_of_a_slow_ranking_of_centroids(by_centroids: Finished) -> None:
    check(by_centroids, centroids=True)


def test_nmi_and_violations_beside_them(run: Finished, by_centroids: Finished) -> None:
    for found in (run, by_centroids):
        validation = found.figures("epochs/0000/evaluate")["validation"]
        side = found.side("validation")
        expected = slow_violations(side.vectors, side.sets, MARGIN)
        assert 0 < expected < 1
        assert validation["violation_share"] == pytest.approx(expected)
        assert validation["nmi"] is None
        assert "several labels" in validation["nmi_left_out"]


def test_a_table_that_gains_roles_and_groups_is_other_data_and_the_message_says_how_to_go_on(
    tmp_path: Path,
) -> None:
    write_pictures(tmp_path)
    write_table(tmp_path, ["path", "label", "split"], several=False)
    spec = spec_of(tmp_path)
    before = {result.ref.stage: result.manifest for result in finish(spec)}
    assert set(before["test"].report) == {"test", "test_against_train"}
    assert before["test"].inputs["keys"].keys().isdisjoint({"labels", "protocols"})

    write_table(tmp_path, several=False)
    with pytest.raises(
        StaleError,
        match=r"rows with another role \(test1\.png: it was None and now is 'gallery'\); set it back, do all of the "
        r"run again with the new data \(--from-stage train --epoch 0\)",
    ):
        finish(spec)
    with open_run(spec, new_data=True):
        pass
    check(finished(spec))


@pytest.mark.parametrize(
    ("several", "said"),
    [(False, "made no use of role and group, which"), (True, "used only the first label of a row")],
)
def test_an_evaluation_that_did_not_know_them_is_redone_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, several: bool, said: str
) -> None:
    write_pictures(tmp_path)
    write_table(tmp_path, several=several)
    spec = spec_of(tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(evaluate, "_row_keys", lambda *_: {})
        finish(spec)
    remedy = "redo it with --from-stage evaluate --epoch 0"
    with pytest.raises(
        StaleError, match=rf"evaluate of epoch 0 .* by an earlier version, which {said}.*{remedy}"
    ):
        finish(spec)
    set_aside(spec.root, from_stage(all_refs(spec), "evaluate", 0))
    assert [result.ref.stage for result in finish(spec) if not result.skipped] == ["evaluate", "test"]
