"""Export the best encoder of a run with everything needed to load it elsewhere."""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....models.encoders.checkpoints import load_tensors, save_tensors
from ....models.neck import Neck
from ....models.score_head import ScoreHead
from ...artifacts.record import open_record
from ...artifacts.scores import best_epoch
from ...artifacts.weights import DECISIONS_FILE, ENCODER_FILE, HEAD_FILE, NECK_FILE, STATE_FILE
from ...data.open import decoding_of, reads_pictures
from ...data.pictures.exported import as_json
from ...errors import SpecError, StaleError
from ...plan.refs import StageRef, manifest_of
from ...plan.stage import RunFacts
from ...resolve.encoder import load_encoder, scaling_keys, scaling_of
from ...resolve.objective import score_head, trained_neck, trained_objective
from ...runfile.loss_spec import OF_LABELS, OF_PAIRS
from ...runfile.run_spec import RunSpec
from ...storage.committed import Committed
from ...storage.manifest import Manifest
from ...storage.publish import publish_json, published
from ...workers.opened import labels_of
from ..epochs import TEST
from ..status import read_status
from .card import model_card

CARD = "README.md"
ONNX_FILE = "encoder.onnx"


def export_encoder(root: Path, out: Path, *, epoch: int | None = None, onnx: bool = False) -> dict[str, Any]:
    """Write encoder.safetensors, encoder.json and a model card, README.md, to `out`; returns the content of
    encoder.json.

    Also writes head.safetensors, the layer that scores labels or items, if a loss trained one; neck.safetensors, the
    layer that makes batch-normalised features, if these are retrieved; and decisions.safetensors, which decides labels,
    if the test used this epoch.
    epoch: epoch of the weights; by default the best on validation. onnx: also write encoder.onnx, from items to
    embeddings and scores; its largest difference from torch is "onnx_difference" in encoder.json.
    Raises: ModelError for an encoder that `write_onnx` cannot convert; SpecError if `out` is not empty; CorruptError
    if the checkpoint is damaged; UnavailableError if it was pruned, or no epoch is finished; StaleError if the run has
    since been opened with another encoder, evaluate.feature or scoring loss, or, with a scoring loss, on other data.
    """
    spec, facts = open_record(root)
    if not spec.encoder.learns:
        raise SpecError(
            f"{root} takes vectors as they are (encoder.name is {spec.encoder.name!r}) and has no encoder to export: "
            "name a run that trains one"
        )
    chosen = best_epoch(root, spec) if epoch is None else epoch
    ref = StageRef(chosen, "train")
    manifest = manifest_of(root, ref)
    if manifest is None:
        raise SpecError(f"epoch {chosen} of {root} has no checkpoint: choose one that was trained")
    if out.exists() and not out.is_dir():
        raise SpecError(f"{out} is a file: choose another folder")
    if out.exists() and any(out.iterdir()):
        raise SpecError(f"{out} is not empty: choose another folder")
    _refuse_other_encoder(root, manifest, spec, facts)
    trained = Committed(ref.folder(root), manifest)
    weights = trained.checked(ENCODER_FILE)
    layers = _trained_layers(trained, spec, facts)
    evaluation = StageRef(chosen, "evaluate")
    evaluated = manifest_of(root, evaluation)
    if evaluated is not None:
        _refuse_other(root, chosen, "evaluated", _of_feature(evaluated, spec))
    found = read_status(root)
    for stage in found.stages:
        # Raises if a manifest is damaged: the card would lack its report, and all evaluations decide the best epoch.
        if stage.ref.epoch in (chosen, None) or stage.ref.stage == evaluation.stage:
            manifest_of(root, stage.ref)
    decisions = _decisions(root, ref)
    pictures = reads_pictures(spec.data, facts.item_dtype)
    described = {
        "encoder": facts.encoder,
        "arguments": spec.encoder.arguments,
        "item_shape": list(facts.item_shape),
        "item_dtype": facts.item_dtype,
        "embedding_dim": spec.encoder.embedding_dim,
        "layer_norm": spec.encoder.layer_norm,
        "normalise": spec.encoder.normalise,
        "mean": spec.data.mean,
        "std": spec.data.std,
        "pictures": as_json(decoding_of(spec.data)) if pictures else None,
        "feature": spec.evaluate.feature,
        "scores": _scores(root, spec, facts, decisions),
        "run": spec.run.name,
        "epoch": chosen,
        "validation": dict(evaluated.report["validation"]) if evaluated else None,
    }
    if onnx:
        described["onnx_difference"] = _onnx(root, out, weights, layers, spec, facts)
    with published(out / ENCODER_FILE) as partial:
        shutil.copyfile(weights, partial)
    for name, layer in layers.files():
        with published(out / name) as partial:
            save_tensors(partial, layer.state_dict())
    if decisions is not None:
        with published(out / DECISIONS_FILE) as partial:
            shutil.copyfile(decisions, partial)
    if facts.encoder.rpartition(":")[0].endswith(".py"):
        # The user's own code is exported with its weights.
        code = root / facts.encoder.rpartition(":")[0]
        with published(out / code.name) as partial:
            shutil.copyfile(code, partial)
        described["encoder"] = f"{code.name}:{facts.encoder.rpartition(':')[2]}"
    publish_json(out / "encoder.json", json.loads(json.dumps(described)))
    with published(out / CARD) as partial:
        partial.write_text(model_card(found, chosen), "utf-8")
    return described


@dataclass(frozen=True, slots=True)
class _Layers:
    """Layers behind the encoder that losses trained and users of the encoder need; None if there is none."""

    head: ScoreHead | None = None
    neck: Neck | None = None

    def files(self) -> Iterator[tuple[str, ScoreHead | Neck]]:
        """The existing layers with their file names."""
        for name, layer in ((HEAD_FILE, self.head), (NECK_FILE, self.neck)):
            if layer is not None:
                yield name, layer


def _trained_layers(trained: Committed, spec: RunSpec, facts: RunFacts) -> _Layers:
    normalised = spec.evaluate.feature == "batch_normalised"
    if not (spec.loss.scoring or normalised):
        return _Layers()
    objective = trained_objective(spec, classes=facts.classes, state=trained.checked(STATE_FILE))
    return _Layers(
        score_head(spec, objective) if spec.loss.scoring else None,
        trained_neck(objective) if normalised else None,
    )


def _decisions(root: Path, trained: StageRef) -> Path | None:
    """The checked decisions file of the test, if the test decided labels and used this checkpoint; else None."""
    tested = manifest_of(root, TEST)
    if tested is None or DECISIONS_FILE not in tested.files or str(trained) not in tested.inputs["parents"]:
        return None
    return Committed(TEST.folder(root), tested).checked(DECISIONS_FILE)


def _scores(root: Path, spec: RunSpec, facts: RunFacts, decisions: Path | None) -> dict[str, Any] | None:
    """The loss that trained the scores, and the names of labels in the order of their scores (None if items are
    scored).

    most: the most labels that can be decided for a row; None if labels are not decided.
    """
    if spec.loss.scoring is None:
        return None
    labels = labels_of(root, facts.data_digest).names if spec.loss.of_labels else None
    return {
        "loss": spec.loss.scoring,
        "labels": None if labels is None else [str(name) for name in labels],
        "most": None if decisions is None else len(load_tensors(decisions)[0]["count/2.bias"]),
    }


def _onnx(root: Path, out: Path, weights: Path, layers: _Layers, spec: RunSpec, facts: RunFacts) -> float:
    from ....models.encoders.onnx import write_onnx

    encoder = load_encoder(root, spec, facts, weights).cpu()
    with published(out / ONNX_FILE) as partial:
        return write_onnx(
            encoder if layers.neck is None else layers.neck.behind(encoder),
            partial,
            item_shape=facts.item_shape,
            item_dtype=facts.item_dtype,
            normalise=spec.encoder.normalise,
            scaling=scaling_of(spec),
            head=layers.head,
        )


def _refuse_other_encoder(root: Path, manifest: Manifest, spec: RunSpec, facts: RunFacts) -> None:
    """Refuse weights trained with other settings than run.json has: it holds the spec last opened, which a stage may
    have refused."""
    keys = manifest.inputs["keys"]
    scored = not (OF_LABELS | OF_PAIRS).isdisjoint({*keys["loss"]["weights"], *spec.loss.weights})
    of_scores = (
        ("loss.weights", keys["loss"]["weights"], spec.loss.weights),
        ("the data", manifest.inputs["data"], facts.data_digest),
    )
    compared = (
        ("[encoder]", keys["encoder"], spec.encoder.result_keys()),
        ("data.mean and std", {name: keys["data"][name] for name in ("mean", "std")}, scaling_keys(spec)),
        ("the encoder's files", manifest.inputs["encoder"], facts.encoder_digest),
        *(of_scores if scored else ()),
    )
    _refuse_other(root, manifest.epoch, "trained", compared)


def _of_feature(evaluated: Manifest, spec: RunSpec) -> Iterable[tuple[str, Any, Any]]:
    there = evaluated.inputs["keys"]["evaluate"].get("feature", "embedding")
    return (("evaluate.feature", there, spec.evaluate.feature),)


def _refuse_other(root: Path, epoch: int | None, done: str, compared: Iterable[tuple[str, Any, Any]]) -> None:
    """compared: (subject, value then, value now)."""
    for subject, there, now in compared:
        if json.loads(json.dumps(now)) != there:
            raise StaleError(
                f"{subject} of {root} changed since epoch {epoch} was {done}: it was {there} and now is {now}; set it "
                "back and start the run again, then export"
            )
