"""Remarks for the user about queries and documents before and after mining."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ....mining.neighbours import NO_ROW, NeighbourTable
from ....mining.pairs.relevance import Relevance
from ....mining.report import MiningReport
from ..coverage import refused_by_guards, what_admits_more
from .inputs import Side, same_names


def remarks_before(
    relevance: Relevance,
    left_out: Mapping[str, int],
    queries: Side,
    corpus: Side,
    own: NDArray[np.int64] | None,
) -> list[str]:
    """Remarks about the files: one sentence for each reason why pairs or queries are left out, or count otherwise."""
    found = []
    for why, count in left_out.items():
        found.append(
            f"{count:,} pairs are left out: they name a {why.removeprefix('without ')} that is not there"
        )
    if relevance.repeated:
        found.append(f"{relevance.repeated:,} pairs are there more than once, and count once")
    if relevance.own:
        found.append(f"{relevance.own:,} pairs are left out: they say that a query is relevant to itself")
    if len(relevance.irrelevant.documents):
        found.append(
            f"{len(relevance.irrelevant.documents):,} pairs were judged not to be relevant: known negatives"
        )
    if relevance.without:
        found.append(
            f"{relevance.without:,} of {relevance.queries:,} queries have no relevant document, and are left out"
        )
    if own is None and queries.keys is not None and corpus.keys is not None:
        shared = int((same_names(queries.names, corpus.names) != NO_ROW).sum())
        if shared:
            found.append(
                f"{shared:,} queries have the key of a document: if that is the same item, leave it out of the query's "
                "documents with --same-items"
            )
    return found


def why_not_all_queries(
    report: MiningReport, copies: int, relevance: Relevance, neighbours: int
) -> list[str]:
    """Why queries have no triplet: one sentence for each reason, with the option of `mine` that helps.

    copies: see `unlabelled_copies`. neighbours: K of the search.
    """
    asked = f"{report.anchors:,} queries with a relevant document"
    without = report.anchors_without_admissible_negative
    found = []
    if copies:
        found.append(
            f"{copies:,} of {asked} have the same vector as a document that is not said to be relevant: it is never "
            "taken as a negative"
        )
    if report.anchors_without_neighbour_positive:
        found.append(
            f"{report.anchors_without_neighbour_positive:,} of {asked} have none of them among their {neighbours:,} "
            "neighbours, so that every neighbour is nearer than the positive"
        )
    if without:
        found.append(
            f"{without:,} of {asked} have no negative that the rule admits: "
            f"{what_admits_more(every_other=neighbours >= relevance.corpus)}"
        )
    if without and any(report.refused.values()):
        found.append(refused_by_guards(report))
    return found


def unlabelled_copies(table: NeighbourTable, relevance: Relevance, anchors: NDArray[np.int64]) -> int:
    """Number of queries with a document at distance 0 that is not relevant to them. table: the lines of the queries
    `anchors`, int64 (A,)."""
    line, rank = np.nonzero((table.sq_distances == 0) & (table.ids != NO_ROW))
    unlabelled = ~relevance.is_relevant(anchors[line], table.ids[line, rank])
    return len(np.unique(line[unlabelled]))
