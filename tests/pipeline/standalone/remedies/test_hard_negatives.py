"""The remedies in refusals of `mine_hard_negatives` work."""

import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from remedies import Call, Refusal
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.standalone.hard_negatives.bounds import STRATEGIES, Bounds
from tripletmine.pipeline.standalone.hard_negatives.forms import FORMS
from tripletmine.pipeline.standalone.hard_negatives.mine import mine_hard_negatives

TEXTS = [f"text {row}" for row in range(30)]


class Data(dict[str, list[Any]]):
    """As much of a `datasets.Dataset` as is needed."""

    @property
    def column_names(self) -> list[str]:
        return list(self)

    @classmethod
    def from_dict(cls, columns: dict[str, list[Any]]) -> "Data":
        return cls(columns)


class Splits(dict[str, Data]):
    """As much of a `datasets.DatasetDict` as is needed."""

    @property
    def column_names(self) -> dict[str, list[str]]:
        return {name: part.column_names for name, part in self.items()}


class Model:
    """A vector for each text. unknown: a text for which it has NaN. short: one vector too few."""

    def __init__(self, unknown: str | None = None, *, short: bool = False) -> None:
        self.unknown, self.short = unknown, short

    def encode_query(self, texts: list[str], **options: Any) -> np.ndarray:
        return np.stack([self._vector(text) for text in texts])[self.short :]

    encode_document = encode_query

    def _vector(self, text: str) -> np.ndarray:
        vector = np.random.default_rng(list(text.encode())).normal(size=4)
        return vector / np.linalg.norm(vector) * (np.nan if text == self.unknown else 1)

    def similarity(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return queries @ documents.T

    def similarity_pairwise(self, queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
        return (queries * documents).sum(axis=1)


class CrossEncoder:
    """labels: numbers that it gives for a pair. value: each of them."""

    def __init__(self, labels: int = 1, value: float = 0.5) -> None:
        self.labels, self.value = labels, value

    def predict(self, pairs: list[tuple[str, str]], **options: Any) -> np.ndarray:
        return np.full((len(pairs), self.labels) if self.labels > 1 else len(pairs), self.value)


MODEL: Any = Model()
DATA = Data(query=[f"query {row}" for row in range(10)], answer=TEXTS[:10])
WITH_A_NUMBER = Data(query=[*DATA["query"], "query 10"], answer=[*DATA["answer"], 7])


def mine(data: Any = DATA, model: Any = MODEL, **options: Any) -> Call:
    return lambda: mine_hard_negatives(
        data,
        model,
        corpus=TEXTS,
        num_negatives=options.pop("num_negatives", 3),
        verbose=False,
        **options,
    )


def far_ranks(*, gpu_faiss: bool) -> Call:
    """gpu_faiss: as on a machine where FAISS has a GPU, and with use_faiss."""
    return lambda: Bounds(range_min=2050).last_rank(1, cross_encoder=False, gpu_faiss=gpu_faiss)


rescored = partial(mine, max_score=0.9)

REFUSALS = {
    "no number": Refusal(
        mine(max_score=float("nan")),
        "max_score is NaN: give a number, or None for no bound",
        mine(max_score=0.9),
        mine(max_score=None),
    ),
    "no negatives": Refusal(
        mine(num_negatives=0),
        "num_negatives must be at least 1, got num_negatives=0: 3 is usual",
        mine(num_negatives=3),
    ),
    "ranks below 0": Refusal(
        mine(range_min=-1), "range_min must be non-negative, got -1: 0 skips", mine(range_min=0)
    ),
    "a seed below 0": Refusal(mine(seed=-1), "seed is -1, it must be at least 0", mine(seed=0)),
    "a strategy": Refusal(
        mine(sampling_strategy="hard"),
        "sampling_strategy is 'hard': choose 'top' or 'random'",
        *(mine(sampling_strategy=name) for name in STRATEGIES),
    ),
    "no score between": Refusal(
        mine(min_score=0.9, max_score=0.1),
        "no score lies between, lower min_score",
        mine(min_score=-0.9, max_score=0.1),
    ),
    "no rank between": Refusal(
        mine(range_min=9, range_max=9),
        "they are 9 and 9: lower range_min, or raise range_max",
        mine(range_min=4, range_max=9),
        mine(range_min=9, range_max=15),
    ),
    "few ranks between": Refusal(
        mine(range_max=2),
        "only 2 candidates remain from range_min 0 to range_max 2: raise range_max, or lower num_negatives",
        mine(range_max=3),
        mine(range_max=2, num_negatives=2),
    ),
    "more than FAISS finds on a GPU": Refusal(
        far_ranks(gpu_faiss=True),
        "range_max was capped to 2047 because FAISS on GPU (use_faiss) finds no more: leave use_faiss out",
        far_ranks(gpu_faiss=False),
    ),
    "a column nearly of that name": Refusal(
        mine(anchor_column_name="qeury"), "did you mean 'query'?", mine(anchor_column_name="query")
    ),
    "a column of another name": Refusal(
        mine(positive_column_name="x"),
        "choose one of 'query', 'answer'",
        mine(positive_column_name="query"),
        mine(positive_column_name="answer"),
    ),
    "one column": Refusal(
        mine(Data(query=["a"])),
        "pairs need two, of queries and of texts that answer them: add the other",
        mine(Data(query=["a"], answer=["b"])),
    ),
    "splits": Refusal(
        mine(Splits(train=DATA)), "give one of them, as dataset['train']", mine(Splits(train=DATA)["train"])
    ),
    "no pairs": Refusal(
        mine(Data(query=[], answer=[])),
        "give at least one pair of a query and a text that answers it",
        mine(),
    ),
    "no text": Refusal(
        mine(WITH_A_NUMBER),
        "positive 10 is '7' of type int, not a text: drop its row, or turn it into a string",
        mine(DATA),
        mine(Data(query=WITH_A_NUMBER["query"], answer=list(map(str, WITH_A_NUMBER["answer"])))),
    ),
    "a form": Refusal(
        mine(output_format="pairs"),
        "Invalid output_format: 'pairs': choose one of 'triplet', 'n-tuple', 'labeled-pair', 'labeled-list'",
        *(mine(output_format=form) for form in FORMS),
    ),
    "no queries at once": Refusal(
        mine(faiss_batch_size=0), "must be at least 1: 16384 is usual", mine(faiss_batch_size=16384)
    ),
    "a vector too few": Refusal(mine(model=Model(short=True)), "it must give one each", mine()),
    "a text without a vector": Refusal(
        mine(model=Model("query 3")),
        "the vector of query 3, 'query 3', is not finite, nor are 0 others: leave such texts out, or mend the model",
        mine(Data({name: column[:3] for name, column in DATA.items()}), Model("query 3")),
        mine(model=Model()),
    ),
    "a cache without weights": Refusal(
        mine(cache_folder="cache"),
        "has no weights to tell its vectors by (state_dict): leave cache_folder out",
        mine(),
    ),
    "two scores a pair": Refusal(
        rescored(cross_encoder=CrossEncoder(2)),
        "it must give one number each (num_labels = 1)",
        rescored(cross_encoder=CrossEncoder(1)),
    ),
    "scores that are not finite": Refusal(
        rescored(cross_encoder=CrossEncoder(value=np.inf)),
        "some of them not finite: it must give one number each",
        rescored(cross_encoder=CrossEncoder()),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(Dataset=Data))
    refusal.require(InputError)
