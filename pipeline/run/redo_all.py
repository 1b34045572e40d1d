"""Start a run over with new data. Its old results are kept aside until the new ones are committed."""

import shutil
from pathlib import Path

from ..artifacts.rows import ROWS_FILE
from ..plan.refs import StageRef
from ..plan.stage_folder import ASIDE, StageFolder, set_aside
from ..storage.publish import published
from .epochs import TEST


def has_work(root: Path) -> bool:
    """Whether the run has any results, which other data would make worthless."""
    return (root / ASIDE).exists() or any(StageFolder(root, ref).has_work for ref in _there(root))


def set_all_aside(root: Path) -> int:
    """Set all stages aside, also those of epochs beyond run.epochs; returns their number.

    A copy of the rows they refer to is kept with them. If interrupted, the next try does this again, since the data
    count as changed until the run has its new rows.
    """
    rows = root / ASIDE / ROWS_FILE
    if has_work(root) and (root / ROWS_FILE).exists() and not rows.exists():
        with published(rows) as partial:
            shutil.copyfile(root / ROWS_FILE, partial)
    return len(set_aside(root, _there(root)))


def _there(root: Path) -> list[StageRef]:
    folders = sorted(root.glob("epochs/[0-9]*/*"))
    return [*(StageRef(int(path.parent.name), path.name) for path in folders if path.is_dir()), TEST]
