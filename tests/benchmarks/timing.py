"""Contenders timed side by side: medians of several rounds, as ratios to the first of them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    """name: its row in the table. run: what is timed; it returns what ``note`` describes in the table's
    last column."""

    name: str
    run: Callable[[], object]
    note: Callable[[object], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Timing:
    """seconds: median over the rounds. ratio: median of the rounds' ratios to the reference, each within
    one round, so that a machine that slows down for a while favours no contender. cpu_ratio: the same for
    the process's CPU time. cpu_seconds: its median."""

    name: str
    seconds: float
    ratio: float
    cpu_ratio: float
    note: str
    cpu_seconds: float


def compare(contenders: Sequence[Contender], rounds: int, *, warm_up: bool = False) -> list[Timing]:
    """Run all contenders once a round, in reverse order every other round; the first is the reference.

    warm_up: run a round that does not count first (for what compiles or pages in).
    """
    wall: dict[str, list[float]] = {c.name: [] for c in contenders}
    cpu: dict[str, list[float]] = {c.name: [] for c in contenders}
    results: dict[str, object] = {}
    for round_ in range(-1 if warm_up else 0, rounds):
        for contender in contenders if round_ % 2 == 0 else reversed(contenders):
            wall_start, cpu_start = time.perf_counter(), time.process_time()
            results[contender.name] = contender.run()
            wall_stop, cpu_stop = time.perf_counter(), time.process_time()
            if round_ >= 0:
                wall[contender.name].append(wall_stop - wall_start)
                cpu[contender.name].append(cpu_stop - cpu_start)
    reference = contenders[0].name
    return [
        Timing(
            c.name,
            statistics.median(wall[c.name]),
            _median_ratio(wall[c.name], wall[reference]),
            _median_ratio(cpu[c.name], cpu[reference]),
            c.note(results[c.name]),
            statistics.median(cpu[c.name]),
        )
        for c in contenders
    ]


def markdown(title: str, timings: Sequence[Timing]) -> str:
    """A Markdown table under a heading."""
    lines = [
        f"### {title}",
        "",
        "| what | seconds | ratio | ratio of CPU time | |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {t.name} | {t.seconds:.2f} | {t.ratio:.2f} | {t.cpu_ratio:.2f} | {t.note} |" for t in timings),
    ]
    return "\n".join(lines) + "\n"


def _median_ratio(times: Sequence[float], reference: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))
