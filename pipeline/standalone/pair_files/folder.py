"""The files about queries and documents in a folder of triplets."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from ....mining.pairs.relevance import Relevance, relevance_of
from ...errors import CorruptError
from ...storage.tables import UNREADABLE, read_table, write_table
from .inputs import Side, row_names

RELEVANCE = "relevance.parquet"
"""Columns query and document int64, rows of the two sides, and relevant bool: the judged pairs used in mining."""

KEYS = {"query": "queries.parquet", "document": "corpus.parquet"}
"""Column key, string: one line for each row of a side; written only if its file has keys."""

IDS = {"anchor": "queries", "positive": "corpus", "negative": "corpus"}
"""The side to which the ids in each column of the triplets belong."""


def write_sides(folder: Path, queries: Side, corpus: Side, relevance: Relevance) -> None:
    """Write the keys of both sides, and which documents are relevant."""
    for word, side in (("query", queries), ("document", corpus)):
        if side.keys is not None:
            write_table(folder / KEYS[word], pa.table({"key": side.keys}))
    judged = (relevance.relevant, relevance.irrelevant)
    rows = np.arange(relevance.queries)
    table = {
        "query": np.concatenate([np.repeat(rows, each.counts()) for each in judged]),
        "document": np.concatenate([each.documents for each in judged]).astype(np.int64),
        "relevant": np.repeat([True, False], [len(each.documents) for each in judged]),
    }
    write_table(folder / RELEVANCE, pa.table(table))


def read_relevance(folder: Path, queries: int, corpus: int) -> Relevance:
    """The relevance written by `write_sides`. Raises: CorruptError for a file that is damaged, or does not match the
    sides."""
    path = folder / RELEVANCE
    try:
        table = read_table(path)
        query, document, good = (table[name].to_numpy() for name in ("query", "document", "relevant"))
        return relevance_of(query, document, good, queries=queries, corpus=corpus)
    except (*UNREADABLE, KeyError, ValueError) as error:
        raise CorruptError(f"{path} cannot be understood ({error}): mine again") from None


def read_keys(folder: Path, word: str, rows: int) -> pa.Array:
    """The keys of a side, "query" or "document", or else its row numbers as strings. Raises: CorruptError."""
    path = folder / KEYS[word]
    if not path.exists():
        return row_names(rows)
    try:
        keys = read_table(path)["key"].combine_chunks()
    except (*UNREADABLE, KeyError) as error:
        raise CorruptError(f"{path} cannot be understood ({error}): mine again") from None
    if len(keys) != rows:
        raise CorruptError(f"{path} has {len(keys):,} keys for {rows:,} rows: mine again")
    return keys
