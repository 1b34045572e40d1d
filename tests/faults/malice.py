"""Files that really run code when a reader that trusts them opens them."""

import json
import pickle
from pathlib import Path

import numpy as np


class Payload:
    """Unpickled, it writes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self._trace, "the payload ran")


def pickled_checkpoint(path: Path, trace: Path) -> None:
    """A pickle under the name of a checkpoint, as torch.load would open it."""
    path.write_bytes(pickle.dumps(Payload(trace)))


def pickled_numpy(path: Path, trace: Path) -> None:
    """An .npy file of objects."""
    np.save(path, np.array([Payload(trace)], dtype=object), allow_pickle=True)


def pickled_zarr(path: Path, trace: Path) -> None:
    """An array of Zarr format 2 whose filter is numcodecs' pickle."""
    path.mkdir()
    about = {
        "zarr_format": 2,
        "shape": [1],
        "chunks": [1],
        "dtype": "|O",
        "compressor": None,
        "fill_value": 0,
        "order": "C",
        "filters": [{"id": "pickle", "protocol": 5}],
    }
    (path / ".zarray").write_text(json.dumps(about))
    (path / "0").write_bytes(pickle.dumps(np.array([Payload(trace)], dtype=object)))


def pickled_parquet(path: Path, trace: Path) -> None:
    """A column of the extension type whose metadata is a pickle (CVE-2023-47248)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickle.dumps(Payload(trace)),
    }
    field = pa.field("path", pa.string(), metadata=metadata)
    label = pa.array(["a"])
    pq.write_table(pa.table([label, label], schema=pa.schema([field, pa.field("label", pa.string())])), path)
