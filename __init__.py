"""Mine the triplets that still teach, over the whole training set, every epoch.

    import tripletmine as tm

    mined = tm.mine(vectors, labels)
    mined.columns["anchor"], mined.report.coverage, mined.to_pandas()

These names and their signatures are stable; everything else in the four folders may change between releases. Each name
is imported on first use, so that `import tripletmine` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flows.direct import run as run
    from .flows.direct import status as status
    from .mining.guards import Guards as Guards
    from .mining.rescoring.bound import TeacherBound as TeacherBound
    from .mining.rule import MiningRule as MiningRule
    from .pipeline.standalone.exported_encoder import Encoder as Encoder
    from .pipeline.standalone.mine_files import mine_files as mine_files
    from .pipeline.standalone.on_arrays import audit as audit
    from .pipeline.standalone.on_arrays import mine as mine
    from .pipeline.standalone.on_arrays import neighbours as neighbours
    from .pipeline.standalone.on_arrays import suspects as suspects
    from .pipeline.standalone.pair_files.mine import mine_pair_files as mine_pair_files
    from .pipeline.standalone.pairs_on_arrays import audit_pairs as audit_pairs
    from .pipeline.standalone.pairs_on_arrays import mine_pairs as mine_pairs
    from .pipeline.standalone.pairs_on_arrays import unlabelled_positives as unlabelled_positives
    from .pipeline.standalone.read_triplets import read_pairs as read_pairs
    from .pipeline.standalone.read_triplets import read_triplets as read_triplets

    __version__: str

_HOMES = {
    "Encoder": "pipeline.standalone.exported_encoder",
    "Guards": "mining.guards",
    "MiningRule": "mining.rule",
    "TeacherBound": "mining.rescoring.bound",
    "audit": "pipeline.standalone.on_arrays",
    "audit_pairs": "pipeline.standalone.pairs_on_arrays",
    "mine": "pipeline.standalone.on_arrays",
    "mine_files": "pipeline.standalone.mine_files",
    "mine_pair_files": "pipeline.standalone.pair_files.mine",
    "mine_pairs": "pipeline.standalone.pairs_on_arrays",
    "neighbours": "pipeline.standalone.on_arrays",
    "read_pairs": "pipeline.standalone.read_triplets",
    "read_triplets": "pipeline.standalone.read_triplets",
    "run": "flows.direct",
    "status": "flows.direct",
    "suspects": "pipeline.standalone.on_arrays",
    "unlabelled_positives": "pipeline.standalone.pairs_on_arrays",
}
"""The module that defines each public name, without the leading `tripletmine.`. It is imported by its absolute
name, because pytest runs this file a second time under the name of the checkout's folder."""

__all__ = [
    "Encoder",
    "Guards",
    "MiningRule",
    "TeacherBound",
    "__version__",
    "audit",
    "audit_pairs",
    "mine",
    "mine_files",
    "mine_pair_files",
    "mine_pairs",
    "neighbours",
    "read_pairs",
    "read_triplets",
    "run",
    "status",
    "suspects",
    "unlabelled_positives",
]

if not TYPE_CHECKING:  # otherwise a type checker would accept any name

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("tripletmine")
        if name not in _HOMES:
            raise AttributeError(f"module 'tripletmine' has no attribute {name!r}")
        return getattr(import_module(f"tripletmine.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
