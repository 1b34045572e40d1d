"""Single training steps: what they change, report and refuse, and that a resume loses nothing."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from tripletmine.models.batches.batch import Batch
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.settings import BatchShape
from tripletmine.models.batches.stored_triplets import StoredTriplets
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.encoders.checkpoints import load_tensors, save_tensors, weights_to_use, without_prefix
from tripletmine.models.encoders.encode import encode
from tripletmine.models.errors import ModelError
from tripletmine.models.images.settings import AugmentSettings
from tripletmine.models.images.transforms import Scaling, TrainTransform
from tripletmine.models.losses.global_loss import GlobalLoss
from tripletmine.models.losses.loss import Loss
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.settings import GlobalSettings
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.models.metrics.retrieval import retrieval
from tripletmine.models.rules.in_batch import BatchRule, SemiHard, Stored, WithinBoundary
from tripletmine.models.train.frozen import freeze_backbone
from tripletmine.models.train.settings import OptimiserSettings, ScheduleSettings, TrainerSettings
from tripletmine.models.train.trainer import Trainer

CLASSES = np.repeat(np.arange(8), 20).astype(np.int32)
STEPS = 10


def data():
    """Noisy 8×8 images, one prototype a class: uint8 (160, 8, 8, 1)."""
    generator = np.random.default_rng(0)
    prototypes = generator.integers(0, 256, (8, 8, 8, 1))
    noisy = prototypes[CLASSES] + generator.normal(0, 60, (160, 8, 8, 1))
    return noisy.clip(0, 255).astype(np.uint8)


IMAGES = data()


def stored_parts():
    generator = np.random.default_rng(1)
    anchor = np.sort(generator.integers(0, 160, 800))
    positive = anchor - anchor % 20 + (anchor % 20 + generator.integers(1, 20, 800)) % 20
    negative = (anchor + 20 * generator.integers(1, 8, 800)) % 160
    return [lambda: {"anchor": anchor, "positive": positive, "negative": negative}]


def plan(rule, epoch=0):
    if isinstance(rule, Stored):
        return StoredTriplets(
            CLASSES, stored_parts(), batch_images=32, images=32 * STEPS, seed=0, epoch=epoch
        )
    return ClassBalanced(CLASSES, shape=BatchShape(8, 4), images=32 * STEPS, seed=0, epoch=epoch)


def smart_mining():
    return Objective({"triplet": Term(TripletLoss(0.2)), "global": Term(GlobalLoss(GlobalSettings()))})


def trainer(
    rule: BatchRule = SemiHard(0.2),  # noqa: B008
    settings=None,
    *,
    name="convnet",
    dropout=0.3,
    encoder=None,
    objective=None,
    **rest,
):
    arguments = {"width": 8, "dropout": dropout} if name == "convnet" else {"dropout": dropout}
    if encoder is None:
        encoder = build_encoder(name, input_shape=(1, 8, 8), embedding_dim=16, arguments=arguments, seed=0)
    objective = objective or smart_mining()
    return Trainer(encoder, objective, rule, settings or TrainerSettings(), total_steps=STEPS, seed=0, **rest)


TRANSFORM = TrainTransform(Scaling(0.5, 0.5), AugmentSettings(shift=1), seed=5)
PLAIN = TrainTransform(Scaling(0.5, 0.5), AugmentSettings(), seed=5)


def run(learner, found, start=0, transform=TRANSFORM):
    return [
        learner.step(batch, transform(IMAGES[batch.rows], learner.step_number))
        for batch in found.batches(start)
    ]


def weights_of(learner):
    return {name: value.clone() for name, value in learner.encoder.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


RULES = [SemiHard(0.2), WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=False), Stored(0.2)]
FROZEN = TrainerSettings(OptimiserSettings(learning_rate=1e-30, weight_decay=0.0))
KINDS = [
    TrainerSettings(),
    TrainerSettings(
        OptimiserSettings(optimiser="sgd", learning_rate=0.1), ScheduleSettings(schedule="step", step_every=3)
    ),
    TrainerSettings(OptimiserSettings(optimiser="adam"), channels_last=False, autocast=True),
    TrainerSettings(embed_rows=7, ema_decay=0.9),
]


@pytest.mark.parametrize("rule", RULES, ids=["semi-hard", "k rule", "stored"])
def test_a_short_run_pulls_the_classes_apart(rule):
    settings = TrainerSettings(
        OptimiserSettings(learning_rate=3e-3), ScheduleSettings(schedule="constant", warmup_steps=0)
    )
    learner = trainer(rule, settings, name="mlp", dropout=0.0)

    def map_at_r():
        embeddings = encode(
            learner.encoder, IMAGES, normalise=True, batch_rows=160, scaling=TRANSFORM.scaling
        )
        return float(retrieval(embeddings, CLASSES).average_at_r.mean())

    before = map_at_r()
    records = [record for epoch in range(3) for record in run(learner, plan(rule, epoch), transform=PLAIN)]
    assert [record.step for record in records] == list(range(30))
    after = map_at_r()
    assert after > before + 0.3, f"{before:.3f} before, {after:.3f} after"


@pytest.mark.parametrize("rule", RULES, ids=["semi-hard", "k rule", "stored"])
@pytest.mark.parametrize("settings", KINDS, ids=["adamw", "sgd", "adam bfloat16", "pieces and average"])
def test_a_resume_in_mid_epoch_through_a_file_is_bit_identical(rule, settings, tmp_path):
    whole = trainer(rule, settings)
    records = run(whole, plan(rule))

    broken = trainer(rule, settings)
    run(broken, FirstSteps(plan(rule), 4))
    save_tensors(tmp_path / "state.safetensors", broken.state())
    resumed = trainer(rule, settings, encoder=other_weights())
    resumed.load_state(load_tensors(tmp_path / "state.safetensors")[0])
    assert resumed.step_number == 4
    rest = run(resumed, plan(rule), start=4)

    assert rest == records[4:]
    assert same(whole.state(), resumed.state())


def test_a_resume_continues_what_a_loss_has_learnt(tmp_path):
    def learner(encoder=None):
        return trainer(
            objective=Objective({"triplet": Term(TripletLoss(0.2)), "centres": Term(Centres(CLASSES), 0.1)}),
            encoder=encoder,
        )

    whole = learner()
    records = run(whole, plan(SemiHard(0.2)))
    broken = learner()
    run(broken, FirstSteps(plan(SemiHard(0.2)), 4))
    save_tensors(tmp_path / "state.safetensors", broken.state())
    resumed = learner(other_weights())
    resumed.load_state(load_tensors(tmp_path / "state.safetensors")[0])
    assert run(resumed, plan(SemiHard(0.2)), start=4) == records[4:]
    assert same(whole.state(), resumed.state())
    learnt = whole.state()["objective/terms.centres.centres"]
    assert not torch.equal(learnt, learner().state()["objective/terms.centres.centres"])
    assert set(records[0].losses) == {"triplet", "centres"}


class Centres(Loss):
    """Distances to learnt class centres, with dropout of its own; it needs no triplets."""

    needs_triplets = False

    def __init__(self, classes):
        super().__init__()
        self.centres = nn.Parameter(torch.ones(int(classes.max()) + 1, 16) / 4)

    def forward(self, inputs):
        kept = nn.functional.dropout(inputs.embeddings, 0.5)
        return (kept - self.centres[inputs.classes]).square().sum(dim=1).mean()


def test_a_loss_without_triplets_trains_on_a_batch_without_any():
    learner = trainer(objective=Objective({"centres": Term(Centres(CLASSES))}))
    before = weights_of(learner)
    rows = np.arange(20, dtype=np.int64)  # of one class only
    record = learner.step(Batch(rows, CLASSES[rows]), PLAIN(IMAGES[rows], 0))
    assert (record.updated, record.triplets) == (True, 0)
    assert record.loss > 0
    assert not same(before, weights_of(learner))


def test_averaged_weights_are_the_ones_to_use():
    learner = trainer(settings=TrainerSettings(ema_decay=0.9))
    run(learner, plan(SemiHard(0.2)))
    state = learner.state()
    assert same(weights_to_use(state), without_prefix("average/weights/", state))
    assert not same(weights_to_use(state), weights_of(learner))
    plain = trainer()
    run(plain, plan(SemiHard(0.2)))
    assert same(weights_to_use(plain.state()), weights_of(plain))
    assert same(weights_of(plain), weights_of(learner)), "the average must not change what is trained"


def test_a_frozen_backbone_keeps_its_weights_and_the_next_epoch_may_train_all():
    frozen = trainer()
    freeze_backbone(frozen.encoder)
    before = weights_of(frozen)
    run(frozen, plan(SemiHard(0.2)))
    after = weights_of(frozen)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {list(after)[-2], list(after)[-1]}

    free = trainer(encoder=other_weights())
    free.load_state(frozen.state())
    run(free, plan(SemiHard(0.2), epoch=1))
    assert not torch.equal(weights_of(free)["0.weight"], after["0.weight"])


def test_the_wrong_share_of_images_is_refused():
    learner = trainer()
    (batch,) = FirstSteps(plan(SemiHard(0.2)), 1).batches()
    with pytest.raises(ModelError, match=r"got 30 images but rows 0 to 32 of the batch"):
        learner.step(batch, PLAIN(IMAGES[batch.rows], 0)[:30])


@pytest.mark.parametrize(
    ("embed_rows", "said"),
    [(None, "lower embed_rows below that"), (8, "embed_rows (now 8), or images_per_class")],
)
def test_out_of_memory_says_which_key_to_lower(embed_rows, said):
    class Hungry(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 4)

        def forward(self, images):
            raise torch.OutOfMemoryError("CUDA out of memory")

    learner = trainer(encoder=Hungry(), settings=TrainerSettings(embed_rows=embed_rows))
    (batch,) = FirstSteps(plan(SemiHard(0.2)), 1).batches()
    with pytest.raises(ModelError, match="out of GPU memory while training on 32 images at once") as caught:
        learner.step(batch, PLAIN(IMAGES[batch.rows], 0))
    assert said in str(caught.value)


@pytest.mark.parametrize("wrong", [{"embed_rows": 0}, {"ema_decay": 1.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ModelError, match=rf"^{next(iter(wrong))} is "):
        TrainerSettings(**wrong)


def other_weights():
    return build_encoder(
        "convnet", input_shape=(1, 8, 8), embedding_dim=16, arguments={"width": 8, "dropout": 0.3}, seed=77
    )


class FirstSteps:
    """The first batches of a plan, as before a crash."""

    def __init__(self, whole, steps):
        self.whole, self.steps = whole, steps

    def batches(self, start_step=0):
        for _, batch in zip(range(self.steps), self.whole.batches(start_step), strict=False):
            yield batch


def test_the_state_is_a_copy():
    learner = trainer()
    run(learner, FirstSteps(plan(SemiHard(0.2)), 2))
    state = learner.state()
    kept = {name: value.clone() for name, value in state.items()}
    run(learner, FirstSteps(plan(SemiHard(0.2), epoch=1), 2))
    assert same(state, kept)
    assert not same(learner.state(), kept)


def test_dropout_depends_on_the_step_and_not_on_the_global_random_state():
    def losses(global_seed):
        torch.manual_seed(global_seed)
        return [record.loss for record in run(trainer(), FirstSteps(plan(SemiHard(0.2)), 2))]

    assert losses(1) == losses(2)
    learner = trainer(settings=FROZEN)
    (batch,) = FirstSteps(plan(SemiHard(0.2)), 1).batches()
    images = PLAIN(IMAGES[batch.rows], 0)
    assert learner.step(batch, images).loss != learner.step(batch, images).loss


def test_the_global_random_state_is_left_alone():
    learner = trainer()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    run(learner, FirstSteps(plan(SemiHard(0.2)), 1))
    assert torch.equal(torch.rand(2), expected)


def test_a_step_reports_the_loss_of_its_triplets_before_the_update():
    learner = trainer(WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=False), dropout=0.0)
    (batch,) = FirstSteps(plan(SemiHard(0.2)), 1).batches()
    images = TRANSFORM(IMAGES[batch.rows], 0)
    with torch.no_grad():
        z = nn.functional.normalize(learner.encoder(images)).double()
    d = (z[:, None] - z).square().sum(dim=2)
    same_class = torch.from_numpy(batch.classes[:, None] == batch.classes)
    triplets = [
        (a, p, n)
        for a in range(32)
        for p in range(32)
        for n in range(32)
        if a != p
        and same_class[a, p]
        and not same_class[a, n]
        and 0.81 * d[a, p] < d[a, n] < d[a, p] + 0.2
        and d[a, n] > min(d[a, q] for q in range(32) if q != a and same_class[a, q])
    ]
    positive = torch.stack([d[a, p] for a, p, _ in triplets])
    negative = torch.stack([d[a, n] for a, _, n in triplets])
    hinge = (positive - negative + 0.2).clamp_min(0).mean().item()
    u, v = positive / 4, negative / 4
    spread = (
        u.var(correction=0) + v.var(correction=0) + 0.8 * (u.mean() - v.mean() + 0.4).clamp_min(0)
    ).item()

    record = learner.step(batch, images)
    assert record.triplets == len(triplets)
    assert record.active_share == len({(a, p) for a, p, _ in triplets}) / (32 * 3)
    assert record.losses["triplet"] == pytest.approx(hinge, rel=1e-4)
    assert record.losses["global"] == pytest.approx(spread, rel=1e-4)
    assert record.loss == pytest.approx(hinge + spread, rel=1e-4)
    assert (record.images, record.updated) == (32, True)


def test_the_learning_rate_follows_the_schedule():
    settings = TrainerSettings(schedule=ScheduleSettings(schedule="cosine", warmup_steps=3, final_share=0.0))
    rates = [record.learning_rate for record in run(trainer(settings=settings), plan(SemiHard(0.2)))]
    expected = [2e-3 / 3, 4e-3 / 3, 2e-3] + [1e-3 * (1 + math.cos(math.pi * step / 6)) for step in range(7)]
    assert rates == pytest.approx(expected)


def test_a_batch_without_any_triplet_leaves_weights_and_optimiser_alone_and_is_counted():
    learner = trainer()
    run(learner, FirstSteps(plan(SemiHard(0.2)), 2))
    before = learner.state()
    rows = np.arange(20, dtype=np.int64)  # of one class only
    record = learner.step(Batch(rows, CLASSES[rows]), TRANSFORM(IMAGES[rows], 2))
    assert (record.updated, record.triplets, record.loss, record.active_share) == (False, 0, 0.0, 0.0)
    after = learner.state()
    assert int(after.pop("step")) == int(before.pop("step")) + 1
    assert same(before, after)


def test_nan_embeddings_name_the_step_and_the_rows_and_change_no_weight():
    learner = trainer()
    run(learner, FirstSteps(plan(SemiHard(0.2)), 2))
    before = learner.state()
    batch = next(plan(SemiHard(0.2), epoch=1).batches())
    images = TRANSFORM(IMAGES[batch.rows], 2).clone()
    images[[3, 7]] = torch.nan
    with pytest.raises(ModelError, match=r"the loss of step 2 is nan") as caught:
        learner.step(batch, images)
    assert f"(rows {batch.rows[3]}, {batch.rows[7]})" in str(caught.value)
    assert same(before, learner.state())


def test_a_gradient_that_is_not_finite_names_the_step_and_changes_no_weight():
    class Cliff(nn.Module):
        """A root at zero: a finite value with an infinite gradient."""

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 4)
            self.edge = nn.Parameter(torch.zeros(4))

        def forward(self, images):
            return self.linear(images.flatten(1)) + self.edge.sqrt()

    learner = trainer(encoder=Cliff())
    before = weights_of(learner)
    batch = next(plan(SemiHard(0.2)).batches())
    with pytest.raises(ModelError, match=r"the gradient of step 0 is (nan|inf) \(rows .* of 32\)"):
        learner.step(batch, TRANSFORM(IMAGES[batch.rows], 0))
    assert same(before, weights_of(learner))


def test_clipping_limits_the_change():
    def change(clip_norm):
        settings = TrainerSettings(
            OptimiserSettings(
                optimiser="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0, clip_norm=clip_norm
            ),
            ScheduleSettings(schedule="constant", warmup_steps=0),
        )
        learner = trainer(settings=settings)
        before = weights_of(learner)
        run(learner, FirstSteps(plan(SemiHard(0.2)), 1))
        return math.sqrt(sum(float((before[n] - w).square().sum()) for n, w in weights_of(learner).items()))

    free = change(0.0)
    assert free > 0.01
    assert change(free / 2) == pytest.approx(free / 2, rel=1e-3)
    assert change(free * 2) == pytest.approx(free, rel=1e-6)


def test_without_normalising_the_length_of_embeddings_counts():
    first = run(trainer(settings=TrainerSettings(normalise=False)), FirstSteps(plan(SemiHard(0.2)), 1))
    assert first[0].loss != run(trainer(), FirstSteps(plan(SemiHard(0.2)), 1))[0].loss


def test_an_mlp_trains_on_vectors():
    encoder = build_encoder("mlp", input_shape=(64,), embedding_dim=8, seed=0)
    learner = trainer(encoder=encoder)
    batch = next(plan(SemiHard(0.2)).batches())
    assert learner.step(batch, torch.from_numpy(IMAGES[batch.rows].reshape(32, 64) / np.float32(255))).updated


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("step"), "has no 'step'"),
        (lambda state: state.pop("encoder/0.weight"), "has no weight '0.weight'"),
        (lambda state: state.update({"encoder/99.bias": torch.zeros(1)}), "the weight '99.bias'"),
        (
            lambda state: state.update({"encoder/0.weight": torch.zeros(1)}),
            "'0.weight' is (1,) but the encoder's is",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, said):
    learner = trainer()
    state = learner.state()
    change(state)
    with pytest.raises(ModelError) as caught:
        trainer().load_state(state)
    assert said in str(caught.value)
