"""Prepare what a run directory holds besides its stages: run.json, its rows, and a copy of the user's encoder."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..artifacts.data_files import write_data_files
from ..artifacts.encoder_copies import EncoderFiles, encoder_files, keep_copies
from ..artifacts.record import RUN_FILE, read_run_file, remove_damaged_run_file, rows_keys, splitting_of
from ..artifacts.rows import ROWS_FILE, ROWS_REMEDY, data_digest, read_rows_table, remove_damaged_rows
from ..data.base import SPLITS, DataSet
from ..data.open import open_data
from ..data.pictures.examine import transparent_pictures
from ..data.pictures.picture_set import PictureSet
from ..data.rows import RunRows, build_rows
from ..data.splits.assign import Splitting
from ..errors import CorruptError, DataError, StaleError
from ..plan.refs import StageRef
from ..plan.stage import RunFacts
from ..plan.stage_folder import StageFolder
from ..resolve.label_forms import said_alike
from ..resolve.labels import check_groups, check_losses, check_scored_labels
from ..resolve.pair_list import check_pair_list, read_pair_list
from ..resolve.protocols import asked_in, check_validation
from ..runfile.run_spec import RunSpec
from ..storage.publish import published
from .epochs import all_refs
from .inputs.ranking import RunRanking, ranking_of_run
from .inputs.review import Reviews, RunReview, review_of_run, stale_review
from .inputs.same_data import first_look, look_again
from .redo_all import has_work, set_all_aside


@dataclass(frozen=True, slots=True)
class Prepared:
    """The facts of a run, and the other content of run.json. splitting: how its rows were split. pictures: their
    background and the files left out; None if the data are not pictures."""

    facts: RunFacts
    identity: dict[str, Any]
    splitting: Splitting
    pictures: dict[str, Any] | None


def prepare_data(
    spec: RunSpec,
    *,
    repair: bool = False,
    new_data: bool = False,
    redone: StageRef | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Write the run's rows, or check that those on disk still match the data set.

    repair: rewrite damaged files of the run itself. new_data: if data set, review or split settings have changed, set
    all stages aside and start over with the new data; `note` is told. Without any finished task this happens anyway.
    redone: the stage from which the caller will redo the run; a changed review may count from there on.
    Raises: StaleError if the data differ from those the run began with; CorruptError.
    """
    if repair:
        remove_damaged_run_file(spec.root)
    data = open_data(spec.data, Path(spec.base))
    path = spec.root / ROWS_FILE
    before = read_run_file(spec.root) if (spec.root / RUN_FILE).exists() else None
    seen = first_look(spec, data) if before is None else look_again(spec, data, before)
    splitting = _splitting(spec, data, before)
    change = None if before is None else seen.change or _other_reading(data, before)
    if before is not None and change is not None:
        lost = has_work(spec.root)
        if lost and not new_data:
            raise _stale(spec, before, change)
        stages = set_all_aside(spec.root)
        goes_on = f"its {stages} stages are done again" if lost else "nothing was made of them yet"
        note(f"the data of the run changed: {change}; {goes_on}")
        seen, splitting, before = first_look(spec, data), "hashed", None
    identity = seen.identity
    if before is not None and repair:
        remove_damaged_rows(spec.root, before["facts"]["data_digest"])
    if before is not None and path.exists():
        rows = read_rows_table(path)
        if data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise CorruptError(f"{path} is not what {RUN_FILE} says: {ROWS_REMEDY}")
    else:
        rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed, splitting=splitting))
        with published(path) as partial:
            pq.write_table(rows.table, partial, compression="zstd", write_page_checksum=True)
        if before is not None and data_digest(rows, identity) != before["facts"]["data_digest"]:
            raise StaleError(
                f"{path} was gone, and made again it is not what the run began with: start a new run.directory"
            )
    review = review_of_run(spec, rows, _reviews(before), redone, write=True)
    if review.changed is not None:
        if not new_data:
            raise stale_review(spec, review.changed)
        stages = set_all_aside(spec.root)
        note(f"the review of the run changed: {review.changed}; its {stages} stages are done again")
        before = None
        review = review_of_run(spec, rows, None, None, write=True)
    if before is None:
        write_data_files(spec.root, seen.marks, identity)
    encoder = encoder_files(spec)
    keep_copies(spec.root, encoder)
    pictures = data.record() if isinstance(data, PictureSet) else None
    ranking = ranking_of_run(spec, rows, write=True)
    return Prepared(
        _facts(spec, data, rows, identity, encoder, review, ranking, before), identity, splitting, pictures
    )


def _stale(spec: RunSpec, before: dict[str, Any], change: str) -> StaleError:
    subject = "the data set" if before["rows_keys"] == json.loads(json.dumps(rows_keys(spec))) else "[data]"
    return StaleError(
        f"{subject} of the run in {spec.root} changed: {change}; set it back, do all of the run again "
        f"with the new data ({all_refs(spec)[0].redo}), or start a new run.directory"
    )


def _splitting(spec: RunSpec, data: DataSet, before: dict[str, Any] | None) -> Splitting:
    """How the run splits its rows, so that they can be made again. New runs split by hashes.

    If run.json was lost, this is found out from the existing rows.
    """
    if before is not None:
        return splitting_of(before)
    path = spec.root / ROWS_FILE
    if path.exists():
        with suppress(CorruptError, DataError):
            there = read_rows_table(path)
            drawn = build_rows(data, spec.data, seed=spec.run.seed, splitting="drawn")
            if there.table.cast(drawn.schema).equals(drawn):
                return "drawn"
    return "hashed"


def _other_reading(data: DataSet, before: dict[str, Any]) -> str | None:
    """The change if an earlier version read transparent pictures otherwise, else None. Versions that did not record
    pictures in run.json read the colour under transparent pixels; these must not be mixed."""
    if "pictures" in before or not isinstance(data, PictureSet) or not (found := transparent_pictures(data)):
        return None
    return (
        f"{len(found):,} of the {len(data.rows):,} pictures have transparent pixels, as {found[0]}: the version that "
        "began it read whatever colour lies under them, this one lays them on data.background"
    )


def describe_data(spec: RunSpec) -> RunFacts:
    """The facts that a run would have, without writing anything."""
    data = open_data(spec.data, Path(spec.base))
    before = read_run_file(spec.root) if (spec.root / RUN_FILE).exists() else None
    splitting = _splitting(spec, data, before)
    rows = RunRows(build_rows(data, spec.data, seed=spec.run.seed, splitting=splitting))
    review = review_of_run(spec, rows, _reviews(before), None, write=False)
    if review.changed is not None:
        raise stale_review(spec, review.changed)
    ranking = ranking_of_run(spec, rows, write=False)
    return _facts(spec, data, rows, data.identity(), encoder_files(spec), review, ranking, before)


def _reviews(before: dict[str, Any] | None) -> Reviews | None:
    return (
        None
        if before is None
        else tuple((epoch, digest) for epoch, digest in before["facts"].get("reviews", ()))
    )


def _facts(
    spec: RunSpec,
    data: DataSet,
    rows: RunRows,
    identity: dict[str, Any],
    encoder: EncoderFiles,
    review: RunReview,
    ranking: RunRanking,
    before: dict[str, Any] | None,
) -> RunFacts:
    pairs = read_pair_list(spec)
    if pairs is not None:
        check_pair_list(pairs, rows, f"evaluate.pairs_file = {spec.evaluate.pairs_file}")
    drawn = before is None or bool(before["facts"].get("drawn", False))
    facts = RunFacts(
        train=len(rows.range("train")),
        validation=len(rows.range("validation")),
        test=len(rows.range("test")),
        classes=len(rows.class_sizes("train")),
        singletons=len(rows.singletons()),
        item_shape=tuple(data.item_shape),
        item_bytes=data.dtype.itemsize * math.prod(data.item_shape),
        data_digest=data_digest(rows, identity),
        encoder=encoder.reference,
        weights=encoder.weights,
        encoder_digest=encoder.digest,
        several=rows.several(),
        protocols=() if spec.loss.of_pairs else asked_in(rows, spec, may_draw=drawn),
        remarks=(
            *said_alike({name for split in SPLITS for name in rows.class_sizes(split)}),
            *check_scored_labels(spec, rows),
            *review.remarks,
            *ranking.remarks,
        ),
        reviews=review.reviews,
        held_out=review.held_out,
        pairs=None if pairs is None else pairs.digest(),
        cells=_knows_cells(spec, before),
        drawn=drawn,
        ranking=ranking.digest,
        ranked_pairs=ranking.pairs,
    )
    check_losses(spec, facts)
    check_groups(spec, data.rows.groups)
    check_validation(facts.protocols, data, spec, begun=before is not None)
    return facts


def _knows_cells(spec: RunSpec, before: dict[str, Any] | None) -> bool:
    """Whether graph.method = "auto" may choose cells: as when the run began or, if run.json was lost, as its graphs
    were made."""
    if before is not None:
        return bool(before["facts"].get("cells", False))
    graphs = [ref for ref in all_refs(spec) if ref.stage == "graph"]
    for folder in (StageFolder(spec.root, ref) for ref in graphs):
        with suppress(CorruptError):
            manifest = folder.manifest()
            inputs = manifest.inputs if manifest else folder.claim()
            if inputs and inputs.get("keys", {}).get("graph", {}).get("method") == "auto":
                return "auto" in inputs["keys"]["graph"]
    return True
