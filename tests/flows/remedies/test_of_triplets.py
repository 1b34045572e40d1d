"""The remedies in messages about a run's triplets and its exported encoder work."""

import json
import shutil
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.standalone.exported_encoder import Encoder

from .case import RUN, Case, copied, redo, run_again

AUDIT = ("audit", "MINED")

CASES = {
    "triplets that are not finished": Case(
        lambda place: (place.root / "epochs/0001/mine/manifest.json").unlink(),
        r"epochs/0001/mine is not finished: let the run go on first",
        (run_again,),
        AUDIT,
    ),
    "embeddings without a manifest": Case(
        lambda place: (place.root / "epochs/0001/embed/manifest.json").unlink(),
        r"epochs/0001/embed has lost its manifest: redo it with --from-stage embed --epoch 1",
        (redo,),
        AUDIT,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_remedy_works(name: str, finished: Path, tmp_path: Path) -> None:
    for position, mend in enumerate(CASES[name].mends):
        CASES[name].require(copied(finished, tmp_path / str(position)), mend)


def test_suspects_of_an_epoch_whose_neighbours_were_deleted_are_refused_with_a_later_epoch_as_remedy(
    finished: Path, tmp_path: Path
) -> None:
    place = copied(finished, tmp_path)
    place.change("epochs = 2", "epochs = 3\nkeep = { graph = 1 }")
    assert place.ask(*RUN)[0] == 0
    code, said = place.ask("suspects", "RUN", "--epoch", "1", "--out", "OUT")
    assert code == 1
    assert "was deleted by run.keep.graph: take a later epoch" in said
    code, said = place.ask("suspects", "RUN", "--epoch", "2", "--out", "OUT")
    assert code == 0, said


LATER = {"colour": "rgb", "size": None, "background": "white", "resampling": "lanczos"}
"""How a later version may read pictures."""


@pytest.mark.parametrize("changed", [{"item_shape": None}, {"pictures": LATER}], ids=["damaged", "later"])
def test_an_export_that_is_not_understood_is_exported_again(
    changed: dict[str, object], finished: Path, tmp_path: Path
) -> None:
    place = copied(finished, tmp_path)
    export = ("export", "RUN", "--out", "OUT")
    assert place.ask(*export)[0] == 0
    about = place.out / "encoder.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | changed))
    with pytest.raises(CorruptError, match=r"is not an exported encoder .*: export it again"):
        Encoder.load(place.out)
    shutil.rmtree(place.out)
    assert place.ask(*export)[0] == 0
    Encoder.load(place.out)
