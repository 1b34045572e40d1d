"""The remedies in refusals of the functions on arrays work."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from remedies import Call, Refusal
from tripletmine.mining.errors import InputError

ROWS, QUERIES = 60, 20
RAW = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)
VECTORS = RAW / np.linalg.norm(RAW, axis=1, keepdims=True)
LABELS = [f"tree {row % 4}" for row in range(ROWS)]
GROUPS = [f"camera {row % 3}" for row in range(ROWS)]
PAIRS = np.stack([np.arange(QUERIES), np.arange(QUERIES) + 30], axis=1)
GRADES = np.ones(QUERIES)
GROUPED = tm.MiningRule(guards=tm.Guards(same_group="never-negative"))
NEVER_PAIR = tm.MiningRule(guards=tm.Guards(same_group="never-pair"))


def mine(vectors: Any = VECTORS, labels: Any = LABELS, rule: Any = None, **options: Any) -> Call:
    return lambda: tm.mine(vectors, labels, rule, threads=1, **options)


def pairs(
    queries: Any = VECTORS[:QUERIES], corpus: Any = VECTORS, relevant: Any = PAIRS, **options: Any
) -> Call:
    return lambda: tm.mine_pairs(queries, corpus, relevant, threads=1, **options)


search = partial(tm.neighbours, threads=1)
TABLE = search(VECTORS, 20)
OWN = np.arange(QUERIES)
OF_QUERIES = search(VECTORS, 20, queries=VECTORS[:QUERIES])
OF_QUERIES_WITHOUT_THEM = search(VECTORS, 20, queries=VECTORS[:QUERIES], own=OWN)
MINED_PAIRS = tm.mine_pairs(VECTORS[:QUERIES], VECTORS, PAIRS, threads=1)
MINED = tm.mine(VECTORS, LABELS, threads=1)


def audit(labels: Any = LABELS, rule: Any = MINED.rule) -> Call:
    return lambda: tm.audit(MINED.columns, VECTORS, labels, rule)


BESIDE_ANOTHER = [["tree", name] for name in LABELS]

REFUSALS = {
    "lengths": Refusal(
        mine(RAW), "pass normalise=True, or normalise them before", mine(RAW, normalise=True), mine()
    ),
    "one class": Refusal(
        mine(labels=["oak"] * ROWS), "mining needs negatives, give at least 2 classes", mine()
    ),
    "a class for each row": Refusal(
        mine(labels=[f"id {row}" for row in range(ROWS)]),
        "give labels that rows share (a class, and not an id of the row)",
        mine(),
    ),
    "a label that all have": Refusal(
        mine(labels=BESIDE_ANOTHER),
        "all 60 rows have the label 'tree' among others, so that no anchor has a negative: leave that label out",
        mine(labels=[labels[1:] for labels in BESIDE_ANOTHER]),
    ),
    "equal vectors": Refusal(
        mine(np.ones((ROWS, 4), np.float32) / 2),
        "embed the items again, with an encoder that tells them apart",
        mine(),
    ),
    "labels of other rows": Refusal(
        mine(labels=LABELS[1:]),
        "there are 59 labels for 60 vectors: give one for each, in the same order",
        mine(),
    ),
    "groups that nobody asks for": Refusal(
        mine(groups=GROUPS),
        "with Guards(same_group='never-negative') or 'never-pair'",
        mine(groups=GROUPS, rule=GROUPED),
        mine(groups=GROUPS, rule=NEVER_PAIR),
    ),
    "a table and a method": Refusal(
        mine(neighbours=TABLE, method="exact"),
        "method is 'exact', but neighbours is a table already: leave one of them out",
        mine(neighbours=TABLE),
        mine(method="exact"),
    ),
    "the table of other rows": Refusal(
        mine(neighbours=search(VECTORS[1:], 20)),
        "the neighbour table has 59 rows, there are 60 vectors: give the table of these",
        mine(neighbours=TABLE),
    ),
    "columns without labels": Refusal(
        audit(labels=None),
        "labels is missing: columns alone do not say what they were mined with, give it",
        audit(),
    ),
    "columns without a rule": Refusal(
        audit(rule=None),
        "rule is missing: columns alone do not say what they were mined with, give it",
        audit(),
    ),
    "two widths": Refusal(
        pairs(queries=np.eye(QUERIES, dtype=np.float32)),
        "queries are of width 20, the corpus is of width 8: embed both with one model",
        pairs(),
    ),
    "grades twice": Refusal(
        pairs(relevant={0: {30: 1.0}, 1: {31: 0.0}}, grades=[1.0, 0.0]),
        "grades are given twice, in relevant and beside it: leave one of them out",
        pairs(relevant={0: {30: 1.0}, 1: {31: 0.0}}),
        pairs(relevant=PAIRS, grades=GRADES),
    ),
    "a table and a method for queries": Refusal(
        pairs(neighbours=OF_QUERIES, method="exact"),
        "method is 'exact', but neighbours is a table already: leave one of them out",
        pairs(neighbours=OF_QUERIES),
        pairs(method="exact"),
    ),
    "the table of other queries": Refusal(
        pairs(neighbours=TABLE),
        "there are 20 queries: give the table of these, as neighbours(corpus, queries=…) finds it",
        pairs(neighbours=OF_QUERIES),
    ),
    "a table of the queries themselves": Refusal(
        pairs(neighbours=OF_QUERIES, own=OWN),
        "find it with neighbours(corpus, queries=…, own=…), too",
        pairs(neighbours=OF_QUERIES_WITHOUT_THEM, own=OWN),
    ),
    "own of other queries": Refusal(
        pairs(own=OWN[1:]),
        "give an integer for each, the row of the corpus that is the query itself, or -1",
        pairs(own=OWN),
        pairs(own=np.full(QUERIES, -1)),
    ),
    "own beyond the corpus": Refusal(
        pairs(own=OWN + 50),
        "own names rows from 50 to 69, the corpus has 60: give its rows, or -1",
        pairs(own=OWN),
        pairs(own=np.where(OWN + 50 < ROWS, OWN + 50, -1)),
    ),
    "vectors of other queries": Refusal(
        lambda: tm.audit_pairs(MINED_PAIRS, VECTORS[: QUERIES - 1], VECTORS),
        "queries has 19 vectors but the triplets are of 20: give those that were mined",
        lambda: tm.audit_pairs(MINED_PAIRS, VECTORS[:QUERIES], VECTORS),
    ),
    "texts of other rows": Refusal(
        lambda: MINED.training_set(texts=LABELS[1:]),
        "texts are 59 for 60 rows: give one for each, in the same order",
        lambda: MINED.training_set(texts=LABELS),
    ),
    "groups of queries that nobody asks for": Refusal(
        pairs(groups=(GROUPS[:QUERIES], GROUPS)),
        "with Guards(same_group='never-negative') or 'never-pair'",
        pairs(groups=(GROUPS[:QUERIES], GROUPS), rule=GROUPED),
        pairs(groups=(GROUPS[:QUERIES], GROUPS), rule=NEVER_PAIR),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)
