"""Copies of the user's own files behind [encoder], which every worker sees."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SpecError
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_file, digest_json
from ..storage.publish import discard, published
from .weights import ENCODER_FILE

ENCODER_FOLDER = "encoder"


def damaged_copies(root: Path) -> list[Path]:
    """Copies of the user's encoder, which are named by their content, that have another one."""
    # Earlier versions left Python's __pycache__ there, which is not read any more.
    copies = sorted((root / ENCODER_FOLDER).glob("[!._]*"))
    return [path for path in copies if not path.is_file() or digest_file(path)[:16] != path.stem]


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """The user's own files behind [encoder]: the run has copies, which every worker sees.

    reference: what to load, relative to the run where it is a file. weights: start weights, relative to the run.
    copies: name in the run → the user's file.
    """

    reference: str
    weights: str | None
    copies: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """Of code and weights: editing them changes the fingerprint of every stage."""
        return digest_json(sorted(self.copies))


def encoder_files(spec: RunSpec) -> EncoderFiles:
    """The files that the run file names. Raises: SpecError for one that is not there."""
    copies: dict[str, Path] = {}

    def copied(key: str, value: str, path: str) -> str:
        source = Path(spec.base) / path
        if key == "encoder.weights" and source.is_dir():
            source /= ENCODER_FILE  # of an exported encoder
        if not source.is_file():
            raise SpecError(f"{key} is {value} but there is no file {source}: correct the path")
        name = f"{ENCODER_FOLDER}/{digest_file(source)[:16]}{source.suffix}"
        copies[name] = source
        return name

    reference = spec.encoder.name
    where, _, factory = reference.rpartition(":")
    if where.endswith(".py"):
        reference = f"{copied('encoder.name', spec.encoder.name, where)}:{factory}"
    weights = spec.encoder.weights
    if weights is not None:
        weights = copied("encoder.weights", weights, weights)
    return EncoderFiles(reference, weights, copies)


def keep_copies(root: Path, files: EncoderFiles) -> None:
    """Copy the files into the run directory, where they are not there whole already."""
    for name, source in files.copies.items():
        # A copy is named by its content, so a damaged one is known, and replaced before anybody runs it.
        copy = root / name
        if not copy.is_file():
            discard(copy)
        if not copy.exists() or digest_file(copy) != digest_file(source):
            with published(root / name) as partial:
                shutil.copyfile(source, partial)
