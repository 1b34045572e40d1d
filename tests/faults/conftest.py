"""Undisturbed runs, shared by the tests of this folder."""

import os

import pytest

from .cases import References


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked with `full` need a minute or more together: they belong to `make faults`."""
    if os.environ.get("FAULTS_EXAMPLES") is None:
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="full form only: make faults"))


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> References:
    """Undisturbed runs, made when first asked for."""
    return References(tmp_path_factory.mktemp("undisturbed"))
