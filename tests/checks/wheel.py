"""Builds the package as users get it, installs it without extras in a fresh environment, and uses it there.

An editable install finds every module of the tree, a wheel holds only what pyproject.toml lists. So the files of an
sdist, and of the wheel built from it, are compared with the tree. Then the command line and a small mine are run in an
environment without torch and Prefect, from another working folder.

    python tests/checks/wheel.py
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("flows", "mining", "models", "pipeline")
FRONT = ("__init__.py", "__main__.py", "py.typed")
"""The package's own files, at the root."""
MAPPED = {"pipeline/compat/": "compat/"}
"""Folders whose package lies elsewhere in the wheel, see pyproject.toml."""
SUFFIXES = (".py", ".toml", ".html", ".css", ".js")
"""Files of the four folders that belong to the package."""
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "runs", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tripletmine-wheel-") as folder:
        work = Path(folder)
        sdist, wheel = build(work)
        with tarfile.open(sdist) as archive:
            compare(sdist.name, {name.partition("/")[2] for name in archive.getnames()}, prefix="")
        with zipfile.ZipFile(wheel) as archive:
            compare(wheel.name, set(archive.namelist()), prefix="tripletmine/", mapped=MAPPED)
        python = install(wheel, work / "environment")
        use(python, elsewhere=work)
    print("wheel check: passed")


def build(work: Path) -> tuple[Path, Path]:
    """Build an sdist of a copy of the tree (setuptools leaves files beside the sources), and a wheel of the sdist."""
    copy = work / "source"
    shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
    run(sys.executable, "-m", "build", "--outdir", str(work / "dist"), str(copy))
    (sdist,), (wheel,) = (work / "dist").glob("*.tar.gz"), (work / "dist").glob("*.whl")
    return sdist, wheel


def compare(archive: str, names: set[str], *, prefix: str, mapped: Mapping[str, str] | None = None) -> None:
    """Check that the archive holds all files of the package, and nothing else in its folders."""
    tree = {
        prefix + placed(path.relative_to(ROOT).as_posix(), mapped or {})
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES and "__pycache__" not in path.parts
    } | {prefix + name for name in FRONT}
    folders = *(f"{folder}/" for folder in FOLDERS), *(mapped or {}).values()
    starts = (*(prefix + folder for folder in folders), *(prefix + name for name in FRONT))
    packed = {name for name in names if name.startswith(starts) and not name.endswith("/")}
    packed = {name for name in packed if Path(name).suffix}  # an sdist lists folders as well
    if tree != packed:
        missing, extra = sorted(tree - packed), sorted(packed - tree)
        stop(f"{archive} differs from the tree: missing {missing or 'nothing'}, too many {extra or 'none'}")
    print(f"{archive}: all {len(tree)} files of the package")


def placed(path: str, mapped: Mapping[str, str]) -> str:
    """Where a file of the tree lies in the package."""
    for folder, other in mapped.items():
        if path.startswith(folder):
            return other + path.removeprefix(folder)
    return path


def install(wheel: Path, environment: Path) -> Path:
    """Make a fresh environment with the wheel and its base requirements only, and return its Python."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    constraints = str(ROOT / "constraints.txt")
    # Our own pip installs into it: the environment needs none of its own.
    pip = (sys.executable, "-m", "pip", "--python", str(python))
    run(*pip, "install", "--quiet", "--no-compile", "--constraint", constraints, str(wheel))
    return python


def use(python: Path, *, elsewhere: Path) -> None:
    """Use the command line and the library, from a folder outside the repository."""
    for module in ("torch", "transformers", "prefect", "sklearn", "dask", "datasets"):
        if (
            subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode
            == 0
        ):
            stop(f"{module} is importable in the base environment: some base requirement brings it")
    print(run(str(python.with_name("tripletmine")), "--help", cwd=elsewhere).splitlines()[0].strip())
    print(run(str(python), "-m", "tripletmine", "--version", cwd=elsewhere).strip())
    print(run(str(python), "-I", str(ROOT / "tests" / "checks" / "small_mine.py"), cwd=elsewhere).strip())
    run(str(python), "-I", "-c", "import tripletmine.compat.sentence_transformers", cwd=elsewhere)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a command, or stop with what it said."""
    print("+", *command, flush=True)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        stop(f"exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
    return done.stdout


def stop(message: str) -> None:
    """End the check."""
    sys.exit(f"wheel check: {message}")


if __name__ == "__main__":
    main()
