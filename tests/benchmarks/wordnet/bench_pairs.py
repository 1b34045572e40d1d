"""Mining 80,000 definitions against 148,730 words, against sentence-transformers' mine_hard_negatives.

    python -m tests.benchmarks.wordnet.bench_pairs [--queries 80000] [--threads 2] [--only exact faiss product]

WordNet's definitions and words (Debian's wordnet-base), as means of wordllama's token vectors, rotated at random from
256 into 384 dimensions: distances stay the same, and products cost what those of a 384-d encoder do. Both sides get
vectors in memory, four negatives per query and the same candidates, and take no negative above the lowest positive.
Each runs in a process of its own, so that its peak memory can be measured; imports, compilation and reading the vectors
are not counted. "product" is the bare matrix product of all queries with all documents, in blocks, and nothing else.
Seconds of CPU time stand beside those of the clock: they say more on a machine that does other things, too.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEGATIVES, RANGE_MAX = 4, 64
WIDTH = 384
OURS = ("exact", "hnsw", "cells")
THEIRS = ("faiss", "torch")
BLOCK = 1024

Pairs = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


def write_data(folder: Path, queries: int) -> None:
    """Write queries.npy, corpus.npy and pairs.npy."""
    from .data import read_dictionary
    from .encoders import encode

    train, test = read_dictionary("train"), read_dictionary("test")
    definitions = [*train.definitions, *test.definitions][:queries]
    pairs = np.concatenate([train.pairs, test.pairs + np.array([len(train.definitions), 0])])
    narrow = [encode(definitions), encode(train.words)]
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((WIDTH, narrow[0].shape[1])))
    for name, vectors in zip(("queries", "corpus"), narrow, strict=True):
        wide = vectors @ turn.T.astype(np.float32)
        np.save(folder / f"{name}.npy", wide / np.linalg.norm(wide, axis=1, keepdims=True))
    np.save(folder / "pairs.npy", pairs[pairs[:, 0] < len(definitions)])


def read_data(folder: Path) -> Pairs:
    """Vectors of queries and documents, and the pairs that are relevant."""
    queries, corpus, pairs = (np.load(folder / f"{name}.npy") for name in ("queries", "corpus", "pairs"))
    return queries, corpus, pairs


def candidates(pairs: NDArray[np.int64]) -> int:
    """Documents that both look at for a query: the peer fetches range_max and as many as a query has positives."""
    return RANGE_MAX + int(np.bincount(pairs[:, 0]).max())


def ours(data: Pairs, method: str, threads: int) -> tuple[dict[str, float], NDArray[np.int64]]:
    """Seconds and recall, and the negatives (Q, 4), −1 where a query has fewer."""
    import tripletmine as tm

    queries, corpus, pairs = data
    rule = tm.MiningRule(
        0.0,
        margin=5.0,
        triplets_per_anchor=NEGATIVES,
        negatives_per_positive=NEGATIVES,
        nearer_positive=False,
        guards=tm.Guards(positive_percentile=100),
    )
    few = pairs[(pairs[:, 0] < 3000) & (pairs[:, 1] < 5000)]
    tm.mine_pairs(queries[:3000], corpus[:5000], few, rule, neighbours=64, method=method, threads=threads)
    clock = Clock()
    mined = tm.mine_pairs(
        queries, corpus, pairs, rule, neighbours=candidates(pairs), method=method, threads=threads
    )
    seconds = clock.read()
    assert mined.graph is not None
    return seconds | {"recall": mined.graph.recall}, by_query(
        mined.columns["anchor"], mined.columns["negative"], len(queries)
    )


def theirs(data: Pairs, engine: str, threads: int) -> tuple[dict[str, float], NDArray[np.int64]]:
    """The same of the peer. A text is the number of its row; handling texts costs the peer little."""
    import torch
    from datasets import Dataset  # pyright: ignore[reportMissingImports] (extra bench)
    from sentence_transformers.util import (  # pyright: ignore[reportMissingImports]
        dot_score,
        mine_hard_negatives,
        pairwise_dot_score,
    )

    torch.set_num_threads(threads)
    queries, corpus, pairs = data

    class Ready:
        """What mining needs of a SentenceTransformer: vectors, which exist already, and products of them."""

        device = torch.device("cpu")
        similarity, similarity_pairwise = staticmethod(dot_score), staticmethod(pairwise_dot_score)

        def encode(self, sentences: list[str], **_options: object) -> Any:
            vectors = queries if sentences[0].startswith("q") else corpus
            found = vectors[np.array([int(text[1:]) for text in sentences])]
            return torch.from_numpy(found) if engine == "torch" else found

        encode_query = encode_document = encode

        def get_embedding_dimension(self) -> int:
            return WIDTH

    texts = {"anchor": [f"q{q}" for q in pairs[:, 0]], "positive": [f"d{d}" for d in pairs[:, 1]]}
    words = [f"d{row}" for row in range(len(corpus))]
    data_set = Dataset.from_dict(texts)
    clock = Clock()
    mined = mine_hard_negatives(
        data_set,
        Ready(),  # pyright: ignore[reportArgumentType]
        corpus=words,
        num_negatives=NEGATIVES,
        range_max=RANGE_MAX,
        absolute_margin=0.0,
        sampling_strategy="top",
        use_faiss=engine == "faiss",
        faiss_batch_size=16_384 if engine == "faiss" else 2048,
        output_format="triplet",
        verbose=False,
    )
    seconds = clock.read()
    anchor, negative = (np.array([int(text[1:]) for text in mined[name]]) for name in ("anchor", "negative"))
    # Each pair of a query has the same negatives.
    first = np.unique(anchor * len(corpus) + negative, return_index=True)[1]
    first.sort()
    return seconds | {"recall": 1.0}, by_query(anchor[first], negative[first], len(queries))


def product(data: Pairs, threads: int) -> tuple[dict[str, float], NDArray[np.int64]]:
    """All scores, computed and dropped."""
    from threadpoolctl import threadpool_limits

    queries, corpus, _ = data
    out = np.empty(BLOCK * BLOCK, np.float32)
    clock = Clock()
    with threadpool_limits(threads):
        for start in range(0, len(queries), BLOCK):
            some = queries[start : start + BLOCK]
            for first in range(0, len(corpus), BLOCK):
                others = corpus[first : first + BLOCK]
                block = out[: len(some) * len(others)].reshape(len(some), len(others))
                np.dot(some, others.T, out=block)
    return clock.read(), np.empty((0, NEGATIVES), np.int64)


class Clock:
    """Seconds of the clock and of this process's CPU time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self._wall, "cpu": time.process_time() - self._cpu}


def by_query(anchor: NDArray[np.int64], negative: NDArray[np.int64], queries: int) -> NDArray[np.int64]:
    """int64 (Q, 4): the negatives of each query, as they come; −1 for none."""
    found = np.full((queries, NEGATIVES), -1, np.int64)
    order = np.argsort(anchor, kind="stable")
    anchor, negative = anchor[order], negative[order]
    first = np.searchsorted(anchor, anchor)
    place = np.arange(len(anchor)) - first
    kept = place < NEGATIVES
    found[anchor[kept], place[kept]] = negative[kept]
    return found


def same_share(found: NDArray[np.int64], expected: NDArray[np.int64], data: Pairs) -> float:
    """Share of the expected negatives for which a query has one of the same score, since there are many copies."""
    queries, corpus, _ = data
    score = np.full((2, *expected.shape), np.nan)
    for side, ids in zip(score, (found, expected), strict=True):
        for place in range(NEGATIVES):
            rows = np.flatnonzero(ids[:, place] >= 0)
            side[rows, place] = np.einsum("ij,ij->i", queries[rows], corpus[ids[rows, place]])
    same = np.abs(score[0][:, :, None] - score[1][:, None, :]) < 1e-5
    return float(same.any(axis=1)[expected >= 0].mean())


def measured(folder: Path, who: str, threads: int) -> dict[str, Any]:
    """One contender, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.wordnet.bench_pairs",
        "--folder",
        str(folder),
        "--alone",
        who,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, "--threads", str(threads)], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def alone(folder: Path, who: str, threads: int) -> dict[str, Any]:
    """Run one contender here, and keep its negatives in `folder`."""
    data = read_data(folder)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    if who == "product":
        found, negatives = product(data, threads)
    elif who in THEIRS:
        found, negatives = theirs(data, who, threads)
    else:
        from tripletmine.mining.errors import RecallError

        try:
            found, negatives = ours(data, who, threads)
        except RecallError as error:
            return {"refused": str(error)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.save(folder / f"{who}.npy", negatives)
    return found | {"peak_mib": peak, "data_mib": before, "negatives": int((negatives >= 0).sum())}


def main() -> None:
    """Run all, one after the other, and print a table as it grows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=80_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where vectors are kept; by default a temporary one")
    parser.add_argument("--only", nargs="+", default=["faiss", "exact", "product", "torch", "cells", "hnsw"])
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(alone(options.folder, options.alone, options.threads)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "pairs.npy").exists():
            write_data(folder, options.queries)
        data = read_data(folder)
        print(
            f"{len(data[0]):,} queries, {len(data[1]):,} documents of width {WIDTH}, {options.threads} threads\n"
        )
        print("| what | seconds | CPU seconds | peak MiB | recall | negatives | as the peer's |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        for who in options.only:
            run = measured(folder, who, options.threads)
            if "refused" in run:
                print(f"| {who} | {run['refused']} | | | | | |", flush=True)
                continue
            same = "–"
            if who in OURS and (folder / "faiss.npy").exists():
                same = (
                    f"{same_share(np.load(folder / f'{who}.npy'), np.load(folder / 'faiss.npy'), data):.2%}"
                )
            print(
                f"| {who} | {run['seconds']:.1f} | {run['cpu']:.1f} | {run['peak_mib']:.0f} "
                f"| {run.get('recall', 1.0):.4f} | {run['negatives']:,} | {same} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
