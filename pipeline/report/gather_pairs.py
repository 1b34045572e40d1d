"""Gather the content of a page from a folder of triplets of queries and a corpus."""

from ..standalone.triplet_folder import CorpusSource, TripletSource
from .content import Content
from .gather import HARDEST, SUSPECTS, Missing, settings_of
from .sections.pairs import hardest_of_queries, unlabelled_of_queries
from .sections.record import folder_about, pair_tables
from .sections.sentences import pair_sentences
from .source import Source


def gather_pairs(source: Source, triplets: TripletSource, corpus: CorpusSource) -> Content:
    """All sections that can be made, and the reasons why others cannot."""
    missing = Missing()
    hardest = missing.attempt("Hardest triplets", lambda: hardest_of_queries(triplets, limit=HARDEST))
    unlabelled = missing.attempt(
        "Unlabelled positives", lambda: unlabelled_of_queries(triplets, corpus, limit=SUSPECTS)
    )
    return Content(
        title=source.name,
        subject="folder",
        epoch="",
        sentences=pair_sentences(triplets, corpus),
        suspects=None,
        unlabelled=unlabelled,
        hardest=hardest,
        curves=None,
        confusions=None,
        changes=None,
        sample_map=None,
        tables=[(title, list(lines)) for title, lines in pair_tables(folder_about(triplets.folder)) if lines],
        settings=settings_of(source),
        missing=missing.once(),
    )
