"""Every error has its message; what is unknown is called unexpected."""

import errno

import pytest
import typer
from tripletmine.flows.terminal.errors import FAILED, INTERRUPTED, message_for, reporting
from tripletmine.mining.errors import InputError
from tripletmine.models.errors import ModelError
from tripletmine.pipeline.errors import LockedError


@pytest.mark.parametrize("kind", [LockedError, InputError, ModelError])
def test_our_own_errors_speak_for_themselves(kind):
    assert message_for(kind("k is 3 but must be 2: lower it")) == "k is 3 but must be 2: lower it"


@pytest.mark.parametrize("module", ["torch", "prefect.flows", "distributed"])
def test_a_missing_extra_names_the_command_that_installs_it(module):
    message = message_for(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert "pip install 'tripletmine[all]'" in message
    assert module in message


def test_a_missing_module_of_the_user_is_no_missing_extra():
    message = message_for(ModuleNotFoundError("No module named 'my_encoder'", name="my_encoder"))
    assert "pip install" not in message
    assert "my_encoder" in message


def test_a_full_disk_names_the_file_and_the_remedy():
    message = message_for(OSError(errno.ENOSPC, "No space left on device", "/runs/digits/rows.parquet"))
    assert message.startswith("/runs/digits/rows.parquet: No space left on device")
    assert "tripletmine check" in message


def test_an_unexpected_error_is_not_passed_off_as_an_expected_one():
    assert message_for(KeyError("x")).startswith("unexpected KeyError")


@pytest.mark.parametrize(("error", "code"), [(KeyError("x"), FAILED), (KeyboardInterrupt(), INTERRUPTED)])
def test_exit_codes(error, code, capsys):
    with pytest.raises(typer.Exit) as caught, reporting(debug=False):
        raise error
    assert caught.value.exit_code == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("error", [typer.Exit(3), BrokenPipeError()])
def test_what_is_no_error_of_ours_passes_through(error):
    with pytest.raises(type(error)) as caught, reporting(debug=False):
        raise error
    assert caught.value is error
