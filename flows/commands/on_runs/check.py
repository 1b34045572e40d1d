"""`tripletmine check`: show what a run would do, and find errors, before it starts."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, RunFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....pipeline.run.overview import RunOverview
    from ....pipeline.runfile.run_spec import RunSpec


def check(
    run_file: RunFile,
    read_all: Annotated[
        bool, typer.Option("--read-all", help="Read every item instead of a sample.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Print the resolved run and find what `run` would refuse. Writes nothing.

    Shows rows, classes, phases, tasks, memory per task and disk needed. Reads items, builds the encoder and embeds one.
    """
    with reporting(debug):
        from ....pipeline.data.open import open_data
        from ....pipeline.data.pictures.examine import SAMPLE, examine
        from ....pipeline.data.pictures.picture_set import PictureSet
        from ....pipeline.run.overview import overview
        from ....pipeline.runfile.load import load_spec
        from ....pipeline.training.trial import read_items, try_out
        from ...terminal.pictures import counts, picture_lines
        from ...terminal.tables import output, table

        spec = load_spec(run_file)
        data = open_data(spec.data, Path(spec.base))
        if isinstance(data, PictureSet) and (hosts := data.asked()):
            say(f"asked over the network: {counts(hosts)}")  # said before the first request
        planned = overview(spec)
        sample = None if read_all else SAMPLE
        examined = examine(data, sample) if isinstance(data, PictureSet) else None
        console = output()
        lines = [*_facts(planned)]
        if examined is not None and isinstance(data, PictureSet):
            lines += picture_lines(data, examined)
        console.print(table(("run", ""), lines, left=2))
        console.print(
            table(("stage", "phase", "epochs", "tasks", "rows", "memory a task"), _phases(planned), left=3)
        )
        _tell_memory(planned)
        _tell_disk(planned)
        if examined is not None:
            examined.refuse_unreadable()
        else:
            found = read_items(data, sample)
            hint = "" if found.read == found.items else " (--read-all reads all)"
            say(f"items: {found.read:,} of {found.items:,} read, nothing is wrong with them{hint}")
        try_out(spec, planned.facts, data)
        say(_tried(spec))


def _tried(spec: "RunSpec") -> str:
    from ....pipeline.training.trial import runs_here

    if not runs_here(spec):
        return "encoder and losses are built by workers, and were not tried here"
    built = "encoder and losses can be built" if spec.encoder.learns else "the vectors can be taken"
    return f"{built}, embed.device = {spec.embed.device!r} is there"


def _facts(planned: "RunOverview") -> "Iterator[tuple[str, str]]":
    from ....pipeline.data.ranking.items import described
    from ....pipeline.resolve.batches import mining_described, resolve_batches
    from ....pipeline.resolve.graph import resolve_method, resolve_neighbours

    spec, facts = planned.spec, planned.facts
    warm_up = spec.train.warmup_epochs
    cluster = spec.cluster
    yield "name", spec.run.name
    yield "directory", str(spec.root)
    if spec.encoder.learns:
        yield "epochs", f"{spec.run.epochs}, of which {warm_up} warm up"
    yield "deterministic", "yes" if spec.run.deterministic else "no"
    yield "data", f"{spec.data.kind}, items of {' × '.join(map(str, facts.item_shape))}"
    yield "rows", f"{facts.train:,} train, {facts.validation:,} validation, {facts.test:,} test"
    if spec.loss.of_pairs:
        yield "items", f"{facts.classes:,} in training"
        yield "pairs", f"with a better item: {described(facts.ranked_pairs)}"
    else:
        yield (
            "classes",
            f"{facts.classes:,} in training, of which {facts.singletons:,} have one row (negatives only)",
        )
    if sum(facts.several):
        train, validation, test = facts.several
        yield (
            "several labels",
            f"{train:,} of the training rows, {validation:,} of validation, {test:,} of the test",
        )
    for remark in facts.remarks:
        yield "note", remark
    for asked in facts.protocols:
        yield asked.title, asked.described
    trains = "" if spec.encoder.learns else ": vectors as they are, nothing is trained"
    yield "encoder", f"{spec.encoder.name}, {spec.encoder.embedding_dim} wide{trains}"
    graph = resolve_method(spec, facts)
    if not spec.loss.of_pairs:
        yield (
            "graph",
            f"{graph.method}, {resolve_neighbours(spec, facts)} neighbours, {spec.graph.parts} part(s): {graph.why}",
        )
    if spec.encoder.learns:
        batches = resolve_batches(spec, facts)
        yield "batches", f"{batches.name}: {batches.why}"
        yield "mining", mining_described(spec, batches)
    yield "cluster", cluster.kind if cluster.address is None else cluster.address


def _phases(planned: "RunOverview") -> "Iterator[tuple[str, ...]]":
    """One line for each phase; epochs in which a phase is the same share a line."""
    alike: dict[tuple[str, str, int, int, int], list[int | None]] = {}
    for stage in planned.stages:
        for phase in stage.plan.phases:
            rows = sum(task.rows for task in phase.tasks)
            key = (stage.ref.stage, phase.name, len(phase.tasks), rows, phase.memory_mib)
            alike.setdefault(key, []).append(stage.ref.epoch)
    for (stage, phase, tasks, rows, memory), epochs in alike.items():
        yield stage, phase, _epochs(epochs), f"{tasks:,}", f"{rows:,}", f"{memory:,} MiB"


def _epochs(numbers: list[int | None]) -> str:
    found = [number for number in numbers if number is not None]
    if not found:
        return "at the end"
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _tell_memory(planned: "RunOverview") -> None:
    from ....pipeline.workers.base import PAUSED_AT, worker_limit_mib

    phases = [phase for stage in planned.stages for phase in stage.plan.phases if not phase.on_driver]
    if planned.spec.cluster.kind != "serial":
        limit = worker_limit_mib(max(phase.memory_mib for phase in phases))
        say(
            f"workers: a memory limit of at least {limit:,} MiB for each of their threads; Dask pauses a worker that "
            f"fills {PAUSED_AT:.0%} of it"
        )


def _tell_disk(planned: "RunOverview") -> None:
    from ....pipeline.errors import UnavailableError
    from ...terminal.tables import size

    free = shutil.disk_usage(_existing(planned.spec.root)).free
    say(f"disk: at most {size(planned.disk_bytes)} needed, {size(free)} free")
    if planned.disk_bytes > free:
        raise UnavailableError(
            f"the run needs {size(planned.disk_bytes)} but {planned.spec.root} has {size(free)} free: "
            "free some, lower run.keep, or choose another run.directory"
        )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
