"""The remedies named in the messages of mining, and of the checks of what was mined, work."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.mining.audit.check import check_triplets
from tripletmine.mining.confusion import empty_confusion, merge_confusions
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.mining.guards import Guards
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.miner_input import Corpus
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable
from tripletmine.mining.report import MiningReport
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.suspects import suspects
from tripletmine.mining.vectors import normalise

ROWS = 400
VECTORS = normalise(np.random.default_rng(0).normal(size=(ROWS, 8)))
NAMES = [f"class {row % 5}" for row in range(ROWS)]
LABELS = encode_labels(NAMES)
HALF = encode_labels(NAMES[: ROWS // 2])
GROUPS = np.arange(ROWS) // 2
TABLE, _ = neighbours_of(VECTORS, 10, method="exact", threads=1)
RULE = MiningRule()
GROUPED = MiningRule(guards=Guards(same_group="never-negative"))
CLASS_WIDE = MiningRule(positives="class")


def with_row_7(values: np.ndarray, value: object) -> np.ndarray:
    """A copy with row 7 replaced."""
    changed = values.copy()
    changed[7] = value
    return changed


SAMPLE = np.arange(0, ROWS, 2)
OF_SAMPLE = NeighbourTable(TABLE.ids[SAMPLE], TABLE.sq_distances[SAMPLE])
mined = partial(mine, TABLE, LABELS, RULE, threads=1)


def table(ids: np.ndarray = TABLE.ids, sq: np.ndarray = TABLE.sq_distances) -> NeighbourTable:
    """The neighbour table, with other ids or distances."""
    return NeighbourTable(ids, sq)


def mined_of(neighbours: NeighbourTable, **more: Any) -> object:
    """Mine another table."""
    return mine(neighbours, LABELS, RULE, threads=1, **more)


SWAPPED = table(sq=TABLE.sq_distances[:, ::-1])
BY_DISTANCE = np.argsort(SWAPPED.sq_distances, axis=1)
PADDED = with_row_7(TABLE.ids, [NO_ROW, *TABLE.ids[7, 1:]])
OWN = with_row_7(TABLE.ids, [7, *TABLE.ids[7, 1:]])

OF_THE_MINER = {
    "one class": Refusal(
        lambda: mine(TABLE, encode_labels(["a"] * ROWS), RULE, threads=1),
        "give at least 2 classes",
        mined,
    ),
    "threads": Refusal(lambda: mined(threads=0), "at least 1: raise it", lambda: mined(threads=1)),
    "the table's shape": Refusal(
        lambda: mined_of(table(sq=TABLE.sq_distances[:, :5])), "give both as (N, K)", lambda: mined_of(TABLE)
    ),
    "the table's types": Refusal(
        lambda: mined_of(table(ids=TABLE.ids.astype("f4"))),
        "give int64 ids and float32 squared distances",
        lambda: mined_of(table(ids=TABLE.ids.astype("f4").astype("i8"))),
    ),
    "labels of a part": Refusal(
        lambda: mine(TABLE, HALF, RULE, threads=1), "give the labels of the whole set, one per row", mined
    ),
    "ids of others": Refusal(
        lambda: mine(table(TABLE.ids[:9], TABLE.sq_distances[:9]), HALF, RULE, threads=1),
        "is no row of the labels: give the labels of the whole set",
        lambda: mined_of(table(TABLE.ids[:9], TABLE.sq_distances[:9])),
    ),
    "anchors of another shape": Refusal(
        lambda: mined_of(OF_SAMPLE, anchors=SAMPLE[:9]),
        f"give one int64 id for each of the {len(SAMPLE)} rows",
        lambda: mined_of(OF_SAMPLE, anchors=SAMPLE),
    ),
    "anchors beyond the labels": Refusal(
        lambda: mine(OF_SAMPLE, HALF, RULE, anchors=SAMPLE, threads=1),
        "labels for 200 rows: give the labels of the whole set",
        lambda: mined_of(OF_SAMPLE, anchors=SAMPLE),
    ),
    "no vectors": Refusal(
        lambda: mine(TABLE, LABELS, CLASS_WIDE, threads=1),
        "give the vectors of the whole set",
        lambda: mine(TABLE, LABELS, CLASS_WIDE, vectors=VECTORS, threads=1),
    ),
    "vectors of other rows": Refusal(
        lambda: mine(TABLE, LABELS, CLASS_WIDE, vectors=VECTORS[:9], threads=1),
        "give float32 (N, D), one row per label",
        lambda: mine(TABLE, LABELS, CLASS_WIDE, vectors=VECTORS, threads=1),
    ),
    "vectors with NaN": Refusal(
        lambda: mine(TABLE, LABELS, CLASS_WIDE, vectors=with_row_7(VECTORS, np.nan), threads=1),
        "repair their vectors, or exclude the rows",
        lambda: mine(TABLE, LABELS, CLASS_WIDE, vectors=VECTORS, threads=1),
        lambda: mine(
            TABLE,
            LABELS,
            CLASS_WIDE,
            vectors=with_row_7(VECTORS, np.nan),
            excluded=np.arange(ROWS) == 7,
            threads=1,
        ),
    ),
    "excluded": Refusal(
        lambda: mined(excluded=np.array([7])),
        f"give a bool for each of {ROWS} rows",
        lambda: mined(excluded=np.arange(ROWS) == 7),
    ),
    "never negatives of other rows": Refusal(
        lambda: mined(never_negatives=pair_lists([(0, 1)], 2)),
        f"there are {ROWS} labels: make the lists for as many rows",
        lambda: mined(never_negatives=pair_lists([(0, 1)], ROWS)),
    ),
    "no groups": Refusal(
        lambda: mine(TABLE, LABELS, GROUPED, threads=1),
        "give the group of each row",
        lambda: mine(TABLE, LABELS, GROUPED, groups=GROUPS, threads=1),
    ),
    "groups by name": Refusal(
        lambda: mine(TABLE, LABELS, GROUPED, groups=GROUPS.astype(str), threads=1),
        f"give an int64 code for each of {ROWS} rows",
        lambda: mine(TABLE, LABELS, GROUPED, groups=GROUPS, threads=1),
    ),
    "the anchor itself": Refusal(
        lambda: mined_of(table(ids=OWN)),
        "remove each row from its own list",
        lambda: mined_of(
            table(
                with_row_7(OWN, [*OWN[7, 1:], NO_ROW]),
                with_row_7(TABLE.sq_distances, [*TABLE.sq_distances[7, 1:], np.inf]),
            )
        ),
    ),
    "a pad in front": Refusal(
        lambda: mined_of(table(ids=PADDED)),
        "move pads to the end of the row",
        lambda: mined_of(
            table(
                with_row_7(PADDED, [*PADDED[7, 1:], NO_ROW]),
                with_row_7(TABLE.sq_distances, [*TABLE.sq_distances[7, 1:], np.inf]),
            )
        ),
    ),
    "not sorted": Refusal(
        lambda: mined_of(SWAPPED),
        "sort each row by distance",
        lambda: mined_of(
            table(
                np.take_along_axis(SWAPPED.ids, BY_DISTANCE, axis=1),
                np.take_along_axis(SWAPPED.sq_distances, BY_DISTANCE, axis=1),
            )
        ),
    ),
    "no distance": Refusal(
        lambda: mined_of(table(sq=with_row_7(TABLE.sq_distances, np.nan))),
        "must be finite and at least 0: search again",
        lambda: mined_of(neighbours_of(VECTORS, 10, method="exact", threads=1)[0]),
    ),
}

COLUMNS = mined().columns
checked = partial(check_triplets, COLUMNS, LABELS, VECTORS, RULE)
COUNTS = mined().report.counts()
CONFUSION = mined().confusion

OF_WHAT_WAS_MINED = {
    "embeddings of other rows": Refusal(
        lambda: check_triplets(COLUMNS, LABELS, VECTORS[:9], RULE),
        "give the embeddings that were mined, and all their labels",
        checked,
    ),
    "sample": Refusal(
        lambda: checked(sample=0),
        "raise it, or leave it out to check all anchors",
        lambda: checked(sample=1),
        checked,
    ),
    "a column that is not there": Refusal(
        lambda: check_triplets({"anchor": COLUMNS["anchor"]}, LABELS, VECTORS, RULE),
        f"give all of {', '.join(COLUMNS)}",
        checked,
    ),
    "columns of several lengths": Refusal(
        lambda: check_triplets(COLUMNS | {"anchor": COLUMNS["anchor"][1:]}, LABELS, VECTORS, RULE),
        "give one entry per triplet in each",
        checked,
    ),
    "ids with fractions": Refusal(
        lambda: check_triplets(COLUMNS | {"anchor": COLUMNS["anchor"] / 1}, LABELS, VECTORS, RULE),
        "ids and ranks must be integers: give those",
        checked,
    ),
    "groups that were mined with": Refusal(
        lambda: check_triplets(COLUMNS, LABELS, VECTORS, GROUPED),
        "give those that were mined with",
        lambda: check_triplets(COLUMNS, LABELS, VECTORS, GROUPED, groups=GROUPS),
    ),
    "a corpus without vectors": Refusal(
        lambda: checked(corpus=Corpus(LABELS)),
        "give those that were mined",
        lambda: checked(corpus=Corpus(LABELS, VECTORS)),
    ),
    "a damaged confusion table": Refusal(
        lambda: merge_confusions([empty_confusion(), replace(CONFUSION, count=CONFUSION.count[1:])]),
        "confusion table 1 has columns of different lengths: mine its anchors again",
        lambda: merge_confusions([empty_confusion(), mined().confusion]),
    ),
    "a report of others": Refusal(
        lambda: MiningReport.from_counts({"anchors": 1}),
        "mine again",
        lambda: MiningReport.from_counts(mined().report.counts()),
    ),
}

OF_SUSPECTS = {
    "voters": Refusal(
        lambda: suspects(TABLE, LABELS, voters=0),
        "voters is 0 but must be at least 1: raise it",
        lambda: suspects(TABLE, LABELS, voters=1),
    ),
    "minimum_score": Refusal(
        lambda: suspects(TABLE, LABELS, minimum_score=0.0),
        "above 0 and at most 1: give such a share",
        lambda: suspects(TABLE, LABELS, minimum_score=0.1),
        lambda: suspects(TABLE, LABELS, minimum_score=1.0),
    ),
    "labels of a part": Refusal(
        lambda: suspects(OF_SAMPLE, HALF),
        "give the labels of all rows that were searched",
        lambda: suspects(OF_SAMPLE, LABELS, rows=SAMPLE),
    ),
    "a sample": Refusal(
        lambda: suspects(OF_SAMPLE, LABELS),
        "give the row of each line, or a line for each label",
        lambda: suspects(OF_SAMPLE, LABELS, rows=SAMPLE),
        lambda: suspects(TABLE, LABELS),
    ),
    "too few rows": Refusal(
        lambda: suspects(OF_SAMPLE, LABELS, rows=SAMPLE[1:]),
        "give one for each",
        lambda: suspects(OF_SAMPLE, LABELS, rows=SAMPLE),
    ),
    "rows out of order": Refusal(
        lambda: suspects(table(OF_SAMPLE.ids[::-1], OF_SAMPLE.sq_distances[::-1]), LABELS, rows=SAMPLE[::-1]),
        "none twice: sort them",
        lambda: suspects(OF_SAMPLE, LABELS, rows=np.sort(SAMPLE[::-1])),
    ),
}

REFUSALS = {
    f"{of}: {name}": refusal
    for of, refusals in {"miner": OF_THE_MINER, "mined": OF_WHAT_WAS_MINED, "suspects": OF_SUSPECTS}.items()
    for name, refusal in refusals.items()
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)
