"""Mining from a neighbour table, its Parquet files included, against the graph that made the table.

    python -m tests.benchmarks.bench_mine [--rounds 5] [--threads 1] [--neighbours 100 150] [--vectors EPOCH.npy]

Vectors are float32 (N, D), by default those of bench_graphs. They are labelled twice: with ten classes, and with two
thousand, each of the rows nearest to one of two thousand drawn rows, so that both mine the geometry of real images.
Rates are neighbour entries per second of CPU time of the whole process, and so per core whatever else the machine
does; times and ratios are by the clock. Compilation is not counted: every contender runs once before it is timed.
"""

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tripletmine.mining.graphs import hnsw
from tripletmine.mining.graphs.parameters import HnswParameters
from tripletmine.mining.labels import Labels, encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.vectors import as_vectors
from tripletmine.pipeline.artifacts.triplets import confusion_table, triplet_table
from tripletmine.pipeline.storage.tables import write_table

from .bench_graphs import components
from .timing import Contender, compare, markdown

MANY = 2000
EF = 50
"""Candidates beyond K that the search of the graph keeps."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Triplets, class pairs and bytes written; seconds of CPU time for mining alone, and with the files."""

    triplets: int
    pairs: int
    written: int
    mining: float
    whole: float


def main() -> None:
    options = parse()
    x = as_vectors(np.load(options.vectors)) if options.vectors else components(options.images, 64)
    many = encode_labels(nearest_of(x, np.random.default_rng(0).choice(len(x), MANY, replace=False)))
    few = encode_labels(idx_labels(options.labels) if options.vectors is None else many.codes % 10)
    with tempfile.TemporaryDirectory() as folder:
        for neighbours in options.neighbours:
            table = graph(x, neighbours, options.threads)
            timings = compare(
                [
                    Contender("graph, hnsw", lambda n=neighbours: graph(x, n, options.threads)),
                    contender("mine, 10 classes", table, few, Path(folder), options.threads),
                    contender(f"mine, {MANY:,} classes", table, many, Path(folder), options.threads),
                ],
                options.rounds,
                warm_up=True,
            )
            print(markdown(f"{len(x)} × {x.shape[1]}, K = {neighbours}, {options.threads} threads", timings))


def graph(x: np.ndarray, neighbours: int, threads: int) -> NeighbourTable:
    """The table by hnswlib, as the graph stage builds it."""
    parameters = HnswParameters(m=16, ef_construction=100, ef=neighbours + EF)
    index = hnsw.build(x, parameters=parameters, threads=threads)
    return index.search(x, query_ids=np.arange(len(x)), neighbours=neighbours, threads=threads)


def contender(name: str, table: NeighbourTable, labels: Labels, folder: Path, threads: int) -> Contender:
    """Mine the whole table, and write triplets and confusion as the mine stage writes them."""
    rule = MiningRule(k_hardness=0.95)
    rounds: list[Measured] = []

    def run() -> list[Measured]:
        start = time.process_time()
        mined = mine(table, labels, rule, threads=threads)
        mining = time.process_time() - start
        files = {
            folder / "triplets.parquet": triplet_table(mined.columns, labels),
            folder / "confusion.parquet": confusion_table(mined.confusion, labels),
        }
        for path, content in files.items():
            write_table(path, content)
        written = sum(path.stat().st_size for path in files)
        rounds.append(
            Measured(len(mined), len(mined.confusion), written, mining, time.process_time() - start)
        )
        return rounds

    return Contender(name, run, note(table.ids.size))


def note(entries: int) -> Callable[[object], str]:
    """Medians over all rounds except the first, which compiled."""

    def described(rounds: object) -> str:
        assert isinstance(rounds, list)
        mining = np.median([r.mining for r in rounds[1:]])
        whole = np.median([r.whole for r in rounds[1:]])
        last = rounds[-1]
        return (
            f"{entries / whole / 1e6:.1f} million entries/s/core, files included "
            f"({entries / mining / 1e6:.1f} without); {last.triplets:,} triplets, "
            f"{last.pairs:,} class pairs, {last.written / 2**20:.0f} MiB"
        )

    return described


def nearest_of(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """int64 (N,): which of the rows ``centres`` is nearest."""
    half_norms = np.einsum("ij,ij->i", x[centres], x[centres]) / 2
    return np.argmax(x @ x[centres].T - half_norms, axis=1)


def idx_labels(path: Path) -> np.ndarray:
    """uint8 (N,): the labels of Fashion-MNIST's training images."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=8)


def parse() -> argparse.Namespace:
    folder = Path("/usr/share/datasets/fashion-mnist")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", type=Path, help=".npy of float32 (N, D); Fashion-MNIST without")
    parser.add_argument("--images", type=Path, default=folder / "train-images-idx3-ubyte.gz")
    parser.add_argument("--labels", type=Path, default=folder / "train-labels-idx1-ubyte.gz")
    parser.add_argument("--neighbours", type=int, nargs="+", default=[100, 150])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
