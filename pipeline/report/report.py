"""The page of a run, or of a folder of triplets."""

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
    """HTML that needs nothing else: it asks no machine for anything, and weighs 5 MB at most.

    path, epoch: a run directory or its run file, or a folder that `tripletmine mine` wrote; see `open_triplets`.
    images: show pictures. values, corpus_values, column: tables with a text for each row, instead of its key, as in
    `export_triplets`; the second for the corpus, where there is one.
    method: of the map, "pca" or "tsne". decided: what a person has decided on before, and is not asked again.
    save: a relative URL that takes decisions by POST as they are made, all of this page, text/csv with the header
    decision,key,other_key,label; any answer but 2xx is shown as not saved.
    note: hears what the page carries and lacks.

    Files of the run that are gone or damaged are named on the page, and what needs them is left out.
    Raises: SpecError where `path` is neither; UnavailableError without Jinja2 or Pillow; DataError for `values`.
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
    """Write the page to the file `out`, whole or not at all; returns its size in bytes. options: of `report_page`.

    Raises: SpecError where `out` is a folder; what `report_page` raises.
    """
    from ..storage.publish import publish_bytes

    if out.is_dir():
        raise SpecError(f"{out} is a folder: name a file in it, as {out / 'report.html'}")
    page = report_page(path, **options).encode()  # pyright: ignore[reportArgumentType]
    publish_bytes(out, page)
    return len(page)
