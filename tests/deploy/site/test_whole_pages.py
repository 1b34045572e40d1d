"""The pages as their readers use them: all commands in order, all notebooks. `make docs-run` takes some minutes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from .pages import SITE, blocks, program
from .test_programs import asked, labelled

pytestmark = pytest.mark.docs

NOT_HERE = ("pip ", "make ", "tripletmine review", "tripletmine serve", "tripletmine init cub")
"""Commands that are left out: they install, wait for a person, or read a data set that is not here."""


@pytest.fixture(autouse=True)
def an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def follow(page: str, then: Callable[[str], None] = lambda command: None) -> None:
    """Run the shell commands of a page in order. then: called with each command when it has ended."""
    for block in blocks("bash"):
        if not block.place.startswith(f"deploy/site/{page}:"):
            continue
        for command in block.text.replace("\\\n", " ").splitlines():
            if command.strip() and not command.startswith(NOT_HERE):
                ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
                assert ended.returncode == 0, f"{block.place}: {command}\n{ended.stdout}{ended.stderr}"
                then(command)


def draw(path: Path, label: int, seed: int) -> None:
    """A picture of 8 × 8 coloured squares that belong to the label, with some noise."""
    colours = np.random.default_rng(label).integers(0, 256, (8, 8, 3))
    noise = np.random.default_rng(seed).integers(-60, 60, (8, 8, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(colours + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).resize((80, 80), Image.Resampling.NEAREST).save(path)


def test_the_tutorial():
    follow("tutorial.md")
    assert Path("report.html").exists()
    names: dict[str, Any] = {"images": np.zeros((20, 24, 24), np.uint8)}
    exec(program("deploy/site/tutorial.md", "tm.Encoder"), names)
    assert names["found"].ids.shape == (20, 10)
    exec(program("deploy/site/tutorial.md", "polars"), {})


def test_own_images():
    for label in range(30):
        for image in range(10):
            draw(Path(f"images/bird {label}/{image}.png"), label, seed=100 * label + image)
    for name in "abc":
        draw(Path(f"{name}.jpg"), ord(name), seed=0)

    def edit(command: str) -> None:
        run_file = Path("birds.toml")
        if command.startswith("tripletmine init"):
            run_file.write_text(run_file.read_text().replace("epochs = 20", "epochs = 3"))
        if command.startswith("tripletmine report"):
            Path("review.csv").write_text("decision,key,other_key,label\nexclude,bird 0/0.png,,\n")
            run_file.write_text(run_file.read_text().replace("[data]", '[data]\nreview = "review.csv"'))

    follow("images.md", then=edit)
    assert Path("birds-encoder/encoder.onnx").exists()
    names: dict[str, Any] = {}
    exec(program("deploy/site/images.md", "tm.Encoder"), names)
    assert sorted(names["nearest"]) == ["b.jpg", "c.jpg"]


def test_an_encoder_of_the_readers_own():
    names: dict[str, Any] = {}
    exec(program("deploy/site/images.md", "nn.Sequential"), names)
    encoder = names["build"](input_shape=(3, 64, 64), embedding_dim=16, width=8)
    assert encoder(torch.zeros(2, 3, 64, 64)).shape == (2, 16)


def test_own_vectors():
    names = labelled()
    np.save("vectors.npy", names["vectors"])
    np.save("labels.npy", names["labels"])
    Path("texts.csv").write_text("text\n" + "".join(f"text {row}\n" for row in range(400)))
    follow("vectors.md")
    assert Path("train.jsonl").exists()


def test_own_queries():
    names = asked()
    for name, letter in (("queries", "q"), ("corpus", "d")):
        vectors = names[name].astype(np.float32)
        keys = [f"{letter}{row}" for row in range(len(vectors))]
        pq.write_table(pa.table({"key": keys, "vector": list(vectors)}), f"{name}.parquet")
        Path(f"{name}.csv").write_text("key,text\n" + "".join(f"{key},text of {key}\n" for key in keys))
    pairs = "".join(f"q{query},d{document}\n" for query, document in names["relevant"])
    Path("pairs.csv").write_text("query,document\n" + pairs)
    Path("teacher.py").write_text(
        "def score(queries, documents):\n    return [hash(pair) % 7 for pair in documents]\n"
    )
    follow("queries.md")
    assert "text of q0" in Path("triplets.jsonl").read_text()


@pytest.mark.parametrize("path", sorted(SITE.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook(path, tmp_path):
    import nbformat  # pyright: ignore[reportMissingImports]
    from nbclient import NotebookClient  # pyright: ignore[reportMissingImports]

    notebook = nbformat.read(path, as_version=4)
    said = _printed(notebook)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert _printed(notebook) == said


def _printed(notebook: Any) -> list[str]:
    """What each cell prints, without numbers: what a run ends with depends on the processor. Values and pictures depend
    on versions of other libraries."""
    # How often a kernel flushes, and so how many outputs a cell has, depends on timing.
    cells = (
        [output.text for output in cell.get("outputs", ()) if output.get("text")] for cell in notebook.cells
    )
    return [re.sub(r"\d[\d.,]*", "…", "".join("".join(text) for text in texts)) for texts in cells]
