"""Check that the sections of a run file fit together where a run ranks items."""

from collections.abc import Iterator

from .data_spec import DataSpec
from .loss_spec import LossSpec
from .train_spec import TrainSpec
from .unused import unused_keys
from .work_specs import EvaluateSpec, GraphSpec, MineSpec

_OF_TRIPLETS = (
    "negatives_per_positive",
    "positives",
    "nearer_positive",
    "order",
    "guards",
    "exclude_suspects",
)
"""Keys of [mine] that select triplets."""
_OF_RETRIEVAL = ("retrieval", "feature", "knn", "pairs", "pairs_file", "train_sample")
"""Keys of [evaluate] for metrics of distances."""
_OF_BATCHES = ("random_share", "negatives")
"""Keys of [train] for batches composed by class."""


def ranking_complaints(
    data: DataSpec,
    loss: LossSpec,
    graph: GraphSpec,
    mine: MineSpec,
    train: TrainSpec,
    evaluate: EvaluateSpec,
) -> Iterator[str]:
    """Complaints about keys that do not fit together, each with its remedy."""
    name = loss.of_pairs
    named = ", ".join(loss.weights)
    if name is None:
        if data.pairs is not None:
            yield (
                f'data.pairs is "{data.pairs}" but no loss of loss.weights ({named}) learns from pairs: set '
                "loss.weights = { ranking = 1 }, or remove data.pairs"
            )
        if evaluate.select == "pair_accuracy":
            yield (
                f'evaluate.select is "pair_accuracy" but no loss of loss.weights ({named}) ranks items: choose select '
                '= "map_at_r", or set loss.weights = { ranking = 1 } and name data.pairs'
            )
        return
    if data.pairs is None:
        yield (
            f"loss.weights names {name}, which learns from ranked pairs, but data.pairs is missing: name the file of "
            "pairs, or choose another loss, such as triplet = 1"
        )
    if name == "value_regression" and data.values is None:
        yield (
            "loss.weights names value_regression, which learns known values, but data.values is missing: name their "
            "file, or choose ranking = 1, which learns from pairs alone"
        )
    if name == "value_regression" and "every" in mine.model_fields_set and mine.every != "never":
        yield (
            f"mine.every is {mine.every} but loss.weights names value_regression, which learns from values and not "
            'from mined pairs: remove mine.every, or set it to "never"'
        )
    if train.batches != "auto":
        yield (
            f'train.batches is "{train.batches}" but loss.weights names {name}, whose batches are composed of pairs: '
            "remove train.batches"
        )
    if "select" in evaluate.model_fields_set and evaluate.select != "pair_accuracy":
        yield (
            f'evaluate.select is "{evaluate.select}" but loss.weights names {name}, and ranked items are not '
            "retrieved: remove evaluate.select"
        )
    ranks = f"loss.weights names {name}, "
    yield from unused_keys(
        "graph", graph, GraphSpec.model_fields, ranks + "and ranked items have no neighbour graph"
    )
    yield from unused_keys("mine", mine, _OF_TRIPLETS, ranks + "and ranked pairs are mined, not triplets")
    yield from unused_keys("train", train, _OF_BATCHES, ranks + "whose batches are composed of pairs")
    yield from unused_keys(
        "evaluate", evaluate, _OF_RETRIEVAL, ranks + "and ranked items are neither retrieved nor verified"
    )
