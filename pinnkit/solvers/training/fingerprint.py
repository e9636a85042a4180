"""Identity of the run to which a checkpoint belongs: everything that determines its bits, in one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from pinnkit.fields import FieldSpec
from pinnkit.problem.linearization import term_weight
from pinnkit.problem.problem import Problem
from pinnkit.solutions.identity import probe_rows
from pinnkit.solvers.protocols import Solver

__all__ = ["fingerprint"]

_POINTS = 16


def fingerprint(
    problem: Problem,
    specs: Mapping[tuple[str, ...], FieldSpec | nn.Module],
    solvers: Sequence[Solver],
    *,
    seed: int,
    dtype: torch.dtype,
    device: torch.device,
    row_weights: Mapping[str, float],
    schemes: Sequence[object] = (),
) -> str:
    """Line that differs where the problem, the fields, the solvers, the seed, the dtype or the device differ.

    A function has no readable identity, so the terms enter by their values at a few points: another diffusivity or
    another boundary value is another run.
    """
    fields = ", ".join(f"{'/'.join(group)}: {_described(spec)}" for group, spec in specs.items())
    digest = hashlib.sha256()
    for line in _terms(problem):
        digest.update(line.encode())
    for name, factor in row_weights.items():
        digest.update(f"{name} {factor:.6e}".encode())
    how = "".join(f", {scheme!r}" for scheme in schemes if scheme is not None)
    return (
        f"{problem.name} [{digest.hexdigest()[:12]}], {fields}, {list(solvers)!r}{how}, seed={seed}, {dtype}, "
        f"{device.type}"
    )


def _described(spec: FieldSpec | nn.Module) -> str:
    if not isinstance(spec, nn.Module):
        return repr(spec)
    return f"{type(spec).__name__} of {sum(p.numel() for p in spec.parameters())} parameters"


def _terms(problem: Problem) -> Iterator[str]:
    yield f"{problem.domain!r} {problem.unknowns!r} {problem.coefficients!r}"
    for term in problem.terms:
        generator = torch.Generator().manual_seed(0)
        sampled = term.sample(_POINTS, generator)
        yield f"{term.name} {term.kind} {term.penalty!r} {term.points if isinstance(term.points, int) else ''}"
        for points in sampled:  # all of them, where they are data
            yield from (
                _text(torch.stack([c.sum(), c.square().sum()])) for c in (points.coords, *points.columns.values())
            )
        few = tuple(p.rows(0, _POINTS).to(torch.float64) for p in sampled)
        yield _text(probe_rows(problem, term, few, generator))
        yield _text(torch.as_tensor(term_weight(problem, term, few[0])).reshape(-1))


def _text(numbers: Tensor) -> str:
    """Numbers with six digits, so that rounding differences between machines do not matter."""
    return " ".join(f"{x:.6e}" for x in numbers.tolist())
