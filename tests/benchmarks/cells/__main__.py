"""Cells against bare hnswlib and faiss's inverted file, at equal recall, as ratios of CPU time in one run.

    python -m tests.benchmarks.cells [--sizes 60000 240000 480000] [--rounds 3] [--contenders cells hnswlib ivf]
        [--vectors FILE.npy] [--folder runs/scale]

One thread each. For each peer, the least effort that reaches the target on a sample is found first; then building and
searching all rows count, for cells including the search for the effort and the measurement of recall. Without
``--vectors``: the images of Fashion-MNIST, each also shifted, on 64 principal components (see ``bench_scale``). A size
is a random draw of the whole, so that sizes differ only in the number of rows. Prints the exponent of time over rows.
"""

import argparse
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss  # pyright: ignore[reportMissingImports] (extra bench)
import hnswlib
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.graphs.recall import RecallSample, draw_sample, recall_at_k
from tripletmine.mining.neighbours import NeighbourTable

from ..bench_scale import vectors_of
from ..timing import Contender, compare, markdown

NEIGHBOURS = 100
RECALL = 0.99


@dataclass(frozen=True, slots=True)
class Peer:
    """build: makes an index of all rows. search: int64 (Q, K + 1) ids for queries, in which rows find themselves, too;
    more effort finds more. efforts: those to try, ascending."""

    name: str
    build: Callable[[NDArray[np.float32]], Any]
    search: Callable[[Any, int, NDArray[np.float32]], NDArray[np.int64]]
    efforts: tuple[int, ...]


def hnsw_build(x: NDArray[np.float32]) -> hnswlib.Index:
    index = hnswlib.Index("l2", x.shape[1])
    index.init_index(len(x), M=16, ef_construction=100, random_seed=0)
    index.add_items(x, num_threads=1)
    return index


def hnsw_search(index: hnswlib.Index, ef: int, queries: NDArray[np.float32]) -> NDArray[np.int64]:
    index.set_ef(ef)
    return index.knn_query(queries, k=NEIGHBOURS + 1, num_threads=1)[0].astype(np.int64)


def ivf_build(x: NDArray[np.float32]) -> "faiss.IndexIVFFlat":
    """With 4·√N lists, as faiss's guidelines advise, trained on as many rows per list as cells are."""
    faiss.omp_set_num_threads(1)
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(x.shape[1]), x.shape[1], int(4 * np.sqrt(len(x))))
    index.cp.max_points_per_centroid = 40
    index.train(x)
    index.add(x)
    return index


def ivf_search(index: "faiss.IndexIVFFlat", probes: int, queries: NDArray[np.float32]) -> NDArray[np.int64]:
    index.nprobe = probes
    return index.search(queries, NEIGHBOURS + 1)[1]


PEERS = (
    Peer("hnswlib", hnsw_build, hnsw_search, (101, 110, 120, 130, 150, 175, 200, 250, 300, 400, 600)),
    Peer("ivf", ivf_build, ivf_search, (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)),
)


def recall_of(ids: NDArray[np.int64], x: NDArray[np.float32], sample: RecallSample) -> float:
    """Recall of what was found for the sample, the rows themselves left out."""
    others = np.stack(
        [
            row[row != own][:NEIGHBOURS] if own in row else row[:NEIGHBOURS]
            for row, own in zip(ids, sample.rows, strict=True)
        ]
    )
    sq = ((x[others] - sample.queries[:, None]) ** 2).sum(axis=2)
    return recall_at_k(NeighbourTable(others, np.sort(sq, axis=1)), sample.truth)


def contenders(x: NDArray[np.float32], names: list[str]) -> list[Contender]:
    """The contenders of these names, hnswlib first; each returns its recall."""
    sample = draw_sample(x, NEIGHBOURS, seed=7)
    found = [contender(peer, x, sample) for peer in PEERS if peer.name in names]
    if "cells" in names:
        found.append(Contender("cells", partial(cells, x, sample), noted))
    return found


def contender(peer: Peer, x: NDArray[np.float32], sample: RecallSample) -> Contender:
    """The peer, with the least effort that reaches the target on the sample."""
    index = peer.build(x)
    effort = next(
        (
            each
            for each in peer.efforts
            if recall_of(peer.search(index, each, sample.queries), x, sample) >= RECALL
        ),
        peer.efforts[-1],
    )

    def run() -> float:
        return recall_of(peer.search(peer.build(x), effort, x)[sample.rows], x, sample)

    return Contender(f"{peer.name}, effort {effort}", run, noted)


def noted(recall: object) -> str:
    return f"recall {recall:.4f}"


def cells(x: NDArray[np.float32], sample: RecallSample) -> float:
    """Building, measuring the effort, searching, and measuring the recall that was reached."""
    table, _ = neighbours_of(x, NEIGHBOURS, method="cells", recall_target=RECALL, threads=1)
    found = NeighbourTable(table.ids[sample.rows], table.sq_distances[sample.rows])
    return recall_at_k(found, sample.truth)


def main() -> None:
    options = parse()
    x = vectors(options)
    order = np.random.default_rng(0).permutation(len(x))
    seconds = {}
    print(machine())
    for size in options.sizes:
        some = np.ascontiguousarray(x[np.sort(order[:size])])
        timings = compare(contenders(some, options.contenders), options.rounds)
        print(markdown(f"{size:,} × {x.shape[1]}, K = {NEIGHBOURS}, one thread", timings))
        seconds[size] = timings[-1].cpu_seconds
    if len(seconds) > 1:
        power = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
        print(f"CPU time of the last contender grows with the power {power:.2f} of the rows")


def machine() -> str:
    """Processor and the kernel of the matrix products."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((each.split(": ")[1] for each in lines if each.startswith("model name")), "unknown")
    kernels = {each.get("architecture") for each in threadpool_info() if each["user_api"] == "blas"}
    return f"{processor}, {platform.machine()}; BLAS kernel {', '.join(map(str, kernels))}; one thread\n"


def vectors(options: argparse.Namespace) -> NDArray[np.float32]:
    if options.vectors:
        return np.load(options.vectors, mmap_mode="r")
    path = options.folder / "vectors.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found, labels = vectors_of()
        np.save(path, found)
        np.save(options.folder / "labels.npy", labels)
    return np.load(path, mmap_mode="r")


def parse() -> argparse.Namespace:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sizes", type=int, nargs="+", default=[60_000, 240_000, 480_000], help="rows")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--contenders", nargs="+", default=["hnswlib", "ivf", "cells"], choices=["hnswlib", "ivf", "cells"]
    )
    options.add_argument("--vectors", type=Path, help="float32 (N, D) .npy")
    options.add_argument("--folder", type=Path, default=Path("runs/scale"), help="where vectors are kept")
    return options.parse_args()


if __name__ == "__main__":
    main()
