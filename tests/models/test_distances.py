import torch
from present import present
from tripletmine.models.distances import pairwise_sq_distances


def test_distances_are_those_of_the_differences():
    x = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        pairwise_sq_distances(x), (x[:, None] - x).square().sum(dim=2), atol=1e-5, rtol=1e-5
    )


def test_equal_rows_have_distance_zero_and_a_finite_gradient():
    x = torch.ones(3, 4, requires_grad=True)
    distances = pairwise_sq_distances(x)
    assert (distances == 0).all()
    distances.sum().backward()
    assert torch.isfinite(present(x.grad)).all()
