"""The review of a run: read when the run is opened, stored with it, and used by mining from some epoch on."""

from dataclasses import dataclass

from ...artifacts.reviews import keep_review, review_path
from ...artifacts.weights import STATE_FILE
from ...data.review.csv_file import read_review
from ...data.review.effect import split_label
from ...data.review.on_splits import SplitReview, review_of_splits
from ...data.rows import RunRows
from ...errors import SpecError, StaleError
from ...plan.refs import StageRef
from ...plan.stage_folder import StageFolder
from ...runfile.loss_spec import OF_LABELS, OF_ONE_CLASS
from ...runfile.run_spec import RunSpec
from ..epochs import plan_epochs

Reviews = tuple[tuple[int, str | None], ...]
"""(first epoch, digest) of the reviews that mining uses: see `RunFacts.reviews`."""


@dataclass(frozen=True, slots=True)
class RunReview:
    """reviews, held_out: see `RunFacts`. remarks: effects of the review, for the user. changed: a sentence, if epochs
    were already mined with another review; else None."""

    reviews: Reviews = ()
    held_out: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    changed: str | None = None


def review_of_run(
    spec: RunSpec, rows: RunRows, before: Reviews | None, redone: StageRef | None, *, write: bool
) -> RunReview:
    """Read data.review and apply it to the rows of a run.

    before: the reviews of the run when it was last opened; None for a new run. redone: the stage from which the run is
    redone. write: store the review with the run.
    Raises: DataError for a file that cannot be read or used; SpecError if the losses cannot take its labels.
    """
    digest = keep_review if write else lambda _root, review: review.digest()
    found = _found(spec, rows)
    now = None if found is None else digest(spec.root, found.by_split["train"])
    held_out = {} if found is None else {split: found.by_split[split] for split in ("validation", "test")}
    kept = ((split, digest(spec.root, review)) for split, review in held_out.items())
    remarks = () if found is None else _remarks(spec, found)
    latest = before[-1][1] if before else None
    changed = None
    if before is None or (latest != now and last_mined(spec) is None):
        reviews: Reviews = _entry(0, now)
    elif (first := _first_mined_again(spec, redone)) is not None:
        earlier = tuple(each for each in before if each[0] < first)
        was = earlier[-1][1] if earlier else None
        reviews = earlier if was == now else (*earlier, (first, now))
    else:
        reviews = before
        changed = (remarks[0] if remarks else "there is none any more") if latest != now else None
    named = tuple((split, each) for split, each in kept if each is not None)
    return RunReview(reviews, named, remarks, changed)


def stale_review(spec: RunSpec, changed: str) -> StaleError:
    """The error about a review that differs from the one with which epochs were mined."""
    last = last_mined(spec) or 0
    if last and not (StageRef(last - 1, "train").folder(spec.root) / STATE_FILE).exists():
        # run.keep has deleted the training state with which the last epoch began.
        following = last + (spec.mine.every if isinstance(spec.mine.every, int) else 1)
        how = f"train on with it (run.epochs = {following + 1} and {StageRef(following, 'embed').redo})"
    else:
        how = f"mine with it from the last epoch on ({StageRef(last, 'mine').redo}) or from an earlier one"
    return StaleError(
        f"the review of the run in {spec.root} changed: {changed}; set it back, {how}, or start a new run.directory"
    )


def last_mined(spec: RunSpec) -> int | None:
    """The last epoch whose mine stage has any work done; None if there is none."""
    mined = [
        epoch.number
        for epoch in plan_epochs(spec)
        if not epoch.warm_up and StageFolder(spec.root, StageRef(epoch.number, "mine")).has_work
    ]
    return mined[-1] if mined else None


def _entry(epoch: int, digest: str | None) -> Reviews:
    return ((epoch, digest),) if digest else ()


def _first_mined_again(spec: RunSpec, redone: StageRef | None) -> int | None:
    """The first epoch that is mined again if the run is redone from this stage on; None if none is."""
    if redone is None or redone.epoch is None:
        return None
    first = redone.epoch + (redone.stage in ("train", "evaluate"))
    if first <= spec.train.warmup_epochs:
        return 0
    return first if first < spec.run.epochs else None


def _found(spec: RunSpec, rows: RunRows) -> SplitReview | None:
    path = review_path(spec)
    if path is None:
        return None
    found = review_of_splits(
        read_review(path),
        rows,
        name=f"data.review = {spec.data.review}",
        separator=spec.data.label_separator,
        zero_shot=spec.data.split == "zero-shot",
        held_out=spec.data.review_held_out,
        kept=spec.mine.exclude_suspects is not None,
    )
    _check_losses(spec, rows, found)
    return found


def _check_losses(spec: RunSpec, rows: RunRows, found: SplitReview) -> None:
    """Raises: SpecError if the review adds classes or several labels per row to a loss that cannot take them."""
    needing = [name for name in spec.loss.weights if name in OF_ONE_CLASS | OF_LABELS]
    if not needing:
        return
    if found.new_labels:
        raise SpecError(
            f"data.review gives rows {len(found.new_labels)} labels that no training row has, as "
            f'"{min(found.new_labels)}", but loss.weights names {" and ".join(needing)}, which knows the classes of '
            "the data set alone: exclude those rows, correct their labels in the data set, or use another loss"
        )
    separator = spec.data.label_separator
    several = [
        label
        for label in found.by_split["train"].relabelled.values()
        if rows.multi_label and len(set(split_label(label, separator, several=True))) > 1
    ]
    of_one = [name for name in needing if name in OF_ONE_CLASS]
    if several and of_one:
        raise SpecError(
            f'data.review gives {len(several)} rows several labels, as "{several[0]}", but loss.weights names '
            f"{' and '.join(of_one)}, which needs exactly one label per row: use another loss, or give each row one "
            "label"
        )


def _remarks(spec: RunSpec, found: SplitReview) -> tuple[str, ...]:
    told = [found.counts.sentence(f"data.review = {spec.data.review}")]
    if found.new_labels:
        told.append(
            f'the review names {len(found.new_labels):,} labels that no training row has, as "{min(found.new_labels)}"'
        )
    return tuple(told)
