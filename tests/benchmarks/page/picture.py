"""The README's picture: the hardest triplets of a run, as its page shows them.

    tripletmine run letters.toml
    python -m tests.benchmarks.page.picture letters.toml

Needs Chromium. Writes deploy/site/report.webp.
"""

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from tripletmine.pipeline.report.report import write_report

OUT = Path(__file__).parents[3] / "deploy/site/report.webp"
CARDS = 6
"""Triplets in the picture, in rows of two."""
WIDTH, BELOW = 1280, 12
MOST_BYTES = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the README's picture of a run.")
    parser.add_argument("run", type=Path, help="run directory or run file")
    run = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        write_report(run, page)
        Image.open(io.BytesIO(screenshot(page))).save(OUT, quality=80, method=6)
    size = OUT.stat().st_size
    print(f"{OUT.name}: {size:,} bytes")
    assert size < MOST_BYTES, "the picture is too large for a README"


def screenshot(page: Path) -> bytes:
    """PNG from the heading of the hardest triplets to the end of the last card that is wanted."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", chromium_sandbox=False)
        opened = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme="light")
        opened.goto(page.as_uri())
        section = opened.locator("#hardest").bounding_box()
        last = opened.locator("#hardest li").nth(CARDS - 1).bounding_box()
        assert section is not None
        assert last is not None
        height = last["y"] + last["height"] - section["y"] + BELOW
        clip = {"x": 0.0, "y": section["y"], "width": float(WIDTH), "height": height}
        png = opened.screenshot(full_page=True, clip=clip)  # pyright: ignore[reportArgumentType]
        browser.close()
        return png


if __name__ == "__main__":
    main()
