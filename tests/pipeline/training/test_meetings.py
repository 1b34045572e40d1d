"""What a run says of the mined triplets that its batches brought together."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.training.meetings import mined_set

from ..conftest import Finished
from .test_batches import mined


def test_the_mined_set_is_laid_out_by_anchor(tmp_path) -> None:
    stage = mined(tmp_path, anchor=[2, 0, 2, 1], positive=[3, 4, 5, 6], negative=[7, 8, 9, 0])
    found = mined_set(stage, 10, tmp_path)
    assert found.starts.tolist() == [0, 1, 2, *[4] * 8]
    assert found.partners.tolist() == [[4, 8], [6, 0], [3, 7], [5, 9]]


def test_a_run_counts_what_met_in_its_batches(digits_run: Finished) -> None:
    root = digits_run.root
    lines = [
        json.loads(line)
        for line in (StageRef(1, "train").folder(root) / "metrics.jsonl").read_text().splitlines()
    ]
    table = pq.read_table(StageRef(1, "mine").folder(root) / "triplets").to_pandas()
    counts = [line["mined_in_batch"] for line in lines]
    met = [line["mined_met"] for line in lines]
    assert all(0 < count <= len(table) for count in counts)
    assert np.diff([0, *met]).min() >= 0
    assert max(counts) <= met[-1] <= min(sum(counts), len(table))

    warm_up, epoch = read_status(root).epochs
    report = epoch.stages[3].report
    assert report["mined_met"] == met[-1]
    assert report["mined_in_batch"] == pytest.approx(np.mean(counts))
    assert epoch.met_share == report["mined_met_share"] == pytest.approx(met[-1] / len(table))
    assert warm_up.met_share is None
    assert "mined_met" not in warm_up.stages[0].report
