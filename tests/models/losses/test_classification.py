"""Classification behind BNNeck, against loops."""

import math

import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.classification import ClassificationLoss
from tripletmine.models.losses.settings import ClassificationSettings

from .examples import CLASSES, UNEVEN, WIDTH, features, inputs_of, method


def slow(loss, rows, smoothing):
    """Standardise by column, multiply, softmax; the label is 1 − ε + ε/C, any other class ε/C."""
    rows, scale, weight = rows.tolist(), loss.neck.weight.tolist(), loss.classifier.weight.tolist()
    columns = list(zip(*rows, strict=True))
    means = [sum(column) / len(column) for column in columns]
    variances = [
        sum((x - mean) ** 2 for x in column) / len(column)
        for column, mean in zip(columns, means, strict=True)
    ]
    total = 0.0
    for row, label in zip(rows, UNEVEN.tolist(), strict=True):
        normed = [
            gain * (x - mean) / math.sqrt(variance + 1e-5)
            for x, gain, mean, variance in zip(row, scale, means, variances, strict=True)
        ]
        logits = [sum(w * x for w, x in zip(each, normed, strict=True)) for each in weight]
        log_sum = math.log(sum(math.exp(logit) for logit in logits))
        for code, logit in enumerate(logits):
            wanted = smoothing / CLASSES + (1 - smoothing) * (code == label)
            total -= wanted * (logit - log_sum)
    return total / len(rows)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_against_loops(smoothing):
    loss = method("classification").double()
    loss.settings = ClassificationSettings(smoothing)
    with torch.no_grad():
        loss.neck.weight.copy_(torch.tensor([0.5, 1.0, 2.0, 3.0]))
    rows = features()
    assert loss(inputs_of(rows)).item() == pytest.approx(slow(loss, rows, smoothing), rel=1e-9)


def test_neither_neck_nor_classifier_has_a_bias():
    assert {name for name, _ in method("classification").named_parameters()} == {
        "neck.weight",
        "classifier.weight",
    }


def test_running_statistics_change_nothing_in_training_and_normalise_afterwards():
    """torch's momentum: a tenth of each batch, variances unbiased."""
    plain, running = (
        ClassificationLoss(ClassificationSettings(running=kept), classes=CLASSES, width=WIDTH).double()
        for kept in (False, True)
    )
    running.load_state_dict(plain.state_dict(), strict=False)
    mean, variance = torch.zeros(WIDTH).double(), torch.ones(WIDTH).double()
    for seed in range(3):
        rows = features(seed=seed)
        assert torch.equal(running(inputs_of(rows)), plain(inputs_of(rows)))
        mean = 0.9 * mean + 0.1 * rows.mean(dim=0)
        variance = 0.9 * variance + 0.1 * rows.var(dim=0)
    with torch.no_grad():
        running.neck.weight.copy_(torch.tensor([0.5, 1.0, 2.0, 3.0]))
    asked = features(seed=9)
    expected = (asked - mean) / (variance + 1e-5).sqrt() * running.neck.weight
    found = running.neck.float().normalised(asked.detach().float().numpy())
    torch.testing.assert_close(torch.from_numpy(found), expected.detach().float())


def test_the_smoothing_is_checked():
    with pytest.raises(ModelError, match=r"^smoothing is 1.0 but must be below 1"):
        ClassificationLoss(ClassificationSettings(smoothing=1.0), classes=CLASSES, width=WIDTH)


def test_the_classifier_begins_with_the_deviation_that_is_asked_for():
    settings = ClassificationSettings(**ClassificationSettings.paper)
    weights = ClassificationLoss(settings, classes=100, width=64).classifier.weight
    assert weights.std().item() == pytest.approx(0.001, rel=0.05)
