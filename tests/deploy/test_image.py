"""What can be checked of the image without building it; tests/checks/pods.py builds and runs it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD, FINAL = (ROOT / "deploy" / "Dockerfile").read_text().split("\nFROM ")[1:]


def test_only_what_the_package_is_made_from_reaches_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*", "all is left out, unless it is named"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]
    elsewhere = project["tool"]["setuptools"]["package-dir"]
    folders = {name.split(".")[1] for name in packages if "." in name and name not in elsewhere}
    own_files = {path.name for path in ROOT.glob("__*__.py")} | {"py.typed"}
    about = {project["project"]["readme"], *project["project"]["license-files"]}
    wanted = folders | own_files | about | {"pyproject.toml", "constraints.txt"}
    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == wanted


def test_the_image_is_built_for_any_processor_with_pinned_versions_and_torch_for_cpus() -> None:
    assert "HNSWLIB_NO_NATIVE=1" in BUILD
    assert "ARG TORCH_BACKEND=cpu" in BUILD
    installs = [line for line in BUILD.replace("\\\n", "").split("RUN ") if "pip install" in line]
    assert installs
    assert all("--constraint constraints.txt" in line or "--no-deps" in line for line in installs)
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert any(pin.startswith("uv==") for pin in pins)


def test_the_last_stage_holds_no_compiler_and_a_user_with_a_number() -> None:
    assert "apt-get" not in FINAL
    assert "USER 1000:1000" in FINAL, "runAsNonRoot refuses a user whose number Kubernetes cannot see"
