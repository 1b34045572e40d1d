"""``mine_hard_negatives`` with the arguments and columns of sentence-transformers 6.2, built on our search."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ....mining.errors import InputError
from ....mining.neighbours import NO_ROW
from .bounds import Bounds, column_of
from .choose import choose
from .embed import Prompt, digest_of, embedded, kept
from .forms import columns_of, most_rows, require_form
from .rescore import rescored
from .said import summary
from .search import candidates_of, without_vector
from .texts import Texts, texts_of

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import (  # pyright: ignore[reportMissingImports]  an extra of its own
        CrossEncoder,
        SentenceTransformer,
    )

logger = logging.getLogger(__name__)


def mine_hard_negatives(
    dataset: "Dataset",
    model: "SentenceTransformer",
    anchor_column_name: str | None = None,
    positive_column_name: str | None = None,
    corpus: list[str] | None = None,
    cross_encoder: "CrossEncoder | None" = None,
    range_min: int = 0,
    range_max: int | None = None,
    max_score: float | None = None,
    min_score: float | None = None,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    num_negatives: int = 3,
    sampling_strategy: Literal["random", "top"] = "top",
    query_prompt_name: str | None = None,
    query_prompt: str | None = None,
    corpus_prompt_name: str | None = None,
    corpus_prompt: str | None = None,
    include_positives: bool = False,
    output_format: Literal["triplet", "n-tuple", "labeled-pair", "labeled-list"] = "triplet",
    output_scores: bool = False,
    batch_size: int = 32,
    faiss_batch_size: int = 16384,
    use_faiss: bool = False,
    use_multi_process: list[str] | bool = False,
    verbose: bool = True,
    cache_folder: str | None = None,
    as_triplets: bool | None = None,
    margin: float | None = None,
    *,
    method: str = "exact",
    seed: int = 0,
) -> "Dataset":
    """Hard negatives for a data set of (query, positive) pairs of texts.

    The arguments and their defaults are documented in sentence-transformers 6.2; ``method`` and ``seed`` are additions.
    Differences:

    - The search never computes the scores of all queries with all documents. It is exact, or with ``method`` ("hnsw",
      "cells", "auto": see ``tm.neighbours``) approximate at a recall of 0.99 or more. A model with a custom similarity
      computes its own scores, for ``faiss_batch_size`` queries at once. ``use_faiss`` only affects the default of
      ``range_max``.
    - "random" samples by ``seed``, and the sample of a query does not depend on the other queries.
    - Embeddings in ``cache_folder`` are keyed by a digest of weights, settings, prompts and texts, so a fine-tuned
      model does not reuse those of another.
    - A document with the same text as the query is never its negative. Texts without a vector (the model knows none of
      their words) neither get negatives nor become negatives. Both are counted.
    - Unknown columns, and values that are not texts, are refused.

    Returns: a ``datasets.Dataset`` in ``output_format``: "triplet" (query, positive, negative), "n-tuple" (query,
    positive, negative_1 … negative_n; only pairs with all n), "labeled-pair" (query, document, label), "labeled-list"
    (query, documents, labels); with ``output_scores`` a column ``scores`` or ``score``, instead of labels.

    Raises: ValueError (``InputError``) for arguments, texts or scores that cannot be used; ImportError without
    ``datasets`` and ``sentence-transformers``.
    """
    from datasets import Dataset

    if faiss_batch_size < 1:
        raise InputError(f"faiss_batch_size is {faiss_batch_size}, it must be at least 1: 16384 is usual")
    if as_triplets is not None:
        output_format = "triplet" if as_triplets else "n-tuple"
        logger.warning("as_triplets is deprecated: give output_format=%r", output_format)
    if margin is not None:
        absolute_margin = margin
        logger.warning("margin is deprecated: give absolute_margin=%s", margin)
    if str(output_format) == "n-tuple-scores":
        output_format, output_scores = "n-tuple", True
        logger.warning("output_format='n-tuple-scores' is deprecated: give 'n-tuple' and output_scores=True")
    bounds = Bounds(
        num_negatives=num_negatives,
        range_min=range_min,
        range_max=range_max,
        max_score=max_score,
        min_score=min_score,
        absolute_margin=absolute_margin,
        relative_margin=relative_margin,
        sampling_strategy=sampling_strategy,
        include_positives=include_positives,
        seed=seed,
    )
    if include_positives:
        if replace(bounds, num_negatives=3, seed=0) != Bounds(include_positives=True):
            logger.warning("include_positives=True, but the bounds that are set may refuse positives, too")
        if output_format != "n-tuple":
            logger.warning("include_positives=True keeps the ranking: output_format is 'n-tuple'")
            output_format = "n-tuple"
    require_form(output_format)
    columns = dataset.column_names
    if not isinstance(columns, list):
        raise InputError(
            f"the dataset is a {type(dataset).__name__} with the splits {list(columns)}: give one of them, as "
            f"dataset[{next(iter(columns), 'train')!r}]"
        )
    names = (
        column_of(anchor_column_name, columns, "anchor_column_name", 0),
        column_of(positive_column_name, columns, "positive_column_name", 1),
    )
    texts = texts_of(list(dataset[names[0]]), list(dataset[names[1]]), corpus)
    last_rank = bounds.last_rank(
        texts.most_positives, cross_encoder=cross_encoder is not None, gpu_faiss=use_faiss and _faiss_on_gpu()
    )
    say = print if verbose else logger.info
    devices = use_multi_process if isinstance(use_multi_process, list) else None
    options = {"batch_size": batch_size, "show_progress_bar": verbose}
    prompts = Prompt(query_prompt_name, query_prompt), Prompt(corpus_prompt_name, corpus_prompt)
    with _pool(model, bool(use_multi_process), devices) as pool:
        queries, documents = _vectors(model, texts, prompts, cache_folder, say, pool=pool, **options)
    own = np.full_like(texts.own, NO_ROW) if include_positives else texts.own
    found = candidates_of(
        model,
        texts,
        queries,
        documents,
        own,
        last_rank + texts.most_positives,
        batch=faiss_batch_size,
        method=method,
        seed=seed,
    )
    if cross_encoder is not None and bounds.rescored:
        with _pool(cross_encoder, bool(use_multi_process), devices) as pool:
            predict = partial(cross_encoder.predict, pool=pool, **options)
            found = rescored(found, texts, predict)
    negatives = choose(found, texts, bounds, last_rank)
    made = columns_of(output_format, texts, found.positive_scores, negatives, names, scores=output_scores)
    most = most_rows(output_format, texts, num_negatives)
    for line in _left_out(texts, queries, documents, own):
        say(line)
    for line in summary(texts, found.positive_scores, negatives, bounds, most - len(made[names[0]]), most):
        say(line)
    return Dataset.from_dict(made)


def _vectors(
    model: Any,
    texts: Texts,
    prompts: tuple[Prompt, Prompt],
    cache_folder: str | None,
    say: Any,
    **options: Any,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32 vectors of queries and corpus, cached in the folder if one is given."""
    sides = (
        ("query", texts.queries, model.encode_query, prompts[0]),
        ("corpus", texts.corpus, model.encode_document, prompts[1]),
    )
    made = []
    for side, of_side, encode, prompt in sides:
        make = partial(embedded, of_side, encode, prompt, what=side, **options)
        if cache_folder is None:
            made.append(make())
            continue
        digest = digest_of(model, prompt, side, of_side)
        vectors, path, was_there = kept(Path(cache_folder), f"{side}_embeddings", digest, len(of_side), make)
        say(f"{side} embeddings {'read from' if was_there else 'written to'} {path}")
        made.append(vectors)
    return made[0], made[1]


@contextmanager
def _pool(model: Any, asked: bool, devices: list[str] | None) -> Iterator[Any]:
    """The model's multi-process pool if asked for, else None."""
    if not asked:
        yield None
        return
    pool = model.start_multi_process_pool(target_devices=devices)
    try:
        yield pool
    finally:
        model.stop_multi_process_pool(pool)


def _faiss_on_gpu() -> bool:
    try:
        import faiss  # pyright: ignore[reportMissingImports]  as above
    except ImportError:
        return False
    return getattr(faiss, "get_num_gpus", lambda: 0)() > 0


def _left_out(
    texts: Texts, queries: NDArray[np.float32], documents: NDArray[np.float32], own: NDArray[np.int64]
) -> Iterator[str]:
    """Lines about texts that are left out whatever the bounds are."""
    if count := int((own != NO_ROW).sum()):
        yield f"{count:,} of {len(texts.queries):,} queries are also documents, which are not used as their negatives."
    for what, vectors in (("queries", queries), ("documents", documents)):
        if count := without_vector(vectors):
            yield f"{count:,} of {len(vectors):,} {what} left out: the model knows none of their words."
