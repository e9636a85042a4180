"""Python functions and torch modules as solutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pinnkit.problem.names import arguments, call
from pinnkit.problem.problem import Problem

from .candidate import Candidate
from .models import Layout, differentiable, fields_of, trial_points

__all__ = ["function_candidate", "module_candidate", "module_values"]

_ERRORS = (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError, ArithmeticError)
"""Errors that functions raise for arguments that they do not take."""


# functions ----------------------------------------------------------------------------------------------------------
def function_candidate(
    problem: Problem,
    function: Callable[..., Any],
    words: str,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> Candidate:
    """Make a candidate of a function of coordinates by name, or of one array of all coordinates ``(n, d)``.

    A function of torch tensors is differentiated automatically, one of NumPy arrays by difference stencils.  It returns
    the values of the unknown, or for several unknowns a mapping by name, a sequence, or an array ``(n, c)``.

    Raises:
        ValueError: for other parameters, and for values of a wrong shape, complex or not numbers.
    """
    layout = Layout.of(problem, inputs, outputs)
    by_name = _takes_names(problem, function)

    def at_tensors(coords: Tensor) -> Tensor:
        return _components(problem, _called(problem, function, layout, coords, by_name), len(coords), layout)

    def at_arrays(coords: Tensor) -> Tensor:
        points = coords.detach().double().cpu().numpy()
        return _components(problem, _called(problem, function, layout, points, by_name), len(points), layout)

    trial = trial_points(problem, 64)
    try:
        with torch.enable_grad():
            smooth = at_tensors(trial.clone().requires_grad_()).requires_grad and differentiable(problem, at_tensors)
    except _ERRORS:
        smooth = False
    if smooth:
        return fields_of(problem, at_tensors, words, rounding=None)
    try:
        values = at_arrays(trial)
        precision = _called(problem, function, layout, trial.numpy(), by_name)
    except _ERRORS as error:
        raise ValueError(
            f"check: {words} fails on arrays of {len(trial)} points: {' '.join(str(error).split())}"
        ) from None
    if not bool(torch.isfinite(values).any()):
        raise ValueError(f"check: {words} gives no finite values in the domain")
    return fields_of(problem, at_arrays, words, rounding=_rounding(precision))


def _takes_names(problem: Problem, function: Callable[..., Any]) -> bool:
    """True for a function of coordinates by name, False for one of a single array."""
    columns = tuple(a.name for a in problem.axes)
    needed, _ = arguments(function, "check: the function")
    if needed and all(name in columns for name in needed):
        return True
    if len(needed) == 1:
        return False
    raise ValueError(
        f"check: a function takes coordinates by name, of {columns}, or one array of all columns (n, {len(columns)}); "
        f"this one takes {needed}"
    )


def _called(problem: Problem, function: Callable[..., Any], layout: Layout, coords: Any, by_name: bool) -> Any:
    if not by_name:
        return function(coords[:, list(layout.columns)])
    scope, at = {}, 0
    for axis in problem.axes:
        scope[axis.name] = coords[:, at] if axis.dim == 1 else coords[:, at : at + axis.dim]
        at += axis.dim
    return call(function, scope, "check: the function")


def _rounding(value: Any) -> float:
    """Relative rounding error of the numbers that a function returns."""
    if isinstance(value, Mapping):
        return max(_rounding(v) for v in value.values())
    if isinstance(value, (tuple, list)):
        return max(_rounding(v) for v in value)
    single = str(value.dtype if isinstance(value, Tensor) else np.asarray(value).dtype).endswith("float32")
    return float(np.finfo(np.float32 if single else np.float64).eps)


# values -------------------------------------------------------------------------------------------------------------
def _components(problem: Problem, value: Any, count: int, layout: Layout) -> Tensor:
    """Components of all unknowns side by side ``(n, c)``."""
    if isinstance(value, Mapping):
        missing = [name for name in problem.names if name not in value]
        if missing:
            raise ValueError(f"it gives no values of `{missing[0]}`, only of {tuple(value)}")
        parts = [_columns(value[u.name], count, u.components or 1, f"`{u.name}`") for u in problem.unknowns]
        return torch.cat(parts, dim=1)
    if isinstance(value, (tuple, list)):
        value = torch.cat([_columns(v, count, None, f"output {i}") for i, v in enumerate(value)], dim=1)
    found = _columns(value, count, None, "the output")
    if found.shape[1] != layout.width:
        raise ValueError(
            f"it gives {found.shape[1]} values at each point, the unknowns {problem.names} have {layout.width}; "
            "name all outputs of a model that has more (outputs=, --outputs)"
        )
    return found[:, list(layout.outputs)]


def _columns(value: Any, count: int, width: int | None, name: str) -> Tensor:
    tensor = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    if tensor.is_complex():
        raise ValueError(f"{name} is complex; give its real part")
    if tensor.ndim == 0:
        tensor = tensor.expand(count)
    tensor = tensor[:, None] if tensor.ndim == 1 else tensor
    if tensor.ndim != 2 or tensor.shape[0] != count or (width is not None and tensor.shape[1] != width):
        wanted = f"({count},)" if width in (None, 1) else f"({count}, {width})"
        raise ValueError(f"{name} must have shape {wanted} for {count} points, got {tuple(tensor.shape)}")
    return tensor.double()


# modules ------------------------------------------------------------------------------------------------------------
def module_candidate(
    problem: Problem,
    module: Callable[..., Any],
    words: str,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    names: Sequence[str] | None = None,
    dtype: torch.dtype | None = None,
) -> Candidate:
    """Make a candidate of a torch module.

    Args:
        problem: the problem.
        module: a module of one input ``(n, d)``, or with `names` of one input for each column.
        words: the source in reports.
        inputs: columns in the order of the module; None takes that of the problem.
        outputs: components in the order of the module; likewise.
        names: names of its inputs, where each of them is one column.
        dtype: type of its inputs; None takes that of its parameters.

    Raises:
        ValueError: for a module that does not take the coordinates, or whose outputs have another shape.
    """
    layout = Layout.of(problem, _order(problem, names) if inputs is None else inputs, outputs)
    evaluate = module_values(problem, module, layout, names, dtype)
    trial = trial_points(problem, 16)
    try:
        with torch.enable_grad():
            differentiates = evaluate(trial.clone().requires_grad_()).requires_grad
    except _ERRORS as error:
        raise ValueError(
            f"check: {words} fails on points of {len(problem.frame.columns)} columns "
            f"{tuple(problem.frame.columns[i] for i in layout.columns)}: {' '.join(str(error).split())[:300]}"
        ) from None
    single = torch.finfo(torch.float32).eps if dtype in (None, torch.float32) else torch.finfo(torch.float64).eps
    return fields_of(problem, evaluate, words, rounding=None if differentiates else float(single))


def module_values(
    problem: Problem,
    module: Callable[..., Any],
    layout: Layout,
    names: Sequence[str] | None,
    dtype: torch.dtype | None,
) -> Callable[[Tensor], Tensor]:
    """Evaluate a module at coordinates of the problem, in its own precision, and give float64."""
    if dtype is None:
        parameters = module.parameters() if isinstance(module, nn.Module) else ()
        first = next((p for p in parameters if p.is_floating_point()), None)
        dtype = torch.float32 if first is None else first.dtype
    kind = dtype

    def evaluate(coords: Tensor) -> Tensor:
        own = coords[:, list(layout.columns)].to(kind)
        value = module(own) if names is None else module(*own.unbind(dim=1))
        return _components(problem, value, len(coords), layout)

    return evaluate


def _order(problem: Problem, names: Sequence[str] | None) -> Sequence[str] | None:
    """Names of inputs that are columns of the problem; None where they are not."""
    return names if names is not None and sorted(names) == sorted(problem.frame.columns) else None
