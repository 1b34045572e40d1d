"""Shared by all tests: the folder itself is importable, so that `from oracles import …` works."""

import signal
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))

# A shell starts background jobs with Ctrl-C ignored, and the processes that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# These start processes (servers, workers, ranks, holders of locks) with time limits of their own, so that a machine
# that stalls for some seconds can fail them. They get a second try, and pytest names those that needed it.
WITH_PROCESSES = (
    "flows",
    "faults",
    "models/images/test_loader.py",
    "models/train/test_processes.py",
    "models/train/test_training_with_losses.py",
    "pipeline/workers",
    "pipeline/storage/test_lock.py",
    "pipeline/whole_runs",
    "pipeline/training/test_launch.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes."""
    for item in items:
        place = item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else item.path
        if any(place.is_relative_to(folder) for folder in WITH_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))
