"""Three real data sets to make pages of: glyphs, emoji of four vendors, and definitions of WordNet as vectors."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tripletmine as tm
from benchmarks import emoji, glyphs
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

NOUNS = Path("/usr/share/wordnet/data.noun")
EMOJI = [f"emoji-datasource-{vendor}@16.0.0" for vendor in emoji.VENDORS]
CHARACTERS = 240
"""Every twelfth of the glyphs' characters."""

_RUN = """
[run]
name = "{name}"
epochs = 3
report = true

[data]
{data}
split = "zero-shot"

[encoder]
embedding_dim = 32

[graph]
neighbours = 40

[train]
classes_per_batch = 24
images_per_class = 4
"""


def glyph_run(folder: Path) -> Path:
    """Do a short run on glyphs, or what is left of it; returns its directory."""
    if (folder / "glyphs.npy").exists():
        return run(folder, "glyphs")
    texts = glyphs.characters()[:: 2965 // CHARACTERS][:CHARACTERS]
    rendered = [glyphs.render(path, texts) for path in glyphs.font_files(every=False)]
    names = [path.stem for path in glyphs.font_files(every=False)]
    rows = [
        (f"{text} {name}", text)
        for name, (_, there) in zip(names, rendered, strict=True)
        for text, has in zip(texts, there.tolist(), strict=True)
        if has
    ]
    np.save(folder / "glyphs.npy", np.concatenate([images[there] for images, there in rendered]))
    keys, labels = zip(*rows, strict=True)
    pq.write_table(pa.table({"key": keys, "label": labels}), folder / "glyphs.parquet")
    return run(folder, "glyphs", 'kind = "arrays"\npath = "glyphs.npy"\nlabels = "glyphs.parquet"')


def emoji_run(folder: Path) -> Path:
    """Do a short run on emoji as four vendors draw them, fetched by npm; returns its directory."""
    if (folder / "emoji.csv").exists():
        return run(folder, "emoji")
    subprocess.run(["npm", "install", "--prefix", str(folder), *EMOJI], check=True, stdout=subprocess.DEVNULL)
    there = list(emoji.pictures(folder / "node_modules"))
    wanted = sorted({label for label, *_ in there})[::5]
    lines = [
        f"node_modules/{source}/{name},{label}" for label, _, source, name in there if label in set(wanted)
    ]
    (folder / "emoji.csv").write_text("path,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return run(folder, "emoji", 'kind = "table"\npath = "emoji.csv"\nimage_size = 32')


def run(folder: Path, name: str, data: str | None = None) -> Path:
    """Start or continue a run by the command line. data: for the run file, if there is none yet."""
    if data is not None:
        (folder / f"{name}.toml").write_text(_RUN.format(name=name, data=data), encoding="utf-8")
    command = [Path(sys.executable).with_name("tripletmine"), "run", folder / f"{name}.toml", "--no-prefect"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "runs" / name


def synsets() -> list[str]:
    """The nouns of WordNet, without its licence."""
    return [line for line in NOUNS.read_text("utf-8").splitlines() if not line.startswith(" ")]


def definitions() -> Iterator[tuple[str, str, str]]:
    """Word, definition and the number of the synset above, of every noun of WordNet that has one above."""
    for line in synsets():
        synset, _, definition = line.partition(" | ")
        above = re.search(r" @ (\d{8}) n", synset)
        if above:
            yield synset.split()[4].replace("_", " "), definition.strip(), above[1]


def text_folder(folder: Path) -> tuple[Path, Path]:
    """Definitions as vectors (TF-IDF, then singular values), mined with the synset above each as its label.

    Returns the folder of triplets, and the table with the texts.
    """
    names = {line[:8]: line.split()[4].replace("_", " ") for line in synsets()}
    found = list(definitions())
    sizes: dict[str, int] = {}
    for *_, above in found:
        sizes[above] = sizes.get(above, 0) + 1
    rows = [each for each in found if 12 <= sizes[each[2]] <= 60][::3]
    texts = [f"{word}: {definition}" for word, definition, _ in rows]
    weighed = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts)
    vectors = TruncatedSVD(128, random_state=0).fit_transform(weighed).astype(np.float32)
    kept = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 1e-6)
    np.save(folder / "definitions.npy", vectors[kept])
    columns = {
        "key": [f"{rows[row][0]} ({row})" for row in kept.tolist()],
        "label": [names[rows[row][2]] for row in kept.tolist()],
    }
    pq.write_table(pa.table(columns), folder / "labels.parquet")
    pq.write_table(pa.table({"text": [texts[row] for row in kept.tolist()]}), folder / "texts.parquet")
    tm.mine_files(
        folder / "definitions.npy", folder / "labels.parquet", folder / "mined", normalise=True, neighbours=60
    )
    return folder / "mined", folder / "texts.parquet"
