"""What mined negatives are worth to static word vectors that learn to find words by their definitions.

    python -m tests.benchmarks.wordnet --out runs/wordnet [--seeds 3] [--steps 400] [--definitions 60000]

The same vectors, loss, batches and steps for all; what differs are the words that each definition gets as negatives
beside those of its batch: none, random ones, or some that were mined once, with the vectors that training begins with.
The rate of each is the best of three on validation (definitions whose words are in no other split), seed 0. Figures are
those of 2,000 test definitions against all 148,730 words. Finished trainings are taken from --out; results go to
results/wordnet.
"""

import argparse
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tripletmine as tm
from numpy.typing import NDArray

from ..results_files import publish, spread
from .data import Dictionary, read_dictionary, related_words, validation_of
from .training import StaticVectors, Tokens, figures, trained

NEGATIVES, NEIGHBOURS = 2, 64
VALIDATION_QUERIES, TEST_QUERIES = 1000, 2000
RATES = (1e-2, 3e-2, 1e-1)

_RULE = tm.MiningRule(
    0.0,
    margin=5.0,
    triplets_per_anchor=NEGATIVES,
    negatives_per_positive=NEGATIVES,
    nearer_positive=False,
)
MINED = {
    "mined: the nearest": _RULE,
    "mined: ranks 10 to 63": replace(_RULE, guards=tm.Guards(rank_window=(10, NEIGHBOURS))),
    "mined: the nearest of words in training": _RULE,
}
OF_TRAINING = {"mined: the nearest of words in training"}
"""Mined among the words that some training definition defines. Others, those of the test among them, are never a
positive in training, so that as negatives they are only ever pushed away."""
KINDS = ("in the batch only", "random", *MINED)


class Bench:
    """Data, read once, and negatives, mined once."""

    def __init__(self, definitions: int) -> None:
        everything = read_dictionary("train")
        train, validation = validation_of(everything)
        self.train = _first(train, min(definitions, len(train.definitions)))
        self.validation = _first(validation, VALIDATION_QUERIES)
        self.test = _first(read_dictionary("test"), TEST_QUERIES)
        self.definitions, self.words = Tokens.of(self.train.definitions), Tokens.of(everything.words)
        counts = np.bincount(self.train.pairs[:, 0])
        self.relevant = np.full((len(counts), counts.max()), -1)
        place = np.arange(len(self.train.pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.relevant[self.train.pairs[:, 0], place] = self.train.pairs[:, 1]

    @cache  # noqa: B019  there is one bench a process
    def found(self, of_training: bool) -> tuple[NDArray[np.int64], tuple[NDArray[np.float32], ...], Any]:
        """The words that may be negatives; vectors of definitions and of these before any training; the nearest."""
        model = StaticVectors()
        every = np.arange(len(self.train.words))
        among = np.unique(self.train.pairs[:, 1]) if of_training else every
        vectors = model.vectors(self.definitions), model.vectors(self.words)[among]
        return among, vectors, tm.neighbours(vectors[1], NEIGHBOURS, queries=vectors[0], threads=1)

    @cache  # noqa: B019
    def negatives(self, kind: str) -> tuple[NDArray[np.int64], dict[str, float]]:
        """int64 (Q, n), and figures about them. Where fewer were mined, random words fill the row."""
        queries = len(self.train.definitions)
        random = np.random.default_rng(7).integers(len(self.train.words), size=(queries, NEGATIVES))
        if kind == KINDS[0]:
            return random[:, :0], {}
        if kind not in MINED:
            return random, {"related": self._related(random)}
        among, (asked, corpus), table = self.found(kind in OF_TRAINING)
        query, word = self.train.pairs.T
        pairs = np.stack([query, np.searchsorted(among, word)], axis=1)
        columns = tm.mine_pairs(asked, corpus, pairs, MINED[kind], neighbours=table, threads=1).columns
        anchor = columns["anchor"]
        place = np.arange(len(anchor)) - np.searchsorted(anchor, anchor)
        kept = place < NEGATIVES
        random[anchor[kept], place[kept]] = among[columns["negative"][kept]]
        return random, {
            "mined": float(kept.sum() / random.size),
            "related": self._related(random),
        }

    def _related(self, negatives: NDArray[np.int64]) -> float:
        """Share of negatives that are, in another sense, a synonym of a word that the definition defines."""
        related = related_words(self.train)
        hits = [bool(related[query] & set(row)) for query, row in enumerate(negatives.tolist())]
        return float(np.mean(hits))

    def run(self, kind: str, rate: float, steps: int, seed: int, *, test: bool) -> dict[str, Any]:
        """One training and its figures."""
        negatives, what = self.negatives(kind)
        model, seconds = trained(
            self.definitions, self.words, self.relevant, negatives, rate=rate, steps=steps, seed=seed
        )
        found = figures(model, self.test if test else self.validation, self.words)
        return {"cpu_s": seconds, **what, **found}


def _first(dictionary: Dictionary, queries: int) -> Dictionary:
    """Some definitions, spread over all kinds of words."""
    rows = np.linspace(0, len(dictionary.definitions) - 1, queries).astype(int)
    pairs = [(place, word) for place, row in enumerate(rows) for word in _words_of(dictionary, row)]
    return Dictionary([dictionary.definitions[row] for row in rows], dictionary.words, np.array(pairs))


def _words_of(dictionary: Dictionary, row: int) -> list[int]:
    start, stop = np.searchsorted(dictionary.pairs[:, 0], (row, row + 1))
    return dictionary.pairs[start:stop, 1].tolist()


def main() -> None:
    """Run what is missing, and publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--definitions", type=int, default=60_000, help="to train on, at most")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    log = asked.out / "results.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    bench = Bench(asked.definitions)

    def result(kind: str, rate: float, seed: int, *, test: bool) -> dict[str, Any]:
        key = {"kind": kind, "rate": rate, "steps": asked.steps, "seed": seed, "test": test}
        key["definitions"] = len(bench.train.definitions)
        before = next((each for each in done if key.items() <= each.items()), None)
        if before is None:
            before = key | bench.run(kind, rate, asked.steps, seed, test=test)
            done.append(before)
            with log.open("a") as file:
                file.write(json.dumps(before) + "\n")
            print(before, flush=True)
        return before

    best = {kind: max(RATES, key=lambda rate: result(kind, rate, 0, test=False)["ndcg@10"]) for kind in KINDS}
    results = [result(kind, best[kind], seed, test=True) for seed in range(asked.seeds) for kind in KINDS]
    untrained = figures(StaticVectors(), bench.test, bench.words)
    publish("wordnet", table(results, untrained), facts(bench, asked.steps), results)


def facts(bench: Bench, steps: int) -> dict[str, Any]:
    """What the table depends on."""
    return {
        "train definitions": len(bench.train.definitions),
        "validation definitions": len(bench.validation.definitions),
        "test definitions": len(bench.test.definitions),
        "words": len(bench.train.words),
        "steps": steps,
        "rates tried": RATES,
    }


def table(results: list[dict[str, Any]], untrained: dict[str, float]) -> str:
    """One line for each kind of negatives."""
    lines = [
        "| negatives | seeds | nDCG@10 | MRR@10 | seconds of CPU time | rate | mined | with a synonym |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        f"| (before training) | | {untrained['ndcg@10']:.4f} | {untrained['mrr@10']:.4f} | | | | |",
    ]
    for kind in KINDS:
        some = [each for each in results if each["kind"] == kind]
        cells = [
            kind,
            str(len(some)),
            spread([each["ndcg@10"] for each in some]),
            spread([each["mrr@10"] for each in some]),
            f"{np.mean([each['cpu_s'] for each in some]):.0f}",
            f"{some[0]['rate']:g}",
            *(f"{some[0][name]:.1%}" if name in some[0] else "" for name in ("mined", "related")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
