"""What `tripletmine doctor` says, with stand-ins for the packages that it loads."""

import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from typer.testing import CliRunner

GPU = "class cuda:\n device_count = staticmethod(lambda: 2)\n get_device_name = staticmethod('A{}'.format)\n"
ILLEGAL = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """Run it with these programs in place of packages: exit code, and the page by title."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(**programs):
        for name, program in ({"numba": "njit = lambda function: function", "torch": GPU} | programs).items():
            (tmp_path / f"{name}.py").write_text(program)
        result = CliRunner().invoke(app, ["doctor"])
        return result.exit_code, dict(line.split(maxsplit=1) for line in result.stdout.splitlines())

    return run


def test_versions_machine_and_gpus(doctor):
    code, page = doctor(hnswlib="")
    assert code == 0
    assert page["tripletmine"] == tm.__version__
    assert "numpy 2." in page["base"]
    assert "torch 2." in page["train"]
    assert page["GPU"] == "A0, A1"
    assert page["memory"].endswith("MiB")
    assert page["start-up"].endswith("s, without torch")
    assert page["loads"] == "hnswlib, numba, torch"
    assert not {"dev", "docs", "all"} & page.keys()


@pytest.mark.parametrize(
    ("program", "why"),
    [(ILLEGAL, "HNSWLIB_NO_NATIVE=1 pip install"), ("import nothing_of_that_name", "No module")],
)
def test_a_package_that_does_not_load_is_named(doctor, program, why):
    code, page = doctor(hnswlib=program)
    assert code == 1
    assert page["loads"] == "numba, torch"
    assert page["hnswlib"].startswith("does not load: ")
    assert why in page["hnswlib"]
