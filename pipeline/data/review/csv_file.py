"""Read and write a review as a CSV file, which the page, `tripletmine review` or a person writes."""

import csv
import io
import re
from pathlib import Path
from typing import TypeAlias, cast

from ...errors import DataError
from ...storage.publish import publish_bytes
from ...storage.regular import read_regular
from .decisions import KINDS, Kind, Pair, Review, pair_of

HEADER = ("decision", "key", "other_key", "label")

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""Start of a cell that a spreadsheet would take for a formula, perhaps already escaped by apostrophes."""


def read_review(path: Path) -> Review:
    """The decisions in a file.

    Blank lines, repetitions, and cells that a decision does not use (such as the label of an exclude) are ignored.
    Raises: DataError for a file that is missing or is not UTF-8 CSV with this header; also, naming the line, for an
    unknown decision, a missing cell, or contradictory decisions on a row or pair.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise DataError(
            f"the review {path} cannot be read ({error.strerror}): correct its path, or give this user read access"
        ) from None
    return parse_review(content, str(path))


def parse_review(content: bytes, name: str) -> Review:
    """The decisions in the content of a file. name: for messages. Raises: see `read_review`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the review {name} is not UTF-8 (byte {error.start:,} is {content[error.start]:#x}): save it as UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    known: _Decided = {}
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        if header != HEADER:
            raise DataError(
                f'the review {name} begins with "{",".join(header)[:100]}": its first line must be '
                f'"{",".join(HEADER)}", with commas'
            )
        for cells in reader:
            if any(cells):
                _add(known, name, reader.line_num, cells)
    except csv.Error as error:
        raise DataError(
            f"the review {name}, line {reader.line_num}, is not CSV ({error}): correct the line"
        ) from None
    return _review_of(known)


def review_bytes(review: Review) -> bytes:
    """The content of a review's file; the inverse of `parse_review`. Cells are escaped against spreadsheet formulas."""
    page = io.StringIO(newline="")
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([_shown(cell) for cell in line] for line in review.lines())
    return page.getvalue().encode()


def write_review(path: Path, review: Review) -> None:
    """Write the file atomically."""
    publish_bytes(path, review_bytes(review))


def _shown(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _meant(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


_Decided: TypeAlias = dict[str | Pair, tuple[Kind, str, int]]
"""Decision, label and line, by the key of a row or by a pair."""


def _add(known: _Decided, name: str, number: int, cells: list[str]) -> None:
    def wrong(what: str, remedy: str) -> DataError:
        return DataError(f"the review {name}, line {number}, {what}: {remedy}")

    if len(cells) > len(HEADER):
        raise wrong(f"has {len(cells)} cells", f"write {', '.join(HEADER)}")
    decision, key, other, label = (_meant(cell) for cell in [*cells, *[""] * (len(HEADER) - len(cells))])
    if decision not in KINDS:
        raise wrong(f'has the decision "{decision[:50]}"', f"write one of {', '.join(KINDS)}")
    kind = cast("Kind", decision)
    if not key:
        raise wrong(f"has no key to {kind}", "name the row")
    if kind == "never_negative" and not other:
        raise wrong("has a pair without other_key", "name the second row")
    if kind == "relabel" and not label.strip():
        raise wrong(f'has no label for "{key[:50]}"', "give the new label, or exclude the row")
    of_pair = kind == "never_negative" or (kind == "keep" and bool(other))
    if of_pair and key == other:
        raise wrong(f'pairs "{key[:50]}" with itself', "name two rows, or remove the line")
    label = label.strip() if kind == "relabel" else ""
    before = known.setdefault(pair_of(key, other) if of_pair else key, (kind, label, number))
    if before[:2] != (kind, label):
        subject = f'the pair "{key[:50]}" and "{other[:50]}"' if of_pair else f'"{key[:50]}"'
        raise wrong(
            f"says {_told(kind, label)} of {subject}, of which line {before[2]} says {_told(*before[:2])}",
            "leave one of the two",
        )


def _told(kind: Kind, label: str) -> str:
    return f'{kind} "{label[:50]}"' if label else kind


def _review_of(known: _Decided) -> Review:
    rows = {of: said for of, said in known.items() if isinstance(of, str)}
    pairs = {of: said for of, said in known.items() if not isinstance(of, str)}
    return Review(
        relabelled={key: label for key, (kind, label, _) in rows.items() if kind == "relabel"},
        excluded=frozenset(key for key, said in rows.items() if said[0] == "exclude"),
        kept=frozenset(key for key, said in rows.items() if said[0] == "keep"),
        never_negatives=frozenset(pair for pair, said in pairs.items() if said[0] == "never_negative"),
        kept_pairs=frozenset(pair for pair, said in pairs.items() if said[0] == "keep"),
    )


def merged(*reviews: Review) -> Review:
    """Several reviews as one; the last decision on a row or pair counts."""
    known: _Decided = {}
    for review in reviews:
        for kind, key, other, label in review.lines():
            known[pair_of(key, other) if other else key] = (kind, label, 0)
    return _review_of(known)
