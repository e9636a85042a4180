"""Spectral bias: u = sin(2 pi (2 x + 15 x^2)), a chirp of 2 to 32 periods, as three networks learn it side by side.

A perceptron of rectifiers, one behind random Fourier features, and a Siren are three unknowns of one problem with the
same data.  The error in a band of frequencies is that of the Fourier coefficients in it, relative to the chirp's own.
Rahaman et al., On the Spectral Bias of Neural Networks, ICML 2019, section 3; Tancik et al., Fourier Features Let
Networks Learn High Frequency Functions, NeurIPS 2020, section 4.

Dimensionless.  Expected: half a minute on two cores.  After 1,500 steps the rectifiers are off by 3 % below 4 periods,
20 % from 8 to 16 and 80 % above; the other two by less than 0.1 % in every band.  bands.png shows errors against steps.
"""

import math

import numpy as np
import torch

from pinnkit import MLP, Adam, Box, Data, FourierMLP, Problem, Siren, main
from pinnkit.measure.bench.frequency_bands import band_error, draw_bands
from pinnkit.solvers import Plan

BANDS = [(0, 4), (4, 8), (8, 16), (16, 40)]
FIELDS = {
    "relu": MLP(64, 3, activation="relu"),
    "fourier": FourierMLP(32, 8.0, width=64, depth=2, activation="relu"),
    "siren": Siren(64, 3, omega=30.0),
}
x = (np.arange(512) + 0.5) / 512
chirp = np.sin(2 * math.pi * (2 * x + 15 * x**2))


def score(name, band):
    return lambda solution: band_error(solution(x=x)[name], chirp, band)


problem = Problem(
    name="spectral_bias",
    domain=Box(x=(0, 1)),
    unknowns=list(FIELDS),
    terms=[Data(dict(x=x), **dict.fromkeys(FIELDS, chirp))],
    metrics={f"{name}_{b[0]}_to_{b[1]}": score(name, b) for name in FIELDS for b in BANDS},
    plan=Plan.single(
        FIELDS, (Adam(steps=1500),), "Three fields side by side, each by Adam at its own rate.", balance=False
    ),
    figures={"bands": lambda solution: draw_bands(solution, x, chirp, BANDS)},
    dtype=torch.float32,
)

if __name__ == "__main__":
    main(problem)
