"""Groups of unknowns that share a field, and the modules that represent them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

from pinnkit.domains import Axis
from pinnkit.fields import FieldSpec
from pinnkit.fields.protocols import linear_readout, smoothness_of, unsettled
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet

from .collocation_points import generator_of
from .smoothness_check import bounds_of, check_smoothness

__all__ = ["FieldChoice", "Group", "axes_of", "build_fields", "group_fields"]

Group = tuple[str, ...]
"""Unknowns that share a trunk."""
AnyField = FieldSpec | nn.Module
FieldChoice = AnyField | Mapping[str, AnyField] | Mapping[Group, AnyField] | Mapping[str | Group, AnyField]
"""Field of a solve: one spec or module for all unknowns, or one for each unknown or group of unknowns."""


def group_fields(problem: Problem, field: FieldChoice) -> dict[Group, FieldSpec | nn.Module]:
    """Field of each group of unknowns; unknowns on different axes never share one.

    Raises:
        ValueError, TypeError: for a field that does not fit the problem, with what was expected.
    """
    if not isinstance(field, Mapping):
        by_axes: dict[object, list[str]] = {}
        for name in problem.names:
            by_axes.setdefault((problem.columns_of(name), problem.unknown(name).on), []).append(name)
        if isinstance(field, nn.Module) and len(by_axes) > 1:
            where = "in different pieces of the domain" if len(problem.pieces) > 1 else "on different axes"
            raise ValueError(f"solve: unknowns {where} need a module each; give a spec, or {{unknown: module}}")
        groups = {tuple(names): field for names in by_axes.values()}
    else:
        groups = {(key,) if isinstance(key, str) else tuple(key): spec for key, spec in field.items()}
        named = sorted(name for key in field for name in ((key,) if isinstance(key, str) else key))
        if named != sorted(problem.names):
            raise ValueError(f"solve: `field` must name each unknown {problem.names} once, got {tuple(groups)}")
    for group, spec in groups.items():
        if isinstance(spec, type) or not isinstance(spec, FieldSpec | nn.Module):
            raise TypeError(f"solve: `field` must be a spec such as Siren(width=64) or a torch module, got {spec!r}")
        if len({(problem.columns_of(name), problem.unknown(name).on) for name in group}) > 1:
            raise ValueError(f"solve: the unknowns {group} live on different axes or pieces and cannot share a field")
        smooth = smoothness_of(spec)
        for name in group:
            needed = problem.smoothness_needed(name)
            if needed > smooth:
                raise ValueError(
                    f"problem '{problem.name}' needs {needed} derivatives of `{name}`; "
                    f"{spec!r} has {smooth:g}. Use Siren(...) or MLP(activation='tanh')"
                )
    return groups


def axes_of(problem: Problem, group: Group) -> list[Axis]:
    """Axes that the unknowns of a group depend on, periodic where a hard condition makes them so."""
    return [replace(a, periodic=True) if a.name in problem.periodic else a for a in problem.axes_of(group[0])]


def build_fields(
    problem: Problem,
    specs: Mapping[Group, FieldSpec | nn.Module],
    *,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> FieldSet:
    """Modules of `specs`, each initialised from the seed and its index.

    Raises:
        ValueError: for a module of the wrong width or without the derivatives that are needed, or random sines without
            a bandwidth.
    """
    modules: dict[Group, nn.Module] = {}
    for i, (group, spec) in enumerate(specs.items()):
        outputs = sum(problem.unknown(name).components or 1 for name in group)
        axes = axes_of(problem, group)
        if isinstance(spec, nn.Module):
            module = spec.to(device=device, dtype=dtype)
            _check_module(module, sum(a.dim for a in axes), outputs, device, dtype)
            check_smoothness(problem, group, module, axes)
        elif unsettled(spec):
            raise ValueError(
                "solve: RandomFourier(bandwidth=None) and Expansion() are chosen by LeastSquares only; "
                "give a bandwidth, such as RandomFourier(400, bandwidth=8.0), or TotalDegree(6), for other solvers"
            )
        else:
            module = spec.build(axes, outputs, generator=generator_of(seed, 1_000 + i), dtype=dtype, device=device)
        _check_periodic(module, axes, spec, device, dtype)
        modules[group] = module
    return FieldSet(problem, modules)


def _check_periodic(
    module: nn.Module, axes: Sequence[Axis], spec: object, device: torch.device, dtype: torch.dtype
) -> None:
    """Refuse a field that is not periodic along a periodic axis: its value at both ends, at a few places."""
    lower, upper = bounds_of(axes)
    unit = torch.rand(5, len(lower), generator=generator_of(0), dtype=torch.float64)
    coords = (lower + (upper - lower) * unit).to(device=device, dtype=dtype)
    field = linear_readout(module)
    call = module if field is None else field.trunk  # a read-out may begin at zero
    start = 0
    for axis in axes:
        for column in range(start, start + axis.dim if axis.periodic else start):
            ends = [coords.clone() for _ in range(2)]
            ends[0][:, column], ends[1][:, column] = axis.lower, axis.upper
            with torch.no_grad():
                here, there = (call(end) for end in ends)
            slack = 1e5 * torch.finfo(dtype).eps * float(here.abs().max())
            if not float((here - there).abs().max()) <= slack:
                name = type(spec).__name__
                raise ValueError(
                    f"solve: {name} is not periodic along `{axis.name}`, as Periodic('{axis.name}', hard=True) needs; "
                    f"use Siren, MLP, FourierMLP or RandomFourier, which are, or drop hard=True"
                )
        start += axis.dim


def _check_module(module: nn.Module, inputs: int, outputs: int, device: torch.device, dtype: torch.dtype) -> None:
    with torch.no_grad():
        try:
            got = tuple(module(torch.zeros(3, inputs, device=device, dtype=dtype)).shape)
        except (RuntimeError, TypeError, ValueError) as error:
            message = str(error).splitlines()[0]
            raise ValueError(f"solve: the module cannot be called on (3, {inputs}) coordinates: {message}") from error
    if got != (3, outputs):
        raise ValueError(f"solve: the module must map (n, {inputs}) to (n, {outputs}), got {got} for n = 3")
