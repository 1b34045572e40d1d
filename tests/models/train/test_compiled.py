"""An encoder that torch has compiled trains as the plain one does."""

import pytest
import torch
from tripletmine.models.rules.in_batch import SemiHard

from .steps import plan, train, trainer


@pytest.fixture
def compiled_for_this_test_only(tmp_path, monkeypatch):
    """Keep torch from leaving compiled code for other tests to find, and from starting processes that compile."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    yield
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
@pytest.mark.usefixtures("compiled_for_this_test_only")
def test_a_compiled_encoder_trains_as_the_plain_one():
    batches, _ = plan("class_balanced")
    compiled, plain = (trainer("mdr", SemiHard(0.2), kind="sgd", compile=chosen) for chosen in (True, False))
    losses = [[record.loss for record in train(each, batches)] for each in (compiled, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0, "nothing was compiled"
    one, other = compiled.state(), plain.state()
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-5, msg=name)
