"""Mines a small set with the base install alone; `wheel.py` runs this in its fresh environment."""

import tempfile
from pathlib import Path

import numpy as np
import tripletmine as tm

ROWS, CLASSES, WIDTH, NEIGHBOURS = 600, 12, 8, 40


def main() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % CLASSES
    centres = random.standard_normal((CLASSES, WIDTH))
    vectors = centres[labels] + random.standard_normal((ROWS, WIDTH))
    print(f"tripletmine {tm.__version__}: {tm.mine(vectors, labels, normalise=True)}")
    # One method of ours and one of a library; traverse_add takes a minute to compile.
    for method in ("exact", "hnsw"):
        mined = tm.mine(vectors, labels, neighbours=NEIGHBOURS, method=method, threads=1, normalise=True)
        if not len(mined) or mined.to_arrow().num_rows != len(mined):
            raise SystemExit(f"{method}: {mined}")
        audit = tm.audit(mined, vectors, normalise=True)
        if not audit.ok:
            raise SystemExit(f"{method}: {audit}")
        print(f"{method}: {len(mined)} triplets, audited")
    pairs = np.stack([np.arange(ROWS), (np.arange(ROWS) + CLASSES) % ROWS], axis=1)
    queries = tm.mine_pairs(vectors, vectors, pairs, own=np.arange(ROWS), threads=1, normalise=True)
    if not len(queries) or queries.to_arrow().num_rows != len(queries):
        raise SystemExit(f"queries: {queries}")
    print(f"queries: {queries}")
    with tempfile.TemporaryDirectory() as name:
        on_files(Path(name), vectors, pairs)


def on_files(folder: Path, vectors: np.ndarray, pairs: np.ndarray) -> None:
    """The same from files, and its result written as training sets."""
    np.save(folder / "x.npy", vectors)
    lines = ["query_row,document_row", *(f"{query},{document}" for query, document in pairs)]
    (folder / "pairs.csv").write_text("\n".join(lines))
    files = folder / "x.npy", folder / "x.npy", folder / "pairs.csv"
    found = tm.mine_pair_files(*files, folder / "mined", same_items=True, normalise=True, threads=1)
    if found.audit is None or found.audit["violations"]:
        raise SystemExit(f"files: {found.audit}")
    made = tm.read_pairs(found.folder).training_set("flagembedding", scores=True)
    for suffix in (".parquet", ".jsonl", ".jsonl.gz"):
        made.save(folder / f"train{suffix}")
    print(f"files: {len(made)} rows of a training set")


if __name__ == "__main__":
    main()
