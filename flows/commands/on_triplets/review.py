"""`tripletmine review`: decide on suspects in a browser."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, Triplets, in_options


def review(
    triplets: Triplets,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV file of decisions, read and updated; default: the run file's data.review, else ./review.csv.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Show pictures.")] = True,
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Decide on suspects in a browser; decisions are saved at once.

    Serves the page to this machine until Ctrl-C. Its address holds a random token, without which nobody can see it or
    decide.
    """
    with reporting(debug), in_options(review):
        from ....pipeline.report.report import report_page
        from ....pipeline.standalone.triplet_folder import review_file
        from ...review_server import SAVE, ReviewFile, ReviewServer

        path = review_file(triplets) if out is None else out
        file = ReviewFile(path)
        page = report_page(
            triplets, epoch=epoch, images=images, decided=file.before.decided, save=SAVE, note=say
        )
        with ReviewServer(page.encode(), file) as server:
            say(f"decisions go to {path}; Ctrl-C ends it")
            say(server.url)
            with suppress(KeyboardInterrupt):
                server.serve_forever()
        say(f"{len(file.now):,} decisions in {path}, {len(file.now) - len(file.before):,} of them new")
        if len(file.now):
            say(f'mine with them: --review {path}, or data.review = "{path}" in the run file')
