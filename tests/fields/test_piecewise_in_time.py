"""Fields on consecutive intervals of time."""

import pytest
import torch

from pinnkit import Box, RandomFourier, Siren
from pinnkit.fields.piecewise_in_time import PiecewiseInTime
from pinnkit.fields.serialization import spec_from_dict, spec_to_dict
from pinnkit.jets.evaluation import jets

BOX = Box(x=(-1, 2), t=(0, 3))
SPEC = PiecewiseInTime(
    (Siren(width=8, depth=2), RandomFourier(20, bandwidth=2.0), Siren(width=6, depth=1)), (0.0, 1.0, 2.5, 3.0)
)


def built() -> torch.nn.Module:
    generator = torch.Generator().manual_seed(4)
    module = SPEC.build(BOX.axes, 2, generator=generator, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return module


def points(n: int = 50) -> torch.Tensor:
    return BOX.sample(n, torch.Generator().manual_seed(1)).coords


def test_each_point_is_answered_by_the_slab_of_its_time() -> None:
    module, coords = built(), points()
    values = module(coords)
    for k, (lower, upper) in enumerate(((0.0, 1.0), (1.0, 2.5), (2.5, 3.1))):
        mine = (coords[:, 1] >= lower) & (coords[:, 1] < upper)
        assert mine.any()
        assert torch.allclose(values[mine], module.slabs[k](coords[mine]), rtol=1e-13, atol=1e-13)


def test_derivatives_by_taylor_and_by_autograd_agree() -> None:
    module, coords = built(), points()
    orders = [(), (0,), (1,), (0, 0), (0, 1)]
    fast, slow = (jets(module, coords, orders, derivatives=d) for d in ("taylor", "autograd"))
    for order in orders:
        assert torch.allclose(fast[order], slow[order], rtol=1e-12, atol=1e-12)


def test_slabs_see_their_own_stretch_scaled_to_one() -> None:
    scaling = built().slabs[1].scaling
    assert torch.allclose(
        scaling(torch.tensor([[-1.0, 1.0], [2.0, 2.5]], dtype=torch.float64)).abs(), torch.tensor(1.0).double()
    )


def test_a_spec_of_specs_is_written_and_read_back() -> None:
    assert spec_from_dict(spec_to_dict(SPEC)) == SPEC


def test_smoothness_is_that_of_the_roughest_slab() -> None:
    assert SPEC.smoothness == Siren().smoothness


@pytest.mark.parametrize("edges", [(0.0, 1.0), (0.0, 2.0, 1.0, 3.0), (0.0, 1.0, 1.0, 2.0)])
def test_edges_that_do_not_fit_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="`edges` must be 4 increasing times for 3 fields"):
        PiecewiseInTime(SPEC.fields, edges)


def test_axes_without_time_are_refused() -> None:
    with pytest.raises(ValueError, match="there must be an axis `t`"):
        SPEC.build(Box(x=(0, 1)).axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
