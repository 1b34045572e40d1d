"""Undisturbed runs and certificates, for the tests of this folder."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cases import References
from .product import Product


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `full` except in `make faults`: together they take a minute or more."""
    if os.environ.get("FAULTS_EXAMPLES") is None:
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="full form only: make faults"))


@pytest.fixture(scope="session", autouse=True)
def _forked() -> Iterator[None]:
    """Fork commands to save their imports, except in `make faults`, which starts them as users do."""
    Product.forked = os.environ.get("FAULTS_EXAMPLES") is None
    yield
    Product.forked = False


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> References:
    """Undisturbed runs, made when first asked for."""
    return References(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=tripletmine",
    ]
    subprocess.run([*command, "-out", cert, "-keyout", key], check=True, capture_output=True)
    return cert, key
