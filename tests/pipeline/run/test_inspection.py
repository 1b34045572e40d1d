import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.errors import CorruptError, SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.inspection import PERCENTILES, inspect_epoch

from ..conftest import Finished
from ..runs import finish


def test_what_an_epoch_mined(digits_run: Finished) -> None:
    found = inspect_epoch(digits_run.root, 1, hardest=7)
    folder = StageRef(1, "mine").folder(digits_run.root)
    triplets = pq.read_table(folder / "triplets").to_pandas()
    hinge = (triplets.sq_positive + np.float32(0.2) - triplets.sq_negative).to_numpy()
    report = json.loads((folder / "manifest.json").read_text())["report"]

    assert found.epoch == 1
    assert found.k_hardness == report["k_hardness"]
    assert found.counts == report["counts"]
    assert found.counts["triplets"] == len(triplets)
    for column in ("sq_positive", "sq_negative", "positive_rank", "negative_rank"):
        np.testing.assert_allclose(found.distributions[column], np.percentile(triplets[column], PERCENTILES))
    np.testing.assert_allclose(found.distributions["hinge"], np.percentile(hinge, PERCENTILES), rtol=1e-5)
    np.testing.assert_allclose([hard.hinge for hard in found.hardest], np.sort(hinge)[::-1][:7], rtol=1e-5)


def test_the_hardest_triplets_have_the_keys_and_labels_of_their_rows(digits_run: Finished) -> None:
    rows = pq.read_table(digits_run.root / "rows.parquet").to_pandas().set_index("key")
    for hard in inspect_epoch(digits_run.root, 1).hardest:
        anchor, positive, negative = (rows.loc[key] for key in (hard.anchor, hard.positive, hard.negative))
        assert anchor.label == positive.label == hard.anchor_label
        assert negative.label == hard.negative_label != hard.anchor_label
        assert {anchor.split, positive.split, negative.split} == {"train"}
        assert hard.hinge == pytest.approx(hard.sq_positive + 0.2 - hard.sq_negative, abs=1e-6)


def test_the_most_confused_classes_come_first(digits_run: Finished) -> None:
    found = inspect_epoch(digits_run.root, 1, hardest=4).confused
    table = pq.read_table(StageRef(1, "mine").folder(digits_run.root) / "confusion.parquet").to_pandas()
    assert [pair.count for pair in found] == sorted(table["count"], reverse=True)[:4]


def test_an_epoch_that_mined_nothing(digits_run: Finished) -> None:
    with pytest.raises(SpecError, match=r"epoch 0 of .* has no triplets .warm-up epochs do not mine"):
        inspect_epoch(digits_run.root, 0)
    with pytest.raises(SpecError, match=r"epoch 5 of .* has no triplets"):
        inspect_epoch(digits_run.root, 5)


def test_a_damaged_part_is_named(copied_run) -> None:
    spec = copied_run()
    path = StageRef(1, "mine").folder(spec.root) / "triplets" / "part-00002.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"part-00002\.parquet differs .*--from-stage mine --epoch 1"):
        inspect_epoch(spec.root, 1)


def test_a_spec_that_was_refused_does_not_change_what_is_shown(copied_run, digits_run: Finished) -> None:
    spec = copied_run(mine={"margin": 0.5})
    with pytest.raises(StaleError):
        finish(spec)
    assert inspect_epoch(spec.root, 1).distributions == inspect_epoch(digits_run.root, 1).distributions
