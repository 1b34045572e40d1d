"""Tests that some of the versions that pyproject.toml allows cannot pass; see `make test-lowest`."""

from importlib.metadata import version

import pytest
from packaging.version import Version


def _before(name: str, first: str) -> bool:
    return Version(version(name)) < Version(first)


onnx_is_written = pytest.mark.skipif(
    _before("torch", "2.7"), reason="the exporter of torch 2.6 cannot convert group norm"
)
rare_pictures_are_read = pytest.mark.skipif(
    _before("pillow", "13"),
    reason="before version 13, Pillow ignores transparency of 1-bit greys, and cannot read TIFF in luma and chroma",
)
string_views_are_written = not _before("pyarrow", "26")
tensors_may_be_empty = pytest.mark.skipif(
    _before("pyarrow", "26"), reason="older versions do not read such a file at all, and the message says so"
)
