"""Static token vectors, fine-tuned to find words by their definitions."""

import time
from dataclasses import dataclass

import numpy as np
import torch
import tripletmine as tm
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from .data import Dictionary
from .encoders import wordllama

BATCH, TEMPERATURE = 512, 0.05


@dataclass(frozen=True, slots=True)
class Tokens:
    """ids: of all texts, one after the other. starts: int64 (N + 1,)."""

    ids: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: list[str]) -> "Tokens":
        """Tokenise texts with wordllama's tokenizer."""
        _, tokenizer = wordllama()
        found = [each.ids for each in tokenizer.encode_batch(texts, add_special_tokens=False)]
        lengths = np.array([len(ids) for ids in found])
        return cls(np.concatenate(found).astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]))

    def some(self, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """ids and offsets of some texts, as `EmbeddingBag` takes them."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        offsets = np.cumsum(lengths) - lengths
        places = np.arange(lengths.sum()) + np.repeat(self.starts[rows] - offsets, lengths)
        return torch.from_numpy(self.ids[places]), torch.from_numpy(offsets)


class StaticVectors(nn.Module):
    """The mean of a text's token vectors, scaled to unit length."""

    def __init__(self) -> None:
        super().__init__()
        weights, _ = wordllama()
        self.tokens = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(weights.copy()), freeze=False, mode="mean", sparse=True
        )

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """float32 (N, 256)."""
        return functional.normalize(self.tokens(ids, offsets))

    @torch.no_grad()
    def vectors(self, tokens: Tokens) -> NDArray[np.float32]:
        """The vectors of all texts."""
        rows = np.arange(len(tokens.starts) - 1)
        return np.concatenate(
            [self(*tokens.some(rows[start : start + 8192])).numpy() for start in range(0, len(rows), 8192)]
        )


def trained(
    definitions: Tokens,
    words: Tokens,
    relevant: NDArray[np.int64],
    negatives: NDArray[np.int64],
    *,
    rate: float,
    steps: int,
    seed: int,
) -> tuple[StaticVectors, float]:
    """The model after this many steps, and the seconds of CPU time that they took.

    The loss is InfoNCE: each definition of a batch chooses one of its words among those of the whole batch and the
    negatives of the whole batch; other words of its own are no candidates.
    relevant: int64 (Q, R), its words, −1 for none. negatives: int64 (Q, n), n may be 0.
    """
    random, began = np.random.default_rng(seed), time.process_time()
    model = StaticVectors()
    optimiser = torch.optim.SparseAdam(list(model.parameters()), lr=rate)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - step / steps)
        rows = random.integers(len(relevant), size=BATCH)
        counts = (relevant[rows] >= 0).sum(axis=1)
        chosen = relevant[rows, (random.random(BATCH) * counts).astype(int)]
        candidates = np.concatenate([chosen, negatives[rows].ravel()])
        scores = model(*definitions.some(rows)) @ model(*words.some(candidates)).T / TEMPERATURE
        own = np.zeros((BATCH, len(candidates)), np.bool_)
        for place in range(counts.max()):
            own |= candidates == relevant[rows, place, None]
        own[np.arange(BATCH), np.arange(BATCH)] = False
        scores = scores.masked_fill(torch.from_numpy(own), -torch.inf)
        optimiser.zero_grad()
        functional.cross_entropy(scores, torch.arange(BATCH)).backward()
        optimiser.step()
    return model, time.process_time() - began


def figures(model: StaticVectors, asked: Dictionary, words: Tokens) -> dict[str, float]:
    """nDCG@10 and MRR@10 of definitions among all words."""
    found = tm.neighbours(
        model.vectors(words),
        10,
        queries=model.vectors(Tokens.of(asked.definitions)),
        method="exact",
        threads=1,
    ).ids
    known = np.unique(asked.pairs[:, 0] * len(asked.words) + asked.pairs[:, 1])
    hits = np.isin(np.arange(len(found))[:, None] * len(asked.words) + found, known)
    gains = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(gains)[np.minimum(np.bincount(asked.pairs[:, 0], minlength=len(found)), 10) - 1]
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    return {"ndcg@10": float((hits @ gains / ideal).mean()), "mrr@10": float(first.mean())}
