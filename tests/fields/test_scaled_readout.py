"""Read-outs with an output scale, as values that can be sent to other processes and copied."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from pinnkit.domains import Axis
from pinnkit.fields import HashGrid, Siren
from pinnkit.fields.initialization import glorot
from pinnkit.fields.scaled_readout import ScaledReadout, scaled


def readout(scale: float = 8.0) -> ScaledReadout:
    layer = glorot(3, 2, generator=torch.Generator().manual_seed(0))
    return ScaledReadout(layer, torch.tensor([scale, 2.0]), torch.tensor([0.0, 5.0]))


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_has_the_same_values_and_follows_its_own_state(twin) -> None:
    layer, features = readout(), torch.rand(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = twin(layer)
    assert torch.equal(other(features), layer(features))
    before = layer(features)
    other.load_state_dict(readout(16.0).state_dict())
    assert torch.equal(other(features)[:, 0], 2 * before[:, 0])
    assert torch.equal(layer(features), before)


def test_a_network_with_scaled_readouts_can_be_sent() -> None:
    axes = (Axis("x", 0.0, 1.0), Axis("phi", 0.0, 6.0, periodic=True))
    for spec in (Siren(width=4), HashGrid(levels=2, width=4)):
        module: nn.Module = scaled(spec.build(axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu"))
        coords = torch.rand(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        assert torch.equal(pickle.loads(pickle.dumps(module))(coords), module(coords))
