"""data.review in a run: what it changes, from which stage on, and what a changed one asks for."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.artifacts.rows import read_rows_file
from tripletmine.pipeline.data.review.csv_file import review_bytes
from tripletmine.pipeline.data.review.decisions import Review, pair_of
from tripletmine.pipeline.errors import SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.epochs import all_refs
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.run.redo import from_stage
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.standalone.audit import audit_folder, list_suspects
from tripletmine.pipeline.storage.journal import read_events
from tripletmine.pipeline.workers.open import open_executor

from ...runs import finish, finish_opened, small_spec

MINE = StageRef(1, "mine")


def manifest(root, ref):
    found = manifest_of(root, ref)
    assert found is not None
    return found


def triplets_of(root) -> dict[str, list]:
    return pq.read_table(MINE.folder(root) / "triplets").to_pydict()


def reviewed(spec, review, **keys):
    """The spec with a review beside its run file."""
    spec.root.parent.mkdir(parents=True, exist_ok=True)
    (spec.root.parent / "review.csv").write_bytes(review_bytes(review))
    path = str(spec.root.parent / "review.csv")
    return spec.model_copy(update={"data": spec.data.model_copy(update={"review": path, **keys})})


def redo(spec, ref=MINE):
    """Redo, like `tripletmine run --from-stage`; returns whether each stage was done."""
    with open_run(spec, redone=ref) as run, open_executor(spec.cluster, run.root) as executor:
        set_aside(run.root, from_stage(all_refs(spec), ref.stage, ref.epoch))
        return {str(result.ref): not result.skipped for result in finish_opened(run, executor)}


@pytest.fixture
def decided(digits_run):
    """A review of rows of the finished run: some of its negatives are rejected, some rows excluded, some relabelled."""
    triplets = triplets_of(digits_run.root)
    rows = read_rows_file(digits_run.root, open_record(digits_run.root)[1].data_digest)
    pairs = np.unique(np.stack([triplets["anchor"], triplets["negative"]], axis=1), axis=0)[::40]
    (keys, others) = (rows.keys(pairs[:, column]) for column in (0, 1))
    labels = rows.labels("train")
    relabelled = {
        key: str((int(str(labels[row])) + 1) % 10) for row, key in enumerate(rows.keys(np.arange(20)))
    }
    excluded = frozenset(rows.keys(np.unique(triplets["positive"])[-15:]))
    assert len(pairs) > 10
    return Review(
        relabelled={key: label for key, label in relabelled.items() if key not in excluded},
        excluded=excluded,
        never_negatives=frozenset(map(pair_of, keys, others)),
    )


def violations(root, review):
    """Where the triplets of a run contradict a review."""
    triplets = triplets_of(root)
    rows = read_rows_file(root, open_record(root)[1].data_digest)
    named = {name: rows.keys(np.array(triplets[name])) for name in ("anchor", "positive", "negative")}
    used = {key for keys in named.values() for key in keys}
    wrong = [f"excluded {key}" for key in review.excluded & used]
    for anchor, negative in zip(named["anchor"], named["negative"], strict=True):
        wrong += [f"{anchor} {negative}"] if pair_of(anchor, negative) in review.never_negatives else []
    for side in ("anchor", "negative"):
        for key, label in zip(named[side], triplets[f"{side}_label"], strict=True):
            wrong += [f"{key} is {label}"] if review.relabelled.get(key, label) != label else []
    return wrong


def test_a_review_counts_from_mining_on_and_needs_no_new_embeddings(copied_run, decided, tmp_path):
    spec = copied_run()
    assert violations(spec.root, decided), "the run has triplets that the review rejects"
    spec = reviewed(spec, decided)
    with pytest.raises(StaleError) as refused, open_run(spec):
        pass
    assert "the review of the run in" in str(refused.value)
    assert f"{len(decided.never_negatives)} pairs never negatives" in str(refused.value)
    assert "--from-stage mine --epoch 1" in str(refused.value)

    done = redo(spec)
    assert {name for name, again in done.items() if not again} == {
        "train of epoch 0",
        "evaluate of epoch 0",
        "embed of epoch 1",
        "graph of epoch 1",
    }
    assert not violations(spec.root, decided)
    report = manifest(spec.root, MINE).report
    assert report["counts"]["refused"]["never_negative"] > 0
    assert {name: report["review"][name] for name in ("relabelled", "excluded", "never_negatives")} == {
        "relabelled": len(decided.relabelled),
        "excluded": len(decided.excluded),
        "never_negatives": len(decided.never_negatives),
    }
    assert any("rows relabelled" in remark for remark in read_status(spec.root).facts.remarks)
    assert [event["reviews"] for event in read_events(spec.root) if "reviews" in event]
    assert audit_folder(spec.root).ok
    assert not [found.problems for found in verify_run(spec.root) if found.problems]

    # A run that has the review from the start ends the same.
    fresh = reviewed(small_spec(tmp_path / "fresh"), decided)
    finish(fresh)
    assert manifest(fresh.root, MINE).digest == manifest(spec.root, MINE).digest
    train = StageRef(1, "train")
    assert manifest(fresh.root, train).digest == manifest(spec.root, train).digest


def test_the_same_decisions_in_another_file_change_nothing(copied_run, decided, tmp_path):
    spec = reviewed(copied_run(), decided)
    redo(spec)
    path = tmp_path / "moved.csv"
    head, *lines = review_bytes(decided).decode().splitlines()
    path.write_text("\n".join([head, *reversed(lines), "keep,nobody,,", ""]))
    spec = spec.model_copy(update={"data": spec.data.model_copy(update={"review": str(path)})})
    assert all(result.skipped for result in finish(spec))


def test_a_changed_review_may_count_from_a_later_epoch_on(copied_run, decided, tmp_path):
    few = replace(decided, relabelled={}, never_negatives=frozenset())
    spec = reviewed(copied_run(), few)
    redo(spec)
    run = spec.run.model_copy(update={"epochs": 3})
    spec = reviewed(spec.model_copy(update={"run": run}), decided)
    state = StageRef(0, "train").folder(spec.root) / "state.safetensors"
    state.rename(tmp_path / "state")  # as run.keep has it by default
    with pytest.raises(StaleError) as refused, open_run(spec):
        pass
    assert "train on with it (run.epochs = 3 and --from-stage embed --epoch 2)" in str(refused.value)
    (tmp_path / "state").rename(state)
    done = redo(spec, StageRef(2, "embed"))
    assert not done["mine of epoch 1"]
    assert done["mine of epoch 2"]
    _, facts = open_record(spec.root)
    assert [first for first, _ in facts.reviews] == [0, 2]
    digests = [manifest(spec.root, StageRef(epoch, "mine")).report["review"]["digest"] for epoch in (1, 2)]
    assert digests == [few.digest(), decided.digest()]
    assert all(result.skipped for result in finish(spec))
    assert audit_folder(spec.root, epoch=1).ok
    assert audit_folder(spec.root, epoch=2).ok


def test_a_review_that_is_taken_away_is_a_change(copied_run, decided):
    spec = reviewed(copied_run(), decided)
    redo(spec)
    without = spec.model_copy(update={"data": spec.data.model_copy(update={"review": None})})
    with pytest.raises(StaleError, match="there is none any more"), open_run(without):
        pass
    redo(without)
    assert "review" not in manifest(without.root, MINE).report


def test_held_out_rows_change_when_asked_and_only_then(copied_run, digits_run):
    rows = read_rows_file(digits_run.root, open_record(digits_run.root)[1].data_digest)
    one, other = rows.column("key", "validation").to_pylist()[:2]
    label = next(name for name in "0123456789" if name != rows.labels("validation")[0])
    review = Review(relabelled={one: label}, excluded=frozenset({other}))
    spec = reviewed(copied_run(), review)
    assert all(result.skipped for result in finish(spec)), "nothing of it is about training rows"
    facts = open_record(spec.root)[1]
    assert any("2 of validation and test left as they are" in remark for remark in facts.remarks)

    spec = reviewed(spec, review, review_held_out=True)
    with pytest.raises(StaleError, match=r"review .*--from-stage evaluate --epoch 0"):
        finish(spec)
    redo(spec, StageRef(0, "evaluate"))
    before = json.loads((digits_run.root / "epochs/0000/evaluate/metrics.json").read_bytes())["validation"]
    after = json.loads((spec.root / "epochs/0000/evaluate/metrics.json").read_bytes())["validation"]
    assert after["queries"] + after["queries_left_out"] == before["queries"] + before["queries_left_out"] - 1
    assert after["map_at_r"] < before["map_at_r"]
    assert manifest(spec.root, StageRef(0, "train")).digest == (
        manifest(digits_run.root, StageRef(0, "train")).digest
    )


def test_what_is_decided_is_not_listed_again(copied_run, tmp_path):
    spec = copied_run()
    found = list_suspects(spec.root, tmp_path / "first", minimum_score=0.05)
    first = pq.read_table(tmp_path / "first/mislabelled.parquet").to_pylist()
    pairs = pq.read_table(tmp_path / "first/false_negatives.parquet").to_pylist()
    assert len(first) > 1
    assert len(pairs) > 1
    review = Review(
        kept=frozenset({first[0]["key"]}),
        never_negatives=frozenset({pair_of(pairs[0]["other_key"], pairs[0]["key"])}),
    )
    (tmp_path / "decided.csv").write_bytes(review_bytes(review))
    told = []
    list_suspects(
        spec.root, tmp_path / "next", minimum_score=0.05, review=tmp_path / "decided.csv", note=told.append
    )
    assert "2 rows and pairs are decided, and not listed again" in told
    assert pq.read_table(tmp_path / "next/mislabelled.parquet").to_pylist() == first[1:]
    assert pq.read_table(tmp_path / "next/false_negatives.parquet").to_pylist() == pairs[1:]
    assert found["mislabelled.parquet"] == len(first)


@pytest.mark.parametrize("name", ["classification", "lsep"])
def test_losses_that_know_the_classes_refuse_new_ones(tmp_path, digits_run, name):
    rows = read_rows_file(digits_run.root, open_record(digits_run.root)[1].data_digest)
    review = Review(relabelled={rows.column("key", "train").to_pylist()[0]: "ten"})
    spec = small_spec(tmp_path, loss={"weights": {"triplet": 1.0, name: 0.5}})
    spec.root.parent.mkdir(parents=True, exist_ok=True)
    with pytest.raises(SpecError, match=rf'1 labels that no training row has, as "ten", but .* {name}'):
        describe_data(reviewed(spec, review))
    facts = describe_data(reviewed(small_spec(tmp_path), review))
    assert any('names 1 labels that no training row has, as "ten"' in remark for remark in facts.remarks)


def test_a_review_that_is_no_review_leaves_nothing_behind(tmp_path):
    spec = small_spec(tmp_path)
    spec = spec.model_copy(
        update={"data": spec.data.model_copy(update={"review": str(tmp_path / "none.csv")})}
    )
    with pytest.raises(Exception, match="cannot be read"), open_run(spec):
        pass
    assert not (spec.root / "run.json").exists()
