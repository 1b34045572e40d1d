"""Readers can find their way around the tree."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("flows", "pipeline", "mining", "models", "tests")
MOST = 15


def test_no_folder_holds_more_modules_than_one_sees_at_a_glance() -> None:
    modules = Counter(
        path.parent.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    )
    assert sum(modules.values()) > 100, "the tree was not found"
    assert {str(folder): count for folder, count in modules.items() if count > MOST} == {}
