"""Copies, in the run directory, of the user's own files for [encoder], so that every worker can read them."""

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
    """The copies whose content no longer matches the digest in their name."""
    # Earlier versions left Python's __pycache__ there, which is no longer read.
    copies = sorted((root / ENCODER_FOLDER).glob("[!._]*"))
    return [path for path in copies if not path.is_file() or digest_file(path)[:16] != path.stem]


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """The user's own files for [encoder], of which the run keeps copies.

    reference: what to load; a file is relative to the run directory. weights: initial weights, relative to it.
    copies: name in the run directory → the user's file.
    """

    reference: str
    weights: str | None
    copies: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """Digest of code and weights: editing them changes the fingerprint of every stage."""
        return digest_json(sorted(self.copies))


def encoder_files(spec: RunSpec) -> EncoderFiles:
    """The files that the run file names. Raises: SpecError for a missing file."""
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
    """Copy the files into the run directory, unless intact copies exist."""
    for name, source in files.copies.items():
        # Replace a damaged copy before anything runs it.
        copy = root / name
        if not copy.is_file():
            discard(copy)
        if not copy.exists() or digest_file(copy) != digest_file(source):
            with published(root / name) as partial:
                shutil.copyfile(source, partial)
