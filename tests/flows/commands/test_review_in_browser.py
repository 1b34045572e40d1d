"""The served page in Chromium: what is decided on it is saved to disk."""

import threading
from pathlib import Path

import numpy as np
import pytest
from tripletmine.flows.review_server import SAVE, ReviewFile, ReviewServer
from tripletmine.pipeline.data.review.csv_file import read_review
from tripletmine.pipeline.data.review.decisions import Review
from tripletmine.pipeline.report.report import report_page
from tripletmine.pipeline.standalone.mine_files import mine_files

pytestmark = pytest.mark.system


def test_a_decision_is_saved_as_it_is_made(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    generator = np.random.default_rng(0)
    centres = np.repeat(generator.normal(size=(3, 8)), 40, axis=0)
    labels = np.repeat(["ash", "elm", "oak"], 40)
    labels[::15] = "elm"
    np.savez(tmp_path / "trees.npz", vectors=centres + generator.normal(size=(120, 8)) / 4, labels=labels)
    mine_files(tmp_path / "trees.npz", None, tmp_path / "mined", normalise=True)
    path = tmp_path / "review.csv"
    page = report_page(tmp_path / "mined", save=SAVE)
    with ReviewServer(page.encode(), ReviewFile(path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with sync_playwright() as browsers:
                browser = browsers.chromium.launch(
                    executable_path="/usr/bin/chromium", chromium_sandbox=False
                )
                tab = browser.new_page()
                problems: list[str] = []
                tab.on("console", lambda message: problems.append(message.text))
                tab.goto(server.url)
                tab.locator("input[value=exclude]").first.check()
                tab.locator("#told", has_text="1 decided, saved").wait_for(timeout=10_000)
                assert len(read_review(path).excluded) == 1
                tab.locator("input[value='']").first.check()
                tab.locator("#told", has_text="0 decided, saved").wait_for(timeout=10_000)
                browser.close()
        finally:
            server.shutdown()
            thread.join()
    assert read_review(path) == Review()
    assert problems == []
