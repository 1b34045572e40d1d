"""Manifests: the inputs and output files of a finished stage."""

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
"""Version of the format on disk. Raise it when older directories can no longer be read."""


@dataclass(frozen=True)
class Manifest:
    """The record of a committed stage. inputs: everything from which its fingerprint is made, in readable form."""

    stage: str
    epoch: int | None
    inputs: Mapping[str, Any]
    receipts: Sequence[Receipt]
    report: Mapping[str, Any]

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the inputs. If it is unchanged, the stage need not run again."""
        return digest_json(self.inputs)

    @cached_property
    def digest(self) -> str:
        """Digest of inputs, files and report, which is an input of the stages that read this one."""
        return digest_json([self.fingerprint, [receipt.digest for receipt in self.receipts], self.report])

    @cached_property
    def files(self) -> dict[str, FileStamp]:
        """All files of the stage, relative to its folder."""
        return {name: stamp for receipt in self.receipts for name, stamp in receipt.files.items()}

    @property
    def bytes(self) -> int:
        """Total size of the files."""
        return sum(stamp.bytes for stamp in self.files.values())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish the manifest, which commits the stage."""
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
    """The manifest of a stage, or None if the stage is not committed. remedy: the end of the error's message.

    Raises: CorruptError if the manifest is damaged or was edited.
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
    """Delete the manifest, after which the stage is no longer committed."""
    (folder / MANIFEST).unlink()
    fsync_folder(folder)


def has_manifest(folder: Path) -> bool:
    """Whether the stage is committed, even if its manifest is not readable."""
    return os.path.lexists(folder / MANIFEST)  # true of a dangling link, too
