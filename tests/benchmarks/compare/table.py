"""The table of a comparison, and ours against the best peer and the best fixed k."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from ..results_files import spread
from .contestants import ADAPTIVE, BOTH, CONTESTANTS, NO_MINING, STORED
from .pairs import Pair, paired, score_of
from .results import Epoch, Result

LEGEND = """MAP@R and R@1 are of the test images, each asked among all others; mean ± standard deviation over the
seeds. Wall and CPU: seconds of training and mining (embedding and search included), without evaluation. Against
another contestant: the difference at the end, then which share of the other's images, wall-clock and CPU time ours had
taken when it was as good as the other at its end (images: on a straight line between two tests; times: at the later
one). Where other work shares the machine, CPU is the column to trust."""

Finished = Mapping[str, Mapping[int, Result]]
"""Contestant → seed → result; only trainings that are finished."""


def markdown(finished: Finished, images_per_pass: int) -> str:
    """All contestants, then ours with adaptive k against the best peer, itself without mining, and the best fixed k;
    stored triplets alone against the best peer, and with fresh ones against no mining."""
    parts = [_contestants(finished, images_per_pass)]
    peers = [name for name in finished if CONTESTANTS[name].is_peer]
    fixed = [name for name in finished if CONTESTANTS[name].rate_of == ADAPTIVE]
    same = [NO_MINING] if NO_MINING in finished else []
    for ours, names, role in (
        (ADAPTIVE, peers, "best peer"),
        (ADAPTIVE, same, "same loss and encoder"),
        (ADAPTIVE, fixed, "best fixed k"),
        (STORED, peers, "best peer"),
        (BOTH, same, "same loss and encoder"),
    ):
        if names and ours in finished:
            best = best_of(finished, names)
            pairs = paired(finished[ours], finished[best])
            parts.append(f"{ours}, against the {role}, {best}:\n\n{_against(pairs)}")
    return "\n\n".join([*parts, LEGEND]) + "\n"


def best_of(finished: Finished, names: Sequence[str]) -> str:
    """The name with the best mean test score at the end: the strictest comparison."""
    return max(names, key=lambda name: fmean(score_of(result.final) for result in finished[name].values()))


def _contestants(finished: Finished, images_per_pass: int) -> str:
    results = [result for seeds in finished.values() for result in seeds.values()]
    passes = [_ends_of_passes(result, images_per_pass) for result in results]
    lines = [
        "| contestant | seeds | rate |"
        + "".join(f" MAP@R, {epoch.images / 1000:.0f}k |" for epoch in max(passes, key=len))
        + " R@1 | wall s | CPU s |",
        "| --- | ---: | ---: |" + " ---: |" * (max(map(len, passes)) + 3),
    ]
    for name in CONTESTANTS:
        if name not in finished:
            continue
        results = list(finished[name].values())
        final = [result.final for result in results]
        cells = [
            name,
            str(len(results)),
            f"{results[0].learning_rate:g}",
            *(
                f"{fmean(map(score_of, at_end)):.4f}"
                for at_end in list(
                    zip(*(_ends_of_passes(result, images_per_pass) for result in results), strict=True)
                )[:-1]
            ),
            spread([score_of(epoch) for epoch in final]),
            f"{fmean(epoch.test['recall@1'] for epoch in final if epoch.test):.4f}",
            f"{fmean(epoch.seconds for epoch in final):.0f}",
            f"{fmean(epoch.cpu_seconds for epoch in final):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _against(pairs: Sequence[Pair]) -> str:
    """By seed and on average; see LEGEND."""
    lines = [
        "| seed | ours | other | difference | images | wall | CPU |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for pair in pairs:
        shares = _shares(pair)
        cells = ["not reached", "", ""] if shares is None else [f"{share:.2f}" for share in shares]
        lines.append(
            f"| {pair.seed} | {pair.ours:.4f} | {pair.other:.4f} | {pair.difference:+.4f} | {' | '.join(cells)} |"
        )
    every = [shares for shares in map(_shares, pairs) if shares is not None]
    if pairs:
        means = (
            [f"{fmean(column):.2f}" for column in zip(*every, strict=True)]
            if len(every) == len(pairs)
            else []
        )
        difference = spread([pair.difference for pair in pairs], sign="+")
        lines.append(f"| mean | | | {difference} | {' | '.join(means or ['', '', ''])} |")
    return "\n".join(lines)


def _shares(pair: Pair) -> tuple[float, float, float] | None:
    return pair.cost and (pair.cost.images, pair.cost.seconds, pair.cost.cpu_seconds)


def _ends_of_passes(result: Result, images_per_pass: int) -> list[Epoch]:
    """The tested epochs at which passes end, up to rounding to whole batches."""
    tested = [epoch for epoch in result.epochs if epoch.test]
    ends = [images_per_pass * (number + 1) for number in range(round(result.final.images / images_per_pass))]
    return [min(tested, key=lambda epoch: abs(epoch.images - end)) for end in ends]
