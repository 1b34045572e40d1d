"""Make the page of a run, or of a folder of triplets."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..errors import SpecError, UnavailableError
from .content import Content
from .gather import gather
from .gather_pairs import gather_pairs
from .items import Texts, looks_of
from .sections.sample_map import Method
from .sections.suspects import Decided
from .source import Source, open_source, require_one_set


def report_page(
    path: Path,
    *,
    epoch: int | None = None,
    images: bool = True,
    values: str | None = None,
    corpus_values: str | None = None,
    column: str = "text",
    method: Method = "pca",
    decided: Decided = (),
    save: str | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> str:
    """A self-contained HTML page of at most 5 MB; it loads nothing from elsewhere.

    path, epoch: a run directory or its run file, or a folder written by `tripletmine mine`; see `open_triplets`.
    images: show pictures. values, corpus_values, column: tables with a text for each row, shown instead of its key, as
    in `export_triplets`; corpus_values is for the documents of a corpus.
    method: projection of the map, "pca" or "tsne". decided: earlier decisions of the user, which are not asked again.
    save: relative URL that receives all decisions of the page by POST whenever one is made, as text/csv with the header
    decision,key,other_key,label; the page shows any answer but 2xx as not saved.
    note: told what the page contains and lacks.

    Missing or damaged files of the run are named on the page, and sections that need them are left out.
    Raises: SpecError if `path` is neither; UnavailableError without Jinja2 or Pillow; DataError for `values`.
    """
    try:
        from .html.page import carries, render
    except ImportError as error:
        raise UnavailableError(f"a page needs Jinja2 ({error}): pip install 'tripletmine[report]'") from None
    source = open_source(path, epoch)
    if save is not None:
        require_one_set(source, "page to decide in")
    content = _content(source, method, decided)
    looks = looks_of(source, content.rows, images=images, texts=Texts(values, corpus_values, column))
    for what, why in (*content.missing, *looks.missing):
        note(f"not on the page: {what}: {why}")
    note(carries(looks))
    return render(content, looks, save=save, of_page=_of_page(epoch))


def _content(source: Source, method: Method, decided: Decided) -> Content:
    if source.status is None:
        triplets = source.triplets("mine")
        if triplets.corpus is not None:
            return gather_pairs(source, triplets, triplets.corpus)
    return gather(source, method=method, decided=decided)


def _of_page(epoch: int | None) -> list[tuple[str, str]]:
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return [("made", made)] + ([] if epoch is None else [("epoch asked for", str(epoch))])


def write_report(path: Path, out: Path, **options: object) -> int:
    """Write the page to the file `out` atomically; returns its size in bytes. options: those of `report_page`.

    Raises: SpecError if `out` is a folder; what `report_page` raises.
    """
    from ..storage.publish import publish_bytes

    if out.is_dir():
        raise SpecError(f"{out} is a folder: name a file in it, as {out / 'report.html'}")
    page = report_page(path, **options).encode()  # pyright: ignore[reportArgumentType]
    publish_bytes(out, page)
    return len(page)
