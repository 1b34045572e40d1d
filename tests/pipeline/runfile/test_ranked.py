"""What a run file may not say of a run that ranks items, with remedies that work."""

from pathlib import Path
from typing import Any, cast

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ...remedies import Call, Refusal

FILES = {"pairs": "pairs.csv", "values": "values.csv"}
RANKING = {"weights": {"ranking": 1}}


def call(loss: dict[str, Any] | None = RANKING, data: dict[str, Any] = FILES, **sections: Any) -> Call:
    keys = {"data": {"kind": "digits", **data}, **sections} | ({} if loss is None else {"loss": loss})
    return lambda: parse_spec(keys, base=Path())


def weights(**values: float) -> dict[str, Any]:
    return {"weights": values}


WITHOUT = call(None, {})
VALUES = weights(value_regression=1)
REFUSALS = {
    "pairs without a loss": Refusal(
        call(None), "set loss.weights = { ranking = 1 }, or remove data.pairs", call(), WITHOUT
    ),
    "a loss without pairs": Refusal(
        call(RANKING, {}),
        "name the file of pairs, or choose another loss, such as triplet = 1",
        call(),
        call(weights(triplet=1), {}),
    ),
    "values without pairs": Refusal(
        call(None, {"values": "values.csv"}), "add data.pairs, or remove data.values", call(), WITHOUT
    ),
    "regression without values": Refusal(
        call(VALUES, {"pairs": "pairs.csv"}),
        "name their file, or choose ranking = 1, which learns from pairs",
        call(VALUES),
        call(RANKING, {"pairs": "pairs.csv"}),
    ),
    "regression that mines": Refusal(
        call(VALUES, mine={"every": 2}),
        'remove mine.every, or set it to "never"',
        call(VALUES),
        call(VALUES, mine={"every": "never"}),
    ),
    "beside another loss": Refusal(
        call(weights(ranking=1, triplet=1)),
        "make ranking the only loss, or remove it",
        call(),
        call(weights(triplet=1), {}),
    ),
    "batches": Refusal(call(train={"batches": "class_balanced"}), "remove train.batches", call()),
    "batches of classes": Refusal(call(train={"random_share": 0.5}), "remove train.random_share", call()),
    "a graph": Refusal(call(graph={"neighbours": 10}), "remove graph.neighbours", call()),
    "centroids": Refusal(call(evaluate={"retrieval": "centroids"}), "remove evaluate.retrieval", call()),
    "verification": Refusal(call(evaluate={"pairs": 100}), "remove evaluate.pairs", call()),
    "selected by retrieval": Refusal(call(evaluate={"select": "map_at_r"}), "remove evaluate.select", call()),
    "selected by pairs": Refusal(
        call(None, {}, evaluate={"select": "pair_accuracy"}),
        'choose select = "map_at_r", or set loss.weights = { ranking = 1 } and name data.pairs',
        call(None, {}, evaluate={"select": "map_at_r"}),
        call(evaluate={"select": "pair_accuracy"}),
    ),
    "a key of triplets": Refusal(
        call(mine={"exclude_suspects": 0.5}), "remove mine.exclude_suspects", call()
    ),
    "guards": Refusal(call(mine={"guards": {"minimum_sq": 0.1}}), "remove mine.guards", call()),
    "a review": Refusal(
        call(data={**FILES, "review": "review.csv"}),
        "remove data.review, and correct the file of pairs",
        call(),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(SpecError)


def test_defaults_fit_the_loss() -> None:
    ranked, regressed = (cast("RunSpec", read()) for read in (call(), call(VALUES)))
    assert (ranked.evaluate.select, ranked.mine.every) == ("pair_accuracy", 1)
    assert (regressed.evaluate.select, regressed.mine.every) == ("pair_accuracy", "never")
    assert RunSpec.model_validate_json(ranked.model_dump_json()) == ranked
