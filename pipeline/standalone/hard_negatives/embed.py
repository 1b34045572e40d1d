"""Embed texts with a model of sentence-transformers. Embeddings can be cached in a folder, by a digest of their
inputs."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.errors import InputError
from ...storage.publish import published

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt put before texts: the name of one of the model's prompts, or a text, which takes precedence."""

    name: str | None
    text: str | None


def embedded(
    texts: list[str],
    encode: Callable[..., Any],
    prompt: Prompt,
    *,
    what: str,
    **options: Any,
) -> NDArray[np.float32]:
    """float32 (N, D): the vectors of texts, of unit length, or zero for texts without a word the model knows.

    encode: ``encode_query`` or ``encode_document`` of a model. what: name of the texts in messages. options: passed on
    to `encode`.
    Raises: InputError for vectors that are not finite, or have a wrong shape.
    """
    found = encode(
        texts,
        normalize_embeddings=True,
        convert_to_numpy=True,
        prompt_name=prompt.name,
        prompt=prompt.text,
        **options,
    )
    vectors = np.ascontiguousarray(as_numpy(found), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise InputError(
            f"the model gave vectors of shape {vectors.shape} for {len(texts)} texts ({what}): it must give one each"
        )
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(wrong):
        raise InputError(
            f"the vector of {what} {wrong[0]}, {texts[wrong[0]][:_SHOWN]!r}, is not finite, nor are "
            f"{len(wrong) - 1} others: leave such texts out, or mend the model"
        )
    return vectors


def as_numpy(values: Any) -> NDArray[Any]:
    """An array, or a tensor on any device and of any type, as a NumPy array."""
    return values.detach().float().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def kept(
    folder: Path, name: str, digest: str, shape_of: int, make: Callable[[], NDArray[np.float32]]
) -> tuple[NDArray[np.float32], Path, bool]:
    """The array in the file ``{name}_{digest}.npy``, which is made and written atomically if it cannot be read.

    shape_of: number of rows that it must have. Returns the array, its file, and whether it was read from the file.
    """
    path = folder / f"{name}_{digest}.npy"
    try:
        vectors = np.load(path, allow_pickle=False)
        if vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == shape_of:
            return vectors, path, True
    except (OSError, ValueError, EOFError):
        pass  # missing or incomplete: made again
    vectors = make()
    with published(path) as partial, partial.open("wb") as file:
        np.save(file, vectors)
    return vectors, path, False


def digest_of(model: Any, prompt: Prompt, role: str, texts: list[str]) -> str:
    """Digest of everything that the vectors depend on: weights, settings and tokeniser of the model, prompt, role,
    texts.

    Raises: InputError for a model whose weights cannot be read.
    """
    if not hasattr(model, "state_dict"):
        raise InputError(
            f"cache_folder is given, but {type(model).__name__} has no weights to tell its vectors by (state_dict): "
            "leave cache_folder out"
        )
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = np.ascontiguousarray(as_numpy(tensor))
        digest.update(f"{name} {getattr(tensor, 'dtype', values.dtype)} {values.shape}".encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    digest.update(json.dumps(_settings(model), sort_keys=True, default=str).encode())
    digest.update(json.dumps([role, prompt.name, prompt.text, _library()]).encode())
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def _settings(model: Any) -> Mapping[str, Any]:
    """The settings on which a model's vectors depend besides its weights, as far as it has them."""
    names = ("max_seq_length", "truncate_dim", "prompts", "default_prompt_name")
    said: dict[str, Any] = {name: getattr(model, name, None) for name in names}
    said["modules"] = repr(model)
    tokenizer = getattr(model, "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    said["tokenizer"] = getattr(backend, "to_str", tokenizer.__repr__)()
    return said


def _library() -> str | None:
    try:
        return version("sentence-transformers")
    except PackageNotFoundError:
        return None
