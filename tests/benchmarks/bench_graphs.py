"""The graphs against bare hnswlib and faiss, as ratios in one run.

    python -m tests.benchmarks.bench_graphs [--only hnsw exact traverse_add epochs] [--rounds 5]
        [--threads 2] [--widths 64 512] [--epochs 5 9] [--run runs/epochs]
        [--vectors EPOCH.npy] [--images train-images-idx3-ubyte.gz]

Vectors are float32 (N, D); by default the training images of Fashion-MNIST, projected on their principal components,
with unit length. traverse_add also starts warm: on the same vectors with noise that changes 17 % of the true
neighbours, and with "epochs" on an epoch of a real run from the one before. ``real_run.py`` makes this run where it
is missing. Compilation is not counted: every contender runs once before it is timed.
"""

import argparse
import gzip
import platform
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import faiss  # pyright: ignore[reportMissingImports] (extra bench)
import hnswlib
import numpy as np
from threadpoolctl import threadpool_info
from tripletmine.mining.compute.threads import over_rows
from tripletmine.mining.graphs import hnsw
from tripletmine.mining.graphs.exact import bfloat16
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.merge import merge_tables
from tripletmine.mining.graphs.methods import with_effort
from tripletmine.mining.graphs.parameters import ExactParameters, HnswParameters, TraverseAddParameters
from tripletmine.mining.graphs.recall import RecallSample, calibrate, draw_sample, recall_at_k
from tripletmine.mining.graphs.remeasure import remeasure
from tripletmine.mining.graphs.traverse import build as traverse_add
from tripletmine.mining.graphs.traverse.build import TraverseAddIndex
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.vectors import as_vectors, normalise

from .real_run import FOLDER, embeddings_of
from .timing import Contender, compare, markdown

RECALL = 0.99
CHANGED = 0.17
"""Share of the true neighbours that noise changes."""

M, EF_CONSTRUCTION = 16, 100

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def main() -> None:
    options = parse()
    x = as_vectors(np.load(options.vectors)) if options.vectors else components(options.images, 64)
    print(f"{len(x)} × {x.shape[1]}, K = {options.neighbours}, {options.threads} threads\n")
    if "hnsw" in options.only:
        print(bench_hnsw(x, options))
    if "exact" in options.only:
        for width in options.widths if options.vectors is None else x.shape[1:]:
            wide = x if width == x.shape[1] else components(options.images, width)
            print(bench_exact(wide, options))
    if "traverse_add" in options.only:
        print(bench_traverse_add("noise", x, drifted(x, options), options))
    if "epochs" in options.only:
        for epoch in options.epochs:
            earlier, later = (embeddings_of(options.run, number) for number in (epoch - 1, epoch))
            print(bench_traverse_add(f"epoch {epoch} after {epoch - 1}", earlier, later, options))


def bench_hnsw(x: np.ndarray, options: argparse.Namespace) -> str:
    """hnsw and its deterministic parts against bare hnswlib at the same parameters and threads."""
    sample = draw_sample(x, options.neighbours, threads=options.threads)
    ef = bare_ef(x, sample, options)
    parameters = HnswParameters(m=M, ef_construction=EF_CONSTRUCTION, ef=ef)

    def whole() -> NeighbourTable:
        index = hnsw.build(x, parameters=parameters, threads=options.threads)
        return index.search(
            x, query_ids=np.arange(len(x)), neighbours=options.neighbours, threads=options.threads
        )

    def parts() -> NeighbourTable:
        bounds = np.linspace(0, len(x), options.threads + 1).astype(int)

        def part(k: int) -> NeighbourTable:
            index = hnsw.build(x[bounds[k] : bounds[k + 1]], parameters=parameters, first_id=int(bounds[k]))
            return index.search(x, query_ids=np.arange(len(x)), neighbours=options.neighbours, threads=1)

        with ThreadPoolExecutor(options.threads) as pool:
            return merge_tables(list(pool.map(part, range(options.threads))), options.neighbours)

    contenders = [
        Contender("bare hnswlib", lambda: bare_hnswlib(x, ef, options), note_bare(sample)),
        Contender("hnsw", whole, note_table(sample)),
        Contender(f"hnsw, {options.threads} deterministic parts", parts, note_table(sample)),
    ]
    return markdown(
        f"hnsw, M = {M}, ef_construction = {EF_CONSTRUCTION}, ef = {ef}", timed(contenders, options)
    )


def bench_exact(x: np.ndarray, options: argparse.Namespace) -> str:
    """Exact search against faiss's flat index, with products in either precision, and the bare products."""
    sample = draw_sample(x, options.neighbours, threads=options.threads)
    faiss.omp_set_num_threads(options.threads)

    def flat() -> np.ndarray:
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        return index.search(x, options.neighbours + 1)[1]

    def ours(precision: Precision) -> NeighbourTable:
        return exact.build(x, parameters=ExactParameters(precision=precision)).search(
            x, query_ids=np.arange(len(x)), neighbours=options.neighbours, threads=options.threads
        )

    contenders = [Contender("faiss IndexFlatL2", flat, note_bare(sample))]
    for precision in PRECISIONS if bfloat16.has_matrix_instructions() else PRECISIONS[:1]:
        contenders += [
            Contender(f"exact, {precision}", partial(ours, precision), note_table(sample)),
            Contender(f"products alone, {precision}", partial(bare_products, x, precision, options.threads)),
        ]
    title = f"exact, {len(x)} × {x.shape[1]}; {platform.processor() or platform.machine()}, {blas()}"
    return markdown(title, timed(contenders, options))


def bare_products(x: np.ndarray, precision: Precision, threads: int) -> None:
    """All products of the rows, in blocks as in exact search, and nothing else."""
    import torch

    whole = torch.from_numpy(x).to(getattr(torch, precision))
    torch.set_num_threads(1)

    def products(start: int, stop: int) -> None:
        torch.get_num_threads()  # applies the setting above to this thread
        for first in range(0, len(x), 512):
            torch.mm(whole[start:stop], whole[first : first + 512].T)

    over_rows(products, len(x), threads, step=2048)


def blas() -> str:
    """The kernels of all BLAS libraries that are loaded, and AMX where bfloat16 has matrix instructions."""
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    kernels = sorted(f"{Path(library['filepath']).name} {library['architecture']}" for library in loaded)
    return ", ".join([*kernels, "AMX"] if bfloat16.has_matrix_instructions() else kernels)


def bench_traverse_add(moved: str, x: np.ndarray, later: np.ndarray, options: argparse.Namespace) -> str:
    """A cold graph of the later epoch, and one that starts from the earlier epoch's, against bare hnswlib on the
    later one; each with the least effort that reaches the recall."""
    threads, neighbours = options.threads, options.neighbours
    sample = draw_sample(later, neighbours, threads=threads)
    ef = bare_ef(later, sample, options)
    defaults = TraverseAddParameters.for_neighbours(neighbours)
    previous = traverse_add.build(x, parameters=defaults, threads=threads)
    table = search_all(previous, x, options)

    def cold_graph(parameters: TraverseAddParameters) -> TraverseAddIndex:
        return traverse_add.build(later, parameters=parameters, threads=threads)

    def warm_graph(parameters: TraverseAddParameters) -> TraverseAddIndex:
        return traverse_add.build(
            later, parameters=parameters, threads=threads, warm_start=previous, warm_table=table
        )

    def is_warm() -> str:
        return "warm" if warm_graph(defaults).report.warm else "warm, given up"

    def contender(name: str, build: Callable[[TraverseAddParameters], TraverseAddIndex]) -> Contender:
        effort = calibrate(build(defaults), with_effort, sample, recall_target=RECALL, threads=threads)
        if not effort.reached:
            raise SystemExit(f"traverse_add, {name}: recall {effort.recall:.4f} is the most")
        parameters = effort.index.parameters
        assert isinstance(parameters, TraverseAddParameters)
        return Contender(
            f"traverse_add, {name}, keep = {parameters.keep}",
            lambda: search_all(build(parameters), later, options),
            note_table(sample),
        )

    contenders = [
        Contender(f"bare hnswlib, ef = {ef}", lambda: bare_hnswlib(later, ef, options), note_bare(sample)),
        contender("cold", cold_graph),
        contender(is_warm(), warm_graph),
    ]
    before = recall_at_k(remeasured(table, later, sample), sample.truth)
    title = f"traverse_add, {moved}; the earlier table has recall {before:.3f} on the later vectors"
    return markdown(title, timed(contenders, options))


def search_all(index: TraverseAddIndex, x: np.ndarray, options: argparse.Namespace) -> NeighbourTable:
    return index.search(
        x, query_ids=np.arange(len(x)), neighbours=options.neighbours, threads=options.threads
    )


def remeasured(table: NeighbourTable, later: np.ndarray, sample: RecallSample) -> NeighbourTable:
    return remeasure(
        sample.queries, later, table.ids[sample.rows], query_ids=sample.rows, neighbours=table.neighbours
    )


def bare_hnswlib(x: np.ndarray, ef: int, options: argparse.Namespace) -> np.ndarray:
    """Labels (N, K + 1) of all rows: what a user of hnswlib would write."""
    index = hnswlib.Index(space="l2", dim=x.shape[1])
    index.init_index(max_elements=len(x), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(x, num_threads=options.threads)
    index.set_ef(ef)
    return index.knn_query(x, k=options.neighbours + 1, num_threads=options.threads)[0]


def bare_ef(x: np.ndarray, sample: RecallSample, options: argparse.Namespace) -> int:
    """The least ef, of those tried, at which hnswlib reaches the recall."""
    index = hnsw.build(
        x, parameters=HnswParameters(m=M, ef_construction=EF_CONSTRUCTION), threads=options.threads
    )
    result = calibrate(index, with_effort, sample, recall_target=RECALL, threads=options.threads)
    if not result.reached:
        raise SystemExit(f"hnswlib with M = {M} reaches recall {result.recall:.4f} at most: {result.tried}")
    parameters = result.index.parameters
    assert isinstance(parameters, HnswParameters)
    return parameters.ef


def note_table(sample: RecallSample) -> Callable[[object], str]:
    def note(result: object) -> str:
        assert isinstance(result, NeighbourTable)
        found = NeighbourTable(result.ids[sample.rows], result.sq_distances[sample.rows])
        return f"recall {recall_at_k(found, sample.truth):.4f}"

    return note


def note_bare(sample: RecallSample) -> Callable[[object], str]:
    def note(result: object) -> str:
        found = np.asarray(result)[sample.rows].astype(np.int64)
        hits = [
            len(np.intersect1d(row[row != own], true))
            for row, own, true in zip(found, sample.rows, sample.truth.ids, strict=True)
        ]
        return f"recall {np.mean(hits) / sample.truth.neighbours:.4f}"

    return note


def timed(contenders: Iterable[Contender], options: argparse.Namespace):
    return compare(list(contenders), options.rounds, warm_up=True)


def components(images: Path, width: int) -> np.ndarray:
    """Unit vectors of the images' first principal components."""
    with gzip.open(images) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    pixels -= pixels.mean(axis=0)
    _, directions = np.linalg.eigh(pixels.T @ pixels)
    return normalise(pixels @ directions[:, ::-1][:, :width])


def drifted(x: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """The vectors as in a next epoch: with noise that changes a share ``CHANGED`` of the true neighbours."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(x.shape, dtype=np.float32) / np.float32(np.sqrt(x.shape[1]))
    before = draw_sample(x, options.neighbours, threads=options.threads)
    low, high, later = 0.0, 1.0, x
    for _ in range(12):
        size = (low + high) / 2
        later = normalise(x + np.float32(size) * noise)
        after = draw_sample(later, options.neighbours, threads=options.threads)
        same = np.mean(
            [len(np.intersect1d(a, b)) for a, b in zip(before.truth.ids, after.truth.ids, strict=True)]
        )
        if 1 - same / options.neighbours < CHANGED:
            low = size
        else:
            high = size
    return later


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=["hnsw", "exact", "traverse_add", "epochs"])
    parser.add_argument("--vectors", type=Path, help=".npy of float32 (N, D); Fashion-MNIST without")
    parser.add_argument(
        "--epochs", type=int, nargs="+", default=[5, 9], help="each started from the one before"
    )
    parser.add_argument("--run", type=Path, default=FOLDER, help="folder of real_run.py")
    parser.add_argument(
        "--images", type=Path, default=Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 512], help="of exact search")
    parser.add_argument("--neighbours", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
