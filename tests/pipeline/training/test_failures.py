from pathlib import Path

import pytest
from tripletmine.models.errors import ModelError
from tripletmine.pipeline.errors import DataError, TaskError
from tripletmine.pipeline.training.handover import read_failure, write_failure


@pytest.mark.parametrize("error", [ModelError("the loss is nan"), DataError("row 3 is unreadable")])
def test_an_error_of_ours_keeps_its_type_and_message(tmp_path: Path, error: Exception) -> None:
    write_failure(tmp_path / "failure", error)
    found = read_failure(tmp_path / "failure")
    assert (type(found), str(found)) == (type(error), str(error))


def test_any_other_error_is_told_with_its_type(tmp_path: Path) -> None:
    write_failure(tmp_path / "failure", ZeroDivisionError("by zero"))
    found = read_failure(tmp_path / "failure")
    assert isinstance(found, TaskError)
    assert str(found) == "a training process failed: ZeroDivisionError: by zero"


def test_the_first_of_several_errors_is_kept(tmp_path: Path) -> None:
    write_failure(tmp_path / "failure", DataError("first"))
    write_failure(tmp_path / "failure", DataError("second"))
    assert str(read_failure(tmp_path / "failure")) == "first"


def test_none_or_half_an_error_is_none(tmp_path: Path) -> None:
    assert read_failure(tmp_path / "failure") is None
    (tmp_path / "failure").write_text('{"kind": "Da')
    assert read_failure(tmp_path / "failure") is None
