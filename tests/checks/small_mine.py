"""A small mine with nothing but the base install: what `wheel.py` runs in its fresh environment."""

import numpy as np
from tripletmine.mining.audit import check_triplets
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.vectors import normalise

ROWS, CLASSES, WIDTH, NEIGHBOURS = 600, 12, 8, 40


def main() -> None:
    random = np.random.default_rng(0)
    classes = np.arange(ROWS) % CLASSES
    centres = random.standard_normal((CLASSES, WIDTH))
    vectors = normalise((centres[classes] + random.standard_normal((ROWS, WIDTH))).astype(np.float32))
    labels = encode_labels(classes)
    rule = MiningRule(k_hardness=1.0)
    for method in ("exact", "hnsw", "traverse_add"):
        table, _ = neighbours_of(vectors, NEIGHBOURS, method=method, threads=1)
        mined = mine(table, labels, rule)
        if not len(mined):
            raise SystemExit(f"{method}: no triplets from {ROWS} rows")
        audit = check_triplets(mined.columns, labels, vectors, rule)
        if not audit.ok:
            raise SystemExit(f"{method}: {audit}")
        print(f"{method}: {len(mined)} triplets, audited")


if __name__ == "__main__":
    main()
