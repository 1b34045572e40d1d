"""The training rows on which retrieval is measured beside validation, to show overfitting."""

import numpy as np
from numpy.typing import NDArray

from ..data.base import first_labels
from ..data.rows import RunRows
from ..runfile.run_spec import RunSpec

TRAIN_SAMPLE = "train_sample"
"""Name under which its metrics are stored."""


def train_sample(rows: RunRows, spec: RunSpec) -> NDArray[np.int64]:
    """Ids of evaluate.train_sample training rows, int64 (S,), ascending; the same in every epoch.

    Drawn like validation, so that the two are comparable: single rows of a "closed" split, whole classes of a
    "zero-shot" one (the last class may be cut). A row with several labels counts for its first.
    """
    generator = np.random.default_rng([spec.run.seed, len(TRAIN_SAMPLE)])
    count = sample_size(spec, rows.n_train)
    if spec.data.split == "closed":
        return np.sort(generator.permutation(rows.n_train)[:count])
    encoded = first_labels(rows.column("label", "train")).dictionary_encode()
    names, code = np.unique(encoded.dictionary.to_pylist(), return_inverse=True)
    place = generator.permutation(len(names))[code][encoded.indices.to_numpy()]
    return np.sort(np.argsort(place, kind="stable")[:count])


def sample_size(spec: RunSpec, rows: int) -> int:
    """Number of sampled rows. rows: number of rows of the training split."""
    return min(spec.evaluate.train_sample or 0, rows)
