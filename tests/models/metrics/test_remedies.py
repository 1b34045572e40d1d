"""The remedies named in the messages on metrics work."""

from functools import partial

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.blocks import checked_classes
from tripletmine.models.metrics.relevance import Relevance
from tripletmine.models.row_classes import RowClasses

CODES = np.array([0, 1, 1, 0], np.int32)
VECTORS = np.ones((4, 3), np.float32)
DIVERGED = np.where(np.arange(4)[:, None] == 2, np.float32(np.nan), VECTORS)
CLASSES = RowClasses.of(CODES)

relevance = partial(Relevance, CLASSES, CLASSES)

REFUSALS = {
    "no rows": Refusal(
        lambda: checked_classes(VECTORS[:0], CODES[:0], "query"),
        "give rows",
        lambda: checked_classes(VECTORS, CODES, "query"),
    ),
    "codes of other rows": Refusal(
        lambda: checked_classes(VECTORS, CODES[:3], "query"),
        "give one code per row",
        lambda: checked_classes(VECTORS, CODES, "query"),
    ),
    "an encoder that has diverged": Refusal(
        lambda: checked_classes(DIVERGED, CODES, "query"),
        "use an earlier checkpoint",
        lambda: checked_classes(VECTORS, CODES, "query"),
    ),
    "groups of other rows": Refusal(
        lambda: relevance(query_groups=CODES[:3], gallery_groups=CODES),
        "give one code per row",
        lambda: relevance(query_groups=CODES, gallery_groups=CODES),
    ),
    "groups of one side": Refusal(
        lambda: relevance(query_groups=CODES),
        "give both or none",
        lambda: relevance(query_groups=CODES, gallery_groups=CODES),
        relevance,
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)
