"""Manifests: what a finished stage was made from, and what it left."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CorruptError
from .digest import digest_json
from .names import MANIFEST
from .publish import fsync_folder, publish_json
from .receipts import UNREADABLE, FileStamp, Receipt, receipt_from_json
from .regular import NotAFileError, read_regular

SCHEMA = 1
"""Version of what is on disk. Raise it when older directories can no longer be read."""


@dataclass(frozen=True)
class Manifest:
    """A committed stage. `inputs` holds everything that its fingerprint was made from, readable."""

    stage: str
    epoch: int | None
    inputs: Mapping[str, Any]
    receipts: Sequence[Receipt]
    report: Mapping[str, Any]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the inputs: equal fingerprints mean that the stage need not run again."""
        return digest_json(self.inputs)

    @cached_property
    def digest(self) -> str:
        """Digest of inputs and contents, which the stages that read this one count among their inputs."""
        return digest_json([self.fingerprint, [receipt.digest for receipt in self.receipts], self.report])

    @cached_property
    def files(self) -> dict[str, FileStamp]:
        """All files of the stage, relative to its folder."""
        return {name: stamp for receipt in self.receipts for name, stamp in receipt.files.items()}

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(stamp.bytes for stamp in self.files.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish the manifest: from now on the stage is committed."""
    publish_json(
        folder / MANIFEST,
        {
            "schema": SCHEMA,
            "stage": manifest.stage,
            "epoch": manifest.epoch,
            "fingerprint": manifest.fingerprint,
            "digest": manifest.digest,
            "inputs": manifest.inputs,
            "receipts": [receipt.as_json() for receipt in manifest.receipts],
            "report": manifest.report,
        },
    )


def read_manifest(folder: Path, remedy: str = "redo the stage with --from-stage") -> Manifest | None:
    """The manifest of a committed stage, or None where there is none. remedy: ends the error's message.

    Raises: CorruptError when it is damaged or was edited.
    """
    path = folder / MANIFEST
    try:
        text = read_regular(path)
    except FileNotFoundError:
        if path.is_symlink():
            raise CorruptError(f"{path} is a link that leads nowhere: {remedy}") from None
        return None
    except NotAFileError as error:
        raise CorruptError(f"{path} is not a manifest ({error}): {remedy}") from None
    try:
        value = json.loads(text)
        manifest = Manifest(
            stage=str(value["stage"]),
            epoch=None if value["epoch"] is None else int(value["epoch"]),
            inputs=dict(value["inputs"]),
            receipts=tuple(receipt_from_json(entry) for entry in value["receipts"]),
            report=dict(value["report"]),
        )
        intact = (
            value["schema"] == SCHEMA
            and value["fingerprint"] == manifest.fingerprint
            and value["digest"] == manifest.digest
        )
    except UNREADABLE as error:
        raise CorruptError(f"{path} is not a manifest ({type(error).__name__}: {error}): {remedy}") from None
    if not intact:
        raise CorruptError(f"{path} does not match its own digest: {remedy}")
    return manifest


def remove_manifest(folder: Path) -> None:
    """Make a committed stage one that is not."""
    (folder / MANIFEST).unlink()
    fsync_folder(folder)


def has_manifest(folder: Path) -> bool:
    """Whether a stage was committed, be its manifest readable or not."""
    return os.path.lexists(folder / MANIFEST)  # a link that leads nowhere, too
