"""Peak memory of each stage of a run over given vectors."""

from pathlib import Path

from tripletmine.flows.opened_run import opened_spec
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.runfile.load import parse_spec


def peaks_of(folder: Path, width: int, neighbours: int) -> list[tuple[str, float]]:
    """(stage, peak MiB) of a run over the vectors in this process, including what the process held before."""
    keys = {
        "data": {
            "kind": "arrays",
            "path": "vectors.npy",
            "labels": "labels.npy",
            "validation": 0.01,
            "test": 0.01,
        },
        "encoder": {"name": "identity", "embedding_dim": width},
        "graph": {"neighbours": neighbours},
        "evaluate": {"nmi": False},
    }
    peaks = []
    _set_back()
    with opened_spec(parse_spec(keys, base=folder), Silent()) as opened:
        peaks.append(("opening the run", _peak()))
        for epoch in opened.epochs:
            for stage in epoch.stages:
                _set_back()
                opened.stage(stage, epoch)
                peaks.append((stage.name, _peak()))
            opened.end_epoch(epoch)
        _set_back()
        opened.test()
        peaks.append(("test", _peak()))
    return peaks


def _set_back() -> None:
    """Reset the peak that Linux keeps of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    line = next(
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024
