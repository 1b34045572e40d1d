"""Mining a set of vectors with class labels, against sentence-transformers' mine_hard_negatives (faiss, exact).

    python -m tests.benchmarks.bench_mining_alone --glyphs glyphs [--rounds 3]

Vectors: PCA (64-d, unit norm) of the pixels of about 2,100 kanji in 16 fonts. Both sides get vectors in memory and 4
negatives per anchor. The peer works on pairs, so the labels become all pairs of a class, each row with itself included
(otherwise a row would be its own negative). Each runs in a process of its own, so that its peak memory can be measured;
imports, compilation and reading the vectors are not counted.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

CLASSES = 2100
NEGATIVES = 4
NEIGHBOURS = 64


def vectors_of(glyphs: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors float32 (N, 64) of unit norm, and class codes (N,)."""
    images = np.load(glyphs / "images.npy")
    _, codes = np.unique(pq.read_table(glyphs / "rows.parquet")["label"].to_numpy(), return_inverse=True)
    chosen = codes < CLASSES
    pixels = images[chosen].reshape(int(chosen.sum()), -1).astype(np.float32)
    pixels -= pixels.mean(axis=0)
    _, directions = np.linalg.eigh(pixels.T @ pixels)
    vectors = pixels @ directions[:, -64:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors, dtype=np.float32), codes[chosen]


def ours(vectors: NDArray[np.float32], codes: NDArray[np.int64], *, method: str) -> dict[str, float]:
    """Seconds, recall and triplets of searching and mining."""
    from tripletmine.mining.graphs.build import neighbours_of
    from tripletmine.mining.labels import encode_labels
    from tripletmine.mining.miner import mine
    from tripletmine.mining.rule import MiningRule

    rule = MiningRule(k_hardness=1.0, triplets_per_anchor=NEGATIVES, positives="class")
    small = vectors[:2000], encode_labels(codes[:2000])
    mine(neighbours_of(small[0], NEIGHBOURS, method=method)[0], small[1], rule, vectors=small[0])
    started = time.perf_counter()
    table, report = neighbours_of(vectors, NEIGHBOURS, method=method)
    mined = mine(table, encode_labels(codes), rule, vectors=vectors)
    return {"seconds": time.perf_counter() - started, "recall": report.recall, "triplets": len(mined)}


def theirs(vectors: NDArray[np.float32], codes: NDArray[np.int64]) -> dict[str, float]:
    """Seconds and triplets of the peer, on all pairs of each class."""
    from datasets import Dataset  # pyright: ignore[reportMissingImports] (extra bench)
    from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]
    from sentence_transformers.util import mine_hard_negatives  # pyright: ignore[reportMissingImports]
    from torch.nn import Identity

    class Ready(SentenceTransformer):
        """Returns vectors that exist already; a text is the number of its row."""

        def encode(self, sentences, **_options):
            return vectors[np.array([int(text) for text in sentences])]

        encode_query = encode_document = encode

        def get_embedding_dimension(self):
            return vectors.shape[1]

        get_sentence_embedding_dimension = get_embedding_dimension

    members = [np.flatnonzero(codes == code) for code in range(CLASSES)]
    anchors = np.concatenate([np.repeat(rows, len(rows)) for rows in members])
    positives = np.concatenate([np.tile(rows, len(rows)) for rows in members])
    pairs = Dataset.from_dict({"anchor": anchors.astype(str), "positive": positives.astype(str)})
    model = Ready(modules=[Identity()])
    started = time.perf_counter()
    mined = mine_hard_negatives(
        pairs,
        model,
        num_negatives=NEGATIVES,
        range_max=NEIGHBOURS,
        sampling_strategy="top",
        use_faiss=True,
        output_format="n-tuple",
        verbose=False,
    )
    return {"seconds": time.perf_counter() - started, "recall": 1.0, "triplets": len(mined)}


def measured(glyphs: Path, who: str) -> dict[str, float]:
    """One contender, in a process of its own."""
    command = [sys.executable, __file__, "--glyphs", str(glyphs), "--only", who]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )


def main() -> None:
    """Run all in turn, and print a table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--glyphs", type=Path, required=True, help="what glyphs.py wrote")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", choices=["theirs", "hnsw", "exact", "traverse_add"])
    arguments = options.parse_args()
    if arguments.only:
        vectors, codes = vectors_of(arguments.glyphs)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        alone = (
            theirs(vectors, codes)
            if arguments.only == "theirs"
            else ours(vectors, codes, method=arguments.only)
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({**alone, "peak_mib": peak / 1024, "before_mib": before / 1024}))
        return
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.rounds):
        for who in ("theirs", "hnsw", "exact"):
            found.setdefault(who, []).append(measured(arguments.glyphs, who))
    print("| what | seconds | times faster | peak MiB | recall | triplets |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for who, runs in found.items():
        faster = statistics.median(
            peer["seconds"] / run["seconds"] for peer, run in zip(found["theirs"], runs, strict=True)
        )
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {who} | {middle['seconds']:.2f} | {faster:.1f} | {middle['peak_mib']:.0f} | {middle['recall']:.4f} "
            f"| {middle['triplets']:,.0f} |"
        )


if __name__ == "__main__":
    main()
