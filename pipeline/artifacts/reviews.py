"""reviews/DIGEST.csv: the reviews that mining and the evaluation of held-out rows follow."""

from pathlib import Path

from ..data.review.csv_file import parse_review, read_review, review_bytes
from ..data.review.decisions import Review
from ..errors import CorruptError, DataError
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_bytes
from ..storage.regular import read_regular

REVIEWS = "reviews"


def keep_review(root: Path, review: Review) -> str | None:
    """Store a review in the run directory, unless it is there already. Returns its digest; None if it is empty."""
    digest = review.digest()
    if digest is not None:
        path, content = _path(root, digest), review_bytes(review)
        if not path.exists() or path.read_bytes() != content:
            publish_bytes(path, content)
    return digest


def kept_review(root: Path, digest: str | None) -> Review:
    """The review with this digest; an empty one for None. Raises: CorruptError if its file is missing or differs."""
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
    """The review in the current file of data.review; an empty one if the key is not set or the file does not exist.

    Raises: DataError for a file that cannot be read.
    """
    path = review_path(spec)
    return read_review(path) if path is not None and path.exists() else Review()


def review_path(spec: RunSpec) -> Path | None:
    """Path of the review of a run file, whether it exists or not; None if data.review is not set."""
    return None if spec.data.review is None else Path(spec.base) / Path(spec.data.review).expanduser()


def _path(root: Path, digest: str) -> Path:
    return root / REVIEWS / f"{digest[:16]}.csv"
