"""reviews/DIGEST.csv: the reviews with which the epochs of a run were mined, and held-out rows evaluated."""

from pathlib import Path

from ..data.review.csv_file import parse_review, read_review, review_bytes
from ..data.review.decisions import Review
from ..errors import CorruptError, DataError
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_bytes
from ..storage.regular import read_regular

REVIEWS = "reviews"


def keep_review(root: Path, review: Review) -> str | None:
    """Keep a review with the run, where it is not there yet; returns its digest, None for one without decisions."""
    digest = review.digest()
    if digest is not None:
        path, content = _path(root, digest), review_bytes(review)
        if not path.exists() or path.read_bytes() != content:
            publish_bytes(path, content)
    return digest


def kept_review(root: Path, digest: str | None) -> Review:
    """The review with this digest. Raises: CorruptError where its file is gone or is another one."""
    if digest is None:
        return Review()
    path = _path(root, digest)
    try:
        review = parse_review(read_regular(path), str(path))
    except (OSError, DataError):
        review = Review()
    if review.digest() != digest:
        raise CorruptError(
            f"{path} is gone or damaged: delete it, the next run writes it again from data.review; of an earlier "
            "review restore it"
        )
    return review


def review_of_spec(spec: RunSpec) -> Review:
    """The review that the run file names, as its file is now; without decisions where it names none, or has none yet.

    Raises: DataError for a file that cannot be read.
    """
    path = review_path(spec)
    return read_review(path) if path is not None and path.exists() else Review()


def review_path(spec: RunSpec) -> Path | None:
    """Where the review of a run file is, or is to be."""
    return None if spec.data.review is None else Path(spec.base) / Path(spec.data.review).expanduser()


def _path(root: Path, digest: str) -> Path:
    return root / REVIEWS / f"{digest[:16]}.csv"
