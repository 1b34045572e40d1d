"""Training sets train with sentence-transformers, and have the fields that FlagEmbedding and Tevatron read."""

# pyright: reportMissingImports=false

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.pipeline.standalone.pair_set import PairSet

QUERIES, DOCUMENTS = 12, 40


@pytest.fixture(scope="module")
def mined() -> PairSet:
    """Two positives for each query, and up to three negatives for each positive."""
    vectors = np.random.default_rng(0).standard_normal((DOCUMENTS, 6))
    pairs = np.stack([np.repeat(np.arange(QUERIES), 2), np.arange(2 * QUERIES)], axis=1)
    between = vectors[: 2 * QUERIES].reshape(QUERIES, 2, 6).sum(axis=1)
    rule = tm.MiningRule(margin=1.0, negatives_per_positive=3)
    return tm.mine_pairs(between, vectors, pairs, rule, normalise=True)


@pytest.fixture
def loaded(mined, tmp_path: Path) -> Any:
    """Write a form as JSON lines, and open the file with `datasets`."""
    datasets = pytest.importorskip("datasets")

    def load(form: str, **options: Any) -> Any:
        texts = {
            "query_texts": [f"what is {row}" for row in range(QUERIES)],
            "corpus_texts": [f"it is {row}" for row in range(DOCUMENTS)],
        }
        made = mined.training_set(form, **texts, **options)
        path = tmp_path / f"{form}-{len(list(tmp_path.iterdir()))}.jsonl"
        made.save(path)
        rows = datasets.load_dataset(
            "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "c")
        )
        assert len(rows) == len(made) > 5
        return rows

    return load


def test_what_flag_embedding_reads(loaded) -> None:
    """`AbsEmbedderTrainDataset` of FlagEmbedding 1.4: lists, and for distillation a score for each passage."""
    for row in loaded("flagembedding", scores=True):
        assert isinstance(row["query"], str)
        for name in ("pos", "neg"):
            assert len(row[name]) == len(row[f"{name}_scores"]) > 0
            assert all(isinstance(score, float) for score in row[f"{name}_scores"])
    assert loaded("flagembedding").column_names == ["query", "pos", "neg"]


def test_what_tevatron_reads(loaded) -> None:
    """`TrainDataset` of Tevatron 2, and the preprocessor of 0.1: they prepend a title if there is one."""
    for row in loaded("tevatron", scores=True):
        assert isinstance(row["query_id"], str)
        assert row["query"] == f"what is {row['query_id']}"
        for passage in row["positive_passages"] + row["negative_passages"]:
            assert passage["text"] == f"it is {passage['docid']}"
            assert "title" not in passage
            assert isinstance(passage["score"], float)


@pytest.fixture(scope="module")
def library() -> Any:
    """sentence-transformers, which only `make compat` and `make bench` install."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def model(library) -> Any:
    """Static vectors, drawn at random, for the words of our texts."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["?", "what", "it", "is", *map(str, range(DOCUMENTS))]
    tokenizer = Tokenizer(models.WordLevel({word: code for code, word in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(1).standard_normal((len(words), 8)).astype(np.float32)
    return library.SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu"
    )


@pytest.mark.parametrize(
    ("form", "options", "loss"),
    [
        ("triplet", {}, "MultipleNegativesRankingLoss"),
        ("triplet", {}, "TripletLoss"),
        ("triplet", {"scores": True}, "DistillKLDivLoss"),
        ("n-tuple", {"negatives": 2}, "MultipleNegativesRankingLoss"),
        ("n-tuple", {"negatives": 2, "scores": True}, "MarginMSELoss"),
        ("labeled-pair", {}, "ContrastiveLoss"),
        ("labeled-pair", {"scores": True}, "CosineSimilarityLoss"),
    ],
)
def test_losses_of_sentence_transformers_learn_from_it(form, options, loss, loaded, model) -> None:
    """Through its own collator, which takes texts by the order of columns, and labels or scores by name."""
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator

    rows = loaded(form, **options)
    batch = SentenceTransformerDataCollator(preprocess_fn=model.preprocess)(list(rows)[:8])
    texts = [name for name in rows.column_names if not name.startswith(("label", "score"))]
    features = [
        {key.removeprefix(f"{name}_"): value for key, value in batch.items() if key.startswith(f"{name}_")}
        for name in texts
    ]
    model.zero_grad()
    found = getattr(losses, loss)(model)(features, batch.get("label"))
    found.backward()
    assert found.item() > 0
    assert model[0].embedding.weight.grad.abs().sum() > 0


def test_its_cross_encoders_take_labelled_lists(loaded, library) -> None:
    """Their collator needs texts, lists of texts and lists of labels, in this order."""
    from sentence_transformers.cross_encoder.data_collator import CrossEncoderDataCollator

    rows = list(loaded("labeled-list"))
    batch = CrossEncoderDataCollator(preprocess_fn=lambda texts, **_: texts)(rows[:4])
    assert [each.tolist() for each in batch["label"]] == [row["labels"] for row in rows[:4]]
    assert [each for each in batch.values() if isinstance(each, list) and isinstance(each[0], str)]
