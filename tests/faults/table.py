"""The one table: kind of fault, times tried, survived, lost, committed tasks recomputed, skipped."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Result(NamedTuple):
    """What became of one case."""

    kind: str
    name: str
    tried: int
    survived: int
    lost: int
    recomputed: int
    skipped: int
    where: Mapping[str, int]
    seconds: float
    message: str


def read_results(path: Path) -> list[Result]:
    """Results of the cases that are done; of a case that was tried again, the last one."""
    if not path.exists():
        return []
    results = [Result(**json.loads(line)) for line in path.read_text().splitlines()]
    return list({(result.kind, result.name): result for result in results}.values())


def print_table(results: Iterable[Result], *, left: int = 0) -> None:
    """One line for each kind, then what was skipped and why. left: cases that are still to be run."""
    found = list(results)
    kinds = dict.fromkeys(result.kind for result in found)
    width = max([len(kind) for kind in kinds], default=4)
    print(f"\n| {'kind of fault':{width}} | tried | survived | lost | recomputed | skipped |")
    print(f"| {'-' * width} | ----: | -------: | ---: | ---------: | ------: |")
    for kind in kinds:
        rows = [result for result in found if result.kind == kind]
        sums = [sum(getattr(row, name) for row in rows) for name in Result._fields[2:7]]
        print("| {:{}} | {:5} | {:8} | {:4} | {:10} | {:7} |".format(kind, width, *sums))
    where: Counter[str] = Counter()
    for result in found:
        if "kill -9" in result.kind:
            where.update(result.where)
    if where:
        print("\nkills by stage: " + ", ".join(f"{name} {count}" for name, count in where.most_common()))
    for result in found:
        if result.skipped:
            print(f"skipped: {result.kind}: {result.name}: {result.message}")
    print(
        f"{sum(result.seconds for result in found) / 60:.0f} minutes"
        + (f"; {left} cases left" if left else "")
    )
