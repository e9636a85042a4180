"""Solutions as programs for other runtimes: ONNX and torch.export."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Sobol
from pinnkit.solutions.files import replacing
from pinnkit.solutions.solution import Solution

from .traceable import Traceable

__all__ = ["TRACED", "write_exported", "write_onnx"]

TRACED = (
    "Siren", "MLP", "FourierMLP", "Gauss", "Wire", "GeometricMLP", "RandomFourier", "TotalDegree", "Additive",
    "Expansion", "PiecewiseInTime", "PiecewisePolynomial",
)  # fmt: skip
"""Fields that torch.export traces."""
_TABLES = "write its values instead (.npz, .csv, .vtu)"
_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Difference of an ONNX model from the solution, relative to the largest value, that counts as none."""
_POINTS = 256


def write_exported(solution: Solution, path: Path) -> Path:
    """Write a torch.export archive whose inputs are the coordinates, vectors ``(n,)`` of one length.

    Raises:
        ValueError: for a field that cannot be traced.
    """
    program = _traced(_on_cpu(solution, solution.dtype))
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(program, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path


def write_onnx(solution: Solution, path: Path) -> Path:
    """Write an ONNX model whose inputs are the coordinates, vectors ``(n,)`` of one length, and outputs the unknowns.

    The model is run and compared with the solution.  One in float64 with an operation that ONNX Runtime has in float32
    alone is written in float32.

    Raises:
        ValueError: for a field that cannot be traced, missing packages, and a model with other values.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"export: ONNX needs {', '.join(missing)}, which are not installed; "
            "python -m pip install 'pinnkit[exchange]'"
        )
    reason = ""
    for dtype in dict.fromkeys((solution.dtype, torch.float32)):
        data = _onnx_bytes(_on_cpu(solution, dtype))
        reason = _difference(solution, data, dtype)
        if not reason:
            with replacing(path) as temporary:
                temporary.write_bytes(data)
            return path
    raise ValueError(f"export: the ONNX model of {solution.field_text} {reason}; {_TABLES}")


def _on_cpu(solution: Solution, dtype: torch.dtype) -> Solution:
    """A copy with its modules on the CPU, in one precision, whose parameters are constants."""
    modules = {
        g: copy.deepcopy(m).to(device="cpu", dtype=dtype).requires_grad_(False) for g, m in solution.modules.items()
    }
    return replace(solution, modules=modules, device="cpu", dtype=dtype)


def _traced(solution: Solution) -> torch.export.ExportedProgram:
    module = Traceable(solution)
    some = _points(solution, 8)
    rows = torch.export.Dim("n", min=2)
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(module, some, dynamic_shapes={"columns": tuple({0: rows} for _ in some)})
    except Exception as error:  # the tracer raises of everything
        kinds = sorted({type(m).__name__ for m in solution.modules.values()})
        own = "the ansatz uses" in str(error)
        said = f" ({error})" if own else ""
        raise ValueError(
            f"export: {', '.join(kinds)} of {solution.field_text} cannot be traced{said}; fields that can are "
            f"{', '.join(TRACED)}; {_TABLES}"
        ) from None


def _points(solution: Solution, count: int) -> tuple[Tensor, ...]:
    """Points of the domain, one vector for each column."""
    generator = torch.Generator().manual_seed(0)
    coords = solution.problem.domain.sample(count, generator, sampling=Sobol()).coords
    return coords.to(solution.dtype).unbind(dim=1)


def _names(solution: Solution) -> list[str]:
    return [column.replace("[", "_").rstrip("]") for column in solution.problem.frame.columns]


def _onnx_bytes(solution: Solution) -> bytes:
    program = _traced(solution)
    try:
        with _quiet():
            written: Any = torch.onnx.export(
                program,
                _points(solution, 8),
                dynamo=True,
                input_names=_names(solution),
                output_names=list(solution.problem.names),
                verbose=False,
            )
            return bytes(written.model_proto.SerializeToString())
    except Exception as error:  # the converter raises of everything
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"export: {solution.field_text} has no form in ONNX ({said}); {_TABLES}") from None


def _difference(solution: Solution, data: bytes, dtype: torch.dtype) -> str:
    """Run the model and compare it; the reason against it, empty where there is none."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    points = [p.to(dtype).numpy() for p in _points(solution, _POINTS)]
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        found = session.run(list(solution.problem.names), dict(zip(_names(solution), points, strict=True)))
    except Exception as error:  # ONNX Runtime has errors of its own
        return f"does not run ({' '.join(str(error).split())[:200]})"
    coords = torch.stack([torch.from_numpy(p) for p in points], dim=1).to(solution.device, solution.dtype)
    wanted = solution.fieldset.unknowns(coords, solution.coefficient_tensors)
    for name, values in zip(solution.problem.names, found, strict=True):
        true = wanted[name].double().cpu().numpy()
        gap = float(np.abs(np.asarray(values, dtype=np.float64) - true).max())
        if not gap <= _CLOSE[dtype] * max(float(np.abs(true).max()), 1e-300):
            return f"differs from `{name}` by {gap:.2g}"
    return ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the tracer and the converter, which print and warn whatever they do."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")  # of the converter on itself
            with np.errstate(all="ignore"):  # the converter folds constants
                yield
    finally:
        logging.disable(before)
