import math
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import qmc

from pinnkit.domains import Box, Chebyshev, Cube, Sampling, Sobol, Uniform
from pinnkit.domains.sampling import quadrature_weights

SAMPLINGS = (Sobol(), Chebyshev(), Uniform())
each_sampling = pytest.mark.parametrize("sampling", SAMPLINGS, ids=repr)


@each_sampling
def test_samplings_are_values_that_meet_the_protocol(sampling: Sampling) -> None:
    assert isinstance(sampling, Sampling)
    assert sampling == type(sampling)()
    assert hash(sampling) == hash(type(sampling)())


@each_sampling
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (7, 3), (64, 100), (5, 0), (0, 2)])
def test_points_lie_in_the_unit_cube(sampling: Sampling, n: int, dim: int, generator: torch.Generator) -> None:
    unit = sampling.unit(n, dim, generator)
    assert unit.shape == (n, dim)
    assert unit.dtype == torch.float64
    assert ((unit >= 0) & (unit <= 1)).all()
    assert sampling.density(unit).shape == (n,)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 100, 127, 128, 1000, 70_001])
def test_sobol_does_not_warn_whatever_the_number_of_points(n: int, generator: torch.Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Sobol().unit(n, 2, generator).unique(dim=0).shape[0] == n


def test_sobol_is_the_scrambled_sequence_of_scipy_in_blocks(generator: torch.Generator) -> None:
    """More points than fit one block, so the seams are tested as well."""
    seed = int(torch.randint(2**63 - 1, (), generator=torch.Generator().manual_seed(0)))
    expected = torch.from_numpy(qmc.Sobol(300, seed=np.random.default_rng(seed)).random(2**14))
    torch.testing.assert_close(Sobol().unit(2**14, 300, generator), expected, rtol=0, atol=2**-30)


def test_sobol_puts_one_point_in_every_dyadic_interval(generator: torch.Generator) -> None:
    unit = Sobol().unit(256, 4, generator)
    for column in unit.unbind(dim=1):
        assert ((column * 256).floor().sort().values == torch.arange(256)).all()


def test_sobol_never_touches_a_wall(generator: torch.Generator) -> None:
    unit = Sobol().unit(2**20, 1, generator)
    assert unit.min() >= 2.0**-31
    assert unit.max() <= 1 - 2.0**-31


def test_chebyshev_is_sobol_warped_by_a_cosine() -> None:
    sobol, warped = (s.unit(500, 3, torch.Generator().manual_seed(5)) for s in (Sobol(), Chebyshev()))
    torch.testing.assert_close(warped, (1 - torch.cos(math.pi * sobol)) / 2)


def test_chebyshev_follows_the_arcsine_law(generator: torch.Generator) -> None:
    """The share of points below x is 2/pi asin(sqrt(x))."""
    unit = Chebyshev().unit(2**14, 1, generator)[:, 0]
    for x in (0.01, 0.1, 0.5, 0.9):
        assert float((unit < x).double().mean()) == pytest.approx(2 / math.pi * math.asin(math.sqrt(x)), abs=2e-4)


@each_sampling
def test_density_is_that_of_the_points(sampling: Sampling, generator: torch.Generator) -> None:
    """The mean of f / density over the points is the integral of f, here 1/3 + 1/4 without any normalisation."""
    unit = sampling.unit(2**14, 2, generator)
    mean = ((unit[:, 0] ** 2 + unit[:, 1] ** 3) / sampling.density(unit)).mean()
    assert float(mean) == pytest.approx(1 / 3 + 1 / 4, rel=0.02 if sampling == Uniform() else 1e-3)


def test_quasi_random_points_integrate_better_than_random_ones() -> None:
    """Sobol errors fall almost as 1/n; with independent points this tolerance is missed 99 times in 100."""
    x, y = Sobol().unit(2**14, 2, torch.Generator().manual_seed(1)).unbind(dim=1)
    assert float((torch.exp(x) * y).mean()) == pytest.approx((math.e - 1) / 2, abs=2e-5)


def test_a_point_on_a_wall_of_infinite_density_still_weighs() -> None:
    weight = quadrature_weights(Chebyshev(), torch.zeros(1, 2, dtype=torch.float64), 6.0)
    torch.testing.assert_close(weight, torch.tensor([6.0]).double())


@each_sampling
def test_generator_moves_on(sampling: Sampling, generator: torch.Generator) -> None:
    first, second = (sampling.unit(50, 2, generator) for _ in range(2))
    assert not torch.equal(first, second)


def test_a_sampling_of_ones_own_is_used(generator: torch.Generator) -> None:
    class Midpoints:
        def unit(self, n: int, dim: int, generator: torch.Generator) -> torch.Tensor:  # noqa: ARG002
            return torch.full((n, dim), 0.5, dtype=torch.float64)

        def density(self, unit: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(unit), dtype=unit.dtype)

    points = Box(x=(0, 4), y=(2, 3)).sample(3, generator, sampling=Midpoints())
    torch.testing.assert_close(points.coords, torch.tensor([[2.0, 2.5]] * 3).double())


def test_weights_sum_to_the_measure_for_100_columns_under_chebyshev(generator: torch.Generator) -> None:
    box = Box(x=Cube(0, 1, dim=100))
    for part in (box, box.boundary):
        weight = part.sample(1000, generator, sampling=Chebyshev()).weight
        assert weight.isfinite().all()
        assert float(weight.sum()) == pytest.approx(part.measure)


@pytest.mark.requires_cuda
@each_sampling
def test_a_generator_on_cuda_gives_points_on_the_cpu(sampling: Sampling) -> None:
    box = Box(x=Cube(0, 1, dim=5), t=(0, 1))
    for part in (box, box.boundary, box.face(t=0)):
        for n in (3, 100):
            first, again = (part.sample(n, torch.Generator("cuda").manual_seed(2), sampling=sampling) for _ in range(2))
            assert first.coords.device.type == "cpu"
            assert torch.equal(first.coords, again.coords)
