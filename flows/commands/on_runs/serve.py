"""`tripletmine serve`: run on a schedule."""

from contextlib import suppress
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, RunFile


def serve(
    run_file: RunFile,
    cron: Annotated[
        str | None, typer.Option(metavar="CRON", help='When to run, in UTC, as in "0 3 * * *".')
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How often to run, as in 90s, 30m, 1h or 1d.")
    ] = None,
    new_data: Annotated[
        bool,
        typer.Option(
            "--new-data/--no-new-data",
            help="Where the data have changed since the last time, do all of the run again with them; or fail.",
        ),
    ] = True,
    debug: Debug = False,
) -> None:
    """Run on a schedule until interrupted.

    The schedule lives on the server that PREFECT_API_URL names, or on a private one that ends with this process. To
    look at that one in a browser, choose its key: PREFECT_SERVER_API_AUTH_STRING=name:password.
    """
    with reporting(debug):
        from ....pipeline.errors import LockedError, SpecError, StaleError
        from ....pipeline.run.directory import open_run
        from ....pipeline.runfile.load import load_spec
        from ...prefect_server.server import prefect_api
        from ...serve import parse_every, require_cron, serve_run

        if (cron is None) == (every is None):
            raise SpecError("serve needs either --cron or --every: for example --every 1h")
        duration = None if every is None else parse_every(every)
        spec = load_spec(run_file)
        # What is wrong with data or directory is told now, not at three at night.
        with suppress(LockedError, *([StaleError] if new_data else [])), open_run(spec):
            pass

        def meanwhile() -> None:
            if cron is not None:
                require_cron(cron)

        with prefect_api(spec.root, web_ui=True, debug=debug, meanwhile=meanwhile) as url:
            say(f"serving {spec.run.name} with {url}; Ctrl-C ends it", err=True)
            serve_run(run_file, spec.run.name, cron=cron, every=duration, new_data=new_data)
