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
        str | None, typer.Option(metavar="CRON", help='Cron expression in UTC, e.g. "0 3 * * *".')
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Interval between runs, e.g. 90s, 30m, 1h or 1d.")
    ] = None,
    new_data: Annotated[
        bool,
        typer.Option(
            "--new-data/--no-new-data",
            help="If the data have changed since the last run: redo the whole run with the new data, or fail.",
        ),
    ] = True,
    debug: Debug = False,
) -> None:
    """Run on a schedule until interrupted.

    The schedule is kept by the Prefect server at PREFECT_API_URL, or by a private server that ends with this process.
    To open the private server in a browser, set its key: PREFECT_SERVER_API_AUTH_STRING=name:password.
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
        # Errors in data or run directory are reported now, not when the first run is due.
        with suppress(LockedError, *([StaleError] if new_data else [])), open_run(spec):
            pass

        def meanwhile() -> None:
            if cron is not None:
                require_cron(cron)

        with prefect_api(spec.root, web_ui=True, debug=debug, meanwhile=meanwhile) as url:
            say(f"serving {spec.run.name} with {url}; Ctrl-C ends it", err=True)
            serve_run(run_file, spec.run.name, cron=cron, every=duration, new_data=new_data)
