"""`tripletmine export`: write the best encoder, for use elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, RunDirectory


def export(
    run: RunDirectory,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty folder.", show_default=False)],
    epoch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Epoch whose weights are written; default: the best on validation."),
    ] = None,
    onnx: Annotated[
        bool,
        typer.Option(
            "--onnx",
            help="Also write encoder.onnx, which turns items into embeddings and scores; it is checked against torch.",
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Write the best encoder with all that is needed to load it."""
    with reporting(debug):
        from ....pipeline.run.export.encoder import export_encoder
        from ....pipeline.runfile.load import run_root

        about = export_encoder(run_root(run), out, epoch=epoch, onnx=onnx)
        say(f"wrote the encoder of epoch {about['epoch']} to {out}")
        if onnx:
            same = "embeddings and scores" if about["scores"] else "embeddings"
            say(
                f"encoder.onnx gives the same {same} to {about['onnx_difference']:.0e} of their largest value"
            )
        method = "score" if about["scores"] else "encode"
        say(f"load it: tripletmine.Encoder.load({str(out)!r}).{method}(items)")
