"""Open mined triplets with their data, from a folder written by `tripletmine mine` or the mine stage of an epoch."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.guarding.never_negatives import PairLists
from ...mining.guards import Guards
from ...mining.labels import Labels
from ...mining.miner_input import Corpus
from ...mining.pairs.relevance import Relevance
from ...mining.rule import MiningRule
from ..artifacts.embeddings import read_embeddings, read_some_embeddings
from ..artifacts.neighbours import NEIGHBOURS
from ..artifacts.record import RUN_FILE, open_record
from ..artifacts.reviews import kept_review, review_of_spec, review_path
from ..artifacts.scores import mined_epoch
from ..artifacts.triplets import part_name, part_names
from ..data.arrays import Arrays
from ..data.base import SPLITS, encoded_groups, same_names
from ..data.review.csv_file import merged, read_review
from ..data.review.decisions import Review
from ..data.tables.form import TableForm
from ..errors import CorruptError, SpecError
from ..plan.refs import StageRef, manifest_of
from ..plan.stage import stage_seed
from ..plan.stage_folder import StageFolder
from ..runfile.load import run_root
from ..storage.committed import Committed
from ..storage.manifest import read_manifest
from ..storage.regular import read_regular
from ..workers.opened import reviewed_rows, rows_of
from .mine_files import REVIEW, SETTINGS
from .mining_settings import recorded_form
from .never_negatives import kept_never_negatives
from .pair_files.folder import read_keys, read_relevance
from .pair_files.inputs import read_groups
from .source_rows import ALL, either, read_file_rows, read_vectors, reviewed_file_rows


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """The corpus of positives and negatives, if anchors are queries.

    relevance: the judged pairs. keys: those of all documents. own: int64 (Q,), the document that is the query itself,
    −1 for none; None if no query is a document. vectors: reads the embeddings float32 (C, D). groups: int64 (C,), −1
    for no group; None if no guard uses groups.
    """

    relevance: Relevance
    keys: pa.Array
    own: NDArray[np.int64] | None
    vectors: Callable[[], NDArray[np.float32]]
    groups: NDArray[np.int64] | None = None

    def rows(self) -> Corpus:
        """The corpus for the audit, with its embeddings."""
        return Corpus(self.relevance.corpus_labels(), self.vectors(), groups=self.groups)


@dataclass(frozen=True, slots=True)
class TripletSource:
    """Mined triplets, and the data they were mined from.

    folder: the folder with the files. epoch: epoch of the run; None for a folder written by `tripletmine mine`.
    files: the parts of triplets, ordered by anchor. labels, keys: those of all rows.
    excluded: bool (N,), rows that were not searched; None if there are none. left_out: bool (N,), these and the rows
    that a review excludes, which the neighbour table still has; None if there are none.
    groups: int64 (N,), the group of each row, −1 for none; None if the data have no groups.
    never_negatives: pairs that were never negatives; None if there are none.
    sources: int64 (N,), the place of each row in the data set; None if the rows are in the same order.
    rule: the rule of mining. counts: as written by `MiningReport.counts`. neighbours: path of the neighbour table.
    vectors: reads the embeddings float32 (N, D). some_vectors: reads those of rows int64 (S,), ascending.
    recall_target: target of the search; None if unknown. pruned: whether run.keep deleted the neighbour table.
    chosen: the chosen epoch of a run and the reason, if none was named.
    corpus: the documents, if anchors are queries; labels, keys and vectors are then those of the queries.
    review: the review used in mining, merged with the current one of the run file.
    """

    folder: Path
    epoch: int | None
    files: tuple[Path, ...]
    labels: Labels
    keys: pa.Array
    excluded: NDArray[np.bool_] | None
    groups: NDArray[np.int64] | None
    never_negatives: PairLists | None
    sources: NDArray[np.int64] | None
    rule: MiningRule
    counts: Mapping[str, Any]
    neighbours: Path
    vectors: Callable[[], NDArray[np.float32]]
    some_vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    recall_target: float | None
    pruned: bool = False
    chosen: str | None = None
    corpus: CorpusSource | None = None
    left_out: NDArray[np.bool_] | None = None
    review: Review = field(default_factory=Review)

    def keys_of(self, role: str) -> pa.Array:
        """The keys to which the ids of a column, "anchor", "positive" or "negative", refer."""
        return self.keys if self.corpus is None or role == "anchor" else self.corpus.keys


def open_triplets(path: Path, epoch: int | None = None, *, needs: Sequence[str] = ("mine",)) -> TripletSource:
    """Open mined triplets.

    path: a folder written by `tripletmine mine`, a run directory or its run file, or the mine folder of an epoch.
    epoch: epoch of a run; by default the best on validation among those that still have the files of the stages
    `needs`.
    Raises: SpecError for a folder that is none of these, or an epoch without triplets; the errors of its files.
    """
    path = run_root(path)
    if (path / RUN_FILE).exists():
        chosen = mined_epoch(path, epoch, needs=needs)
        folder = StageRef(chosen.number, "mine").folder(path)
        return _of_run(path, folder, f"epoch {chosen.number}, {chosen.why}")
    if epoch is not None:
        raise SpecError(f"epoch is {epoch} but {path} is not a run directory: leave epoch out")
    if (path / SETTINGS).exists():
        return _mined_alone(path)
    root = path.resolve().parents[2] if len(path.resolve().parents) > 2 else path
    if path.name == "mine" and (root / RUN_FILE).exists():
        return _of_run(root, path, None)
    raise SpecError(
        f"{path} holds no mined triplets: give a folder that `tripletmine mine` wrote, a run directory, or the mine "
        "folder of an epoch, as RUN/epochs/0001/mine"
    )


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((folder / part_name(0)).parent.glob("part-*.parquet")))


def _mined_alone(folder: Path) -> TripletSource:
    try:
        about = json.loads(read_regular(folder / SETTINGS))
        settings, counts = about["settings"], about["counts"]
        guards = dict(settings["rule"].pop("guards"))
        if guards["rank_window"] is not None:
            guards["rank_window"] = tuple(guards["rank_window"])
        rule = MiningRule(**settings["rule"], guards=Guards(**guards))
        form = recorded_form(settings)
        if "queries" in settings:
            return _of_queries(
                folder, settings, counts, rule, form, (about["queries"][0], about["corpus"][0])
            )
        source = Arrays(
            settings["embeddings"], settings["labels"], settings.get("label_separator"), form=form
        )
        split = settings.get("split", ALL)  # earlier versions mined all rows, and did not record it
        normalised = bool(settings["normalise"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{folder / SETTINGS} cannot be understood ({error}): mine again") from None
    rows = read_file_rows(source, split)
    review = read_review(folder / REVIEW) if settings.get("review") else Review()
    reviewed = reviewed_file_rows(rows, source, review)
    return TripletSource(
        folder=folder,
        epoch=None,
        files=_files(folder),
        labels=reviewed.labels,
        keys=rows.keys,
        excluded=rows.excluded,
        groups=rows.groups,
        never_negatives=kept_never_negatives(folder, len(rows.labels)),
        left_out=either(rows.excluded, reviewed.excluded),
        review=review,
        sources=None,
        rule=rule,
        counts=counts,
        neighbours=folder / NEIGHBOURS,
        vectors=lambda: read_vectors(source, normalised=normalised),
        some_vectors=lambda some: read_vectors(source, normalised=normalised, rows=some),
        recall_target=settings.get("recall_target"),
    )


def _of_queries(
    folder: Path,
    settings: Mapping[str, Any],
    counts: Mapping[str, Any],
    rule: MiningRule,
    form: TableForm,
    rows: tuple[int, int],
) -> TripletSource:
    """The triplets of queries and a corpus. rows: number of queries, and of documents."""
    queries, corpus = (Arrays(settings[name], form=form) for name in ("queries", "corpus"))
    normalised = bool(settings["normalise"])
    relevance = read_relevance(folder, *rows)
    grouped = None
    if rule.guards.same_group is not None:
        grouped = read_groups(settings["queries"], settings["corpus"], form)
    names = read_keys(folder, "query", rows[0]), read_keys(folder, "document", rows[1])
    return TripletSource(
        folder=folder,
        epoch=None,
        files=_files(folder),
        labels=relevance.labels(),
        keys=names[0],
        excluded=None,
        groups=None if grouped is None else grouped[0],
        never_negatives=kept_never_negatives(folder, rows[0]),
        sources=None,
        rule=rule,
        counts=counts,
        neighbours=folder / NEIGHBOURS,
        vectors=lambda: read_vectors(queries, normalised=normalised),
        some_vectors=lambda some: read_vectors(queries, normalised=normalised, rows=some),
        recall_target=settings.get("recall_target"),
        corpus=CorpusSource(
            relevance,
            names[1],
            same_names(*names) if settings["same_items"] else None,
            lambda: read_vectors(corpus, normalised=normalised),
            None if grouped is None else grouped[1],
        ),
    )


def _of_run(root: Path, folder: Path, chosen: str | None) -> TripletSource:
    spec, facts = open_record(root)
    mine = read_manifest(folder)
    if mine is None or mine.epoch is None:
        raise SpecError(f"{folder} is not finished: let the run go on first")
    mined, rows = Committed(folder, mine), rows_of(root, facts.data_digest)

    # The review used for these triplets; that in run.json is of the run file last opened.
    digest = mine.inputs["keys"].get("review")
    reviewed = reviewed_rows(root, spec, facts, digest)
    graph = StageRef(mine.epoch, "graph")

    def embedded() -> Committed:
        ref = StageRef(mine.epoch, "embed")
        embed = manifest_of(root, ref)
        if embed is None:
            raise CorruptError(f"{ref.folder(root)} has lost its manifest: redo it with {ref.redo}")
        return Committed(ref.folder(root), embed)

    return TripletSource(
        folder=folder,
        epoch=mine.epoch,
        files=tuple(mined.checked(name) for name in part_names(mined)),
        labels=reviewed.labels,
        keys=rows.table["key"].combine_chunks(),
        excluded=None,
        groups=encoded_groups(rows.column("group", SPLITS[0])),
        left_out=reviewed.excluded,
        never_negatives=reviewed.never_negatives,
        review=merged(kept_review(root, digest), review_of_spec(spec)),
        sources=rows.table["source"].to_numpy(),
        rule=spec.mine.rule(
            float(mine.report["k_hardness"]), stage_seed(spec.run.seed, StageRef(mine.epoch, "mine"))
        ),
        counts=mine.report["counts"],
        neighbours=graph.folder(root) / NEIGHBOURS,
        vectors=lambda: read_embeddings(embedded(), 0, facts.train),
        some_vectors=lambda some: read_some_embeddings(embedded(), some),
        recall_target=spec.graph.recall_target,
        pruned=StageFolder(root, graph).pruned,
        chosen=chosen,
    )


def review_file(path: Path) -> Path:
    """The file for decisions on these triplets: data.review of the run file, else review.csv in the current folder.

    path: as for `open_triplets`.
    """
    root = run_root(path)
    named = review_path(open_record(root)[0]) if (root / RUN_FILE).exists() else None
    return Path(REVIEW) if named is None else named
