from pathlib import Path

import pytest
from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.epochs import TEST, all_refs
from tripletmine.pipeline.run.redo import from_stage, require_parents

from ..runs import artifacts, finish, opened, small_spec

MINE, TRAIN, EVALUATE = (StageRef(1, name) for name in ("mine", "train", "evaluate"))


def test_a_stage_and_all_after_it(tmp_path: Path) -> None:
    refs = all_refs(small_spec(tmp_path, run={"epochs": 3}))
    names = [(ref.epoch, ref.stage) for ref in from_stage(refs, "train", 1)]
    assert names[:2] == [(1, "train"), (1, "evaluate")]
    assert names[2:] == [(2, name) for name in ("embed", "graph", "mine", "train", "evaluate")] + [
        (None, "test")
    ]
    assert from_stage(refs, "test", None) == [TEST]


@pytest.mark.parametrize(
    ("stage", "epoch", "message"),
    [
        ("mine", 0, "--from-stage mine --epoch 0 is not part of this run: epoch 0 has evaluate, train"),
        ("mine", 7, "mine is part of epochs 1 to 2, name one as with --epoch 2"),
        ("mine", None, "--from-stage mine is not part of this run: mine is part of epochs 1 to 2, name one"),
        (
            "test",
            2,
            "--from-stage test --epoch 2 is not part of this run: the test belongs to no epoch, leave --epoch",
        ),
        ("mien", 1, "epoch 1 has embed, evaluate, graph, mine, train"),
        ("mien", None, "its stages are embed, evaluate, graph, mine, test, train, choose one of these"),
    ],
)
def test_a_stage_that_the_run_does_not_have(
    tmp_path: Path, stage: str, epoch: int | None, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        from_stage(all_refs(small_spec(tmp_path, run={"epochs": 3})), stage, epoch)


def test_redoing_a_real_run_from_a_stage_gives_the_same_bytes(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    refs = from_stage(all_refs(spec), "mine", 1)
    set_aside(spec.root, refs)
    assert artifacts(spec.root) != before

    results = {result.ref: result for result in finish(spec)}

    assert [ref for ref, result in results.items() if not result.skipped] == refs
    assert artifacts(spec.root) == before


def test_a_redo_whose_start_was_pruned_is_refused_before_anything_moves(copied_run) -> None:
    spec = copied_run()
    (StageRef(1, "graph").folder(spec.root) / "pruned.json").write_text("{}")
    before = artifacts(spec.root)
    with opened(spec) as (run, _):
        require_parents(run, [TRAIN, EVALUATE, TEST])
        with pytest.raises(UnavailableError, match=r"begin with --from-stage graph --epoch 1 instead"):
            require_parents(run, [MINE, TRAIN, EVALUATE, TEST])
        require_parents(run, [TEST])
    assert artifacts(spec.root) == before
