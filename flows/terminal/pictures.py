"""The lines of `check` about pictures: how many were tried, which are converted when read, which are left out."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...pipeline.data.pictures.examine import Examined
    from ...pipeline.data.pictures.picture_set import PictureSet

_KINDS = 8
"""Maximum number of kinds that are listed one by one."""


def counts(found: "Mapping[str, int]") -> str:
    """The most frequent kinds with their counts, and the number of all others."""
    told = ", ".join(
        f"{count:,} {what}" for what, count in sorted(found.items(), key=lambda item: -item[1])[:_KINDS]
    )
    others = sum(sorted(found.values(), reverse=True)[_KINDS:])
    return told + (f", {others:,} others" if others else "")


def picture_lines(data: "PictureSet", examined: "Examined") -> Iterator[tuple[str, str]]:
    """Lines about pictures for the table of `check`."""
    tried = "all" if examined.read == examined.pictures else f"{examined.read:,} of {examined.pictures:,}"
    hint = "" if tried == "all" else " (--read-all tries all)"
    unreadable = f"{len(examined.unreadable):,} cannot be read" if examined.unreadable else "all can be read"
    yield "pictures", f"{tried} tried, {unreadable}{hint}"
    if examined.transparent:
        yield (
            "",
            f"{examined.transparent:,} of them with transparent pixels, as {examined.first_transparent}: "
            f"laid on {data.decoding.background} (data.background)",
        )
    if examined.animated:
        yield "", f"{examined.animated:,} of them with several frames or pages: the first is read"
    if data.linked:
        yield "", f"{data.linked:,} are reached by links"
    if found := data.outside():
        yield "outside", f"of {data.folder}: {counts(found)}"
    if data.left_out:
        kinds = sorted(data.left_out.items(), key=lambda item: (-item[1], item[0]))
        told = ", ".join(f"{count:,} {kind}" for kind, count in kinds[:_KINDS])
        others = sum(count for _, count in kinds[_KINDS:])
        yield "left out", told + (f", {others:,} of other kinds" if others else "")
