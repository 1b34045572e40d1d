"""WordNet as a reverse dictionary: a query is a definition, the corpus is all words, its synset's are relevant."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path("/usr/share/wordnet")
"""Where Debian's package wordnet-base puts the files data.noun, data.verb, data.adj and data.adv."""

_TEST_PERCENT = 20
_MARKER = re.compile(r"\((a|p|ip)\)$")
"""How an adjective's place in a sentence is noted after the word (wndb(5WN))."""


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Definitions of one split, and the words that they define.

    definitions: Q texts. words: C texts, the same for all splits, sorted. pairs: int64 (P, 2), a definition and a word
    that it defines.
    """

    definitions: list[str]
    words: list[str]
    pairs: NDArray[np.int64]


def read_dictionary(split: str, folder: Path = FOLDER) -> Dictionary:
    """The definitions whose words are all of a split: "train", or "test" (a fifth of the words, by their hash).

    Definitions with words of both are left out, and so are those that name a word that they define.
    """
    synsets = [each for part in ("noun", "verb", "adj", "adv") for each in _synsets(folder / f"data.{part}")]
    words = sorted({word for defined, _ in synsets for word in defined})
    row_of = {word: row for row, word in enumerate(words)}
    definitions: list[str] = []
    pairs: list[tuple[int, int]] = []
    for defined, definition in synsets:
        if {_split_of(word) for word in defined} == {split} and not _names_one(definition, defined):
            pairs += [(len(definitions), row_of[word]) for word in dict.fromkeys(defined)]
            definitions.append(definition)
    return Dictionary(definitions, words, np.array(pairs, np.int64))


def validation_of(train: Dictionary) -> tuple[Dictionary, Dictionary]:
    """The definitions to train on, and those to choose by: a tenth of the words, by their hash, that no other split
    has. Definitions with words of both are left out."""
    held = np.array([_hash(word)[2] < 26 for word in train.words])
    of_held = held[train.pairs[:, 1]]
    words = np.bincount(train.pairs[:, 0])
    kept = np.bincount(train.pairs[:, 0], of_held)
    return _those(train, kept == 0), _those(train, kept == words)


def related_words(dictionary: Dictionary) -> list[set[int]]:
    """For each definition the words that share another definition with a word that it defines: its synonyms there."""
    queries, words = dictionary.pairs.T
    defined: dict[int, set[int]] = {}
    meant: dict[int, set[int]] = {}
    for query, word in zip(queries.tolist(), words.tolist(), strict=True):
        defined.setdefault(query, set()).add(word)
        meant.setdefault(word, set()).add(query)
    return [
        {other for word in defined[query] for sense in meant[word] for other in defined[sense]}
        - defined[query]
        for query in range(len(dictionary.definitions))
    ]


def _those(dictionary: Dictionary, chosen: NDArray[np.bool_]) -> Dictionary:
    place = np.cumsum(chosen) - 1
    pairs = dictionary.pairs[chosen[dictionary.pairs[:, 0]]]
    definitions = [each for each, there in zip(dictionary.definitions, chosen, strict=True) if there]
    return Dictionary(definitions, dictionary.words, np.stack([place[pairs[:, 0]], pairs[:, 1]], axis=1))


def _synsets(path: Path) -> list[tuple[list[str], str]]:
    """Words and definition of each synset of a file; its format is that of wndb(5WN)."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith(" "):  # the licence
            continue
        fields, _, gloss = line.partition(" | ")
        names = fields.split()[4 : 4 + 2 * int(fields.split()[3], 16) : 2]
        words = [_MARKER.sub("", name).replace("_", " ") for name in names]
        found.append((words, re.split(r'; ?"', gloss)[0].strip().rstrip(";")))
    return found


def _split_of(word: str) -> str:
    digest = _hash(word)
    return "test" if digest[0] * 256 + digest[1] < 65_536 * _TEST_PERCENT // 100 else "train"


def _hash(word: str) -> bytes:
    return hashlib.sha256(word.lower().encode()).digest()


def _names_one(definition: str, words: list[str]) -> bool:
    text = f" {re.sub(r'[^a-z0-9]+', ' ', definition.lower())} "
    return any(f" {re.sub(r'[^a-z0-9]+', ' ', word.lower()).strip()} " in text for word in words)
