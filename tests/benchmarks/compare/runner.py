"""Runs what a comparison lacks, an epoch at a time, and keeps the result of each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .contestants import CONTESTANTS, Contestant, Training
from .data import Loaded, Task, load
from .results import Result, keep_result, read_result
from .search import PASSES, SEED, best_rate, cost, next_rate, searched
from .table import Finished


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What a training is for: the name of its folder, its length, and whether it is tested."""

    folder: str
    passes: int
    tested: bool


class Comparison:
    """One task, whose results lie below a folder. After `seconds` no further epoch begins."""

    def __init__(self, task: Task, work: Path, seconds: float) -> None:
        self._task, self._work, self._deadline = task, work / task.name, time.monotonic() + seconds
        self._search = _Purpose("search", PASSES, tested=False)
        self._whole = _Purpose("whole", task.passes, tested=True)
        self._loaded: dict[int, Loaded] = {}

    def search(self, names: Sequence[str]) -> dict[str, float]:
        """The learning rate of each contestant, by name."""
        print(cost(self._task, names), flush=True)
        found = {one.name: self._searched(one) for one in searched(names)}
        return {name: found[CONTESTANTS[name].rate_of or name] for name in names}

    def train(self, contestant: Contestant, seed: int, rate: float) -> None:
        """Train one contestant to the end, or as far as time allows."""
        self._trained(contestant, seed, rate, self._whole)

    def finished(self) -> Finished:
        """All trainings that are finished, whichever process did them."""
        found: dict[str, dict[int, Result]] = {}
        for result in self._all(self._whole):
            found.setdefault(result.contestant, {})[result.seed] = result
        return found

    def searches(self) -> dict[str, dict[float, float]]:
        """What the searches found: contestant → learning rate → MAP@R on validation."""
        found: dict[str, dict[float, float]] = {}
        for result in self._all(self._search):
            score = result.final.validation["map_at_r"]
            found.setdefault(result.contestant, {})[result.learning_rate] = score
        return found

    def _searched(self, contestant: Contestant) -> float:
        results: list[Result] = []
        while (rate := next_rate(results)) is not None:
            results.append(self._trained(contestant, SEED, rate, self._search))
        return best_rate(results)

    def _all(self, purpose: _Purpose) -> Iterator[Result]:
        """The results of all trainings that are finished."""
        for path in sorted((self._work / purpose.folder).glob("*/seed-*/rate-*/result.json")):
            result = read_result(path)
            if result is not None and len(result.epochs) == self._epochs(
                CONTESTANTS[result.contestant], purpose
            ):
                yield result

    def _epochs(self, contestant: Contestant, purpose: _Purpose) -> int:
        return contestant.task(self._task).epochs(purpose.passes)

    def _path(self, contestant: Contestant, seed: int, rate: float, purpose: _Purpose) -> Path:
        name = contestant.name.replace(" ", "-").replace(",", "")
        return self._work / purpose.folder / name / f"seed-{seed}" / f"rate-{rate:g}" / "result.json"

    def _trained(self, contestant: Contestant, seed: int, rate: float, purpose: _Purpose) -> Result:
        """The result of a training; only epochs that are not kept yet are run."""
        path = self._path(contestant, seed, rate, purpose)
        result = read_result(path)
        task, epochs = contestant.task(self._task), self._epochs(contestant, purpose)
        if result is not None and len(result.epochs) == epochs:
            return result
        if seed not in self._loaded:
            self._loaded = {seed: load(self._task, seed)}
        data = self._loaded[seed]
        result = result or Result(contestant.name, seed, rate, data.digest)
        if result.digest != data.digest:
            raise SystemExit(
                f"{path} is of other data ({result.digest}, now {data.digest}): use another --work"
            )
        before = result.epochs[-1] if result.epochs else None
        tested = task.tested if purpose.tested else ()
        training = Training(task, data, seed, rate, epochs, tested, path.parent)
        self._stop_when_late()
        for epoch in contestant.after(training, before, len(result.epochs)):
            result = result.with_epoch(epoch)
            keep_result(path, result)
            test = f", test {epoch.test['map_at_r']:.4f}" if epoch.test else ""
            print(
                f"{contestant.name}, seed {seed}, rate {rate:g}: {epoch.images:,} images, {epoch.seconds:.0f} s, "
                f"validation MAP@R {epoch.validation['map_at_r']:.4f}{test}",
                flush=True,
            )
            if len(result.epochs) < epochs:
                self._stop_when_late()
        return result

    def _stop_when_late(self) -> None:
        if time.monotonic() > self._deadline:
            raise SystemExit("out of time: the same command continues")
