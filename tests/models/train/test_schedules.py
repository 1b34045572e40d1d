import math

import pytest
from tripletmine.models.errors import ModelError
from tripletmine.models.train.schedules import learning_rate
from tripletmine.models.train.settings import ScheduleSettings


def rates(steps=12, total=10, **settings):
    schedule = ScheduleSettings(**settings)
    return [learning_rate(schedule, base=2.0, step=step, total_steps=total) for step in range(steps)]


def test_warm_up_rises_linearly_to_the_base_rate_for_every_kind():
    for kind in ("constant", "cosine", "step"):
        assert rates(schedule=kind, warmup_steps=4)[:5] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])


def test_constant():
    assert rates(schedule="constant", warmup_steps=0) == [2.0] * 12


def test_cosine_ends_at_its_final_share_and_stays_there():
    found = rates(schedule="cosine", warmup_steps=2, final_share=0.1)
    expected = [2.0 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - 2) / 7))) for step in range(2, 10)]
    assert found[2:10] == pytest.approx(expected)
    assert found[9:] == pytest.approx([0.2] * 3)


def test_step():
    found = rates(schedule="step", warmup_steps=1, step_every=3, step_factor=0.5)
    assert found == pytest.approx([2.0] * 4 + [1.0] * 3 + [0.5] * 3 + [0.25] * 2)


def test_a_warm_up_longer_than_the_run_still_gives_a_rate():
    assert rates(steps=6, total=3, warmup_steps=4)[-1] > 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"warmup_steps": -1}, "warmup_steps is -1"),
        ({"final_share": 1.5}, "final_share is 1.5 but must be at most 1"),
        ({"step_every": 0}, "step_every is 0"),
        ({"step_factor": 0.0}, "step_factor is 0.0 but must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ModelError) as caught:
        ScheduleSettings(**settings)
    assert said in str(caught.value)
