"""ONNX models as solutions, evaluated by ONNX Runtime; derivatives by difference stencils."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pinnkit.files.content import check_size
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Problem

from .candidate import Candidate
from .models import Layout, fields_of, trial_points
from .optional import require

__all__ = ["onnx_candidate"]

_TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(double)": np.float64}


def onnx_candidate(
    problem: Problem, path: Path, inputs: Sequence[str] | None, outputs: Sequence[str] | None
) -> Candidate:
    """Make a candidate of an ONNX model with one input ``(n, d)``, or one for each coordinate by name.

    Raises:
        ValueError: for a file that is damaged or keeps weights in other files, inputs that are not the coordinates, and
            outputs of another shape.
    """
    check_size(path)
    require("onnxruntime", path)
    require("onnx", path)
    import onnx
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    try:
        model = onnx.load(path, load_external_data=False)
        held = [*model.graph.initializer]
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in held):
            raise ValueError("its weights are in other files, which are not read; save it as one file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its readers raise of everything
        raise UnreadableFile(path, f"cannot be read as ONNX, {' '.join(str(error).split())[:300]}") from None
    taken = session.get_inputs()
    kinds = {node.type for node in taken}
    if not taken or kinds - set(_TYPES) or len(kinds) != 1:
        raise ValueError(f"'{path}': its inputs must be real numbers of one type, got {sorted(kinds)}")
    kind = _TYPES[kinds.pop()]
    columns = problem.frame.columns
    names = [node.name for node in taken]
    together = len(taken) == 1 and (len(columns) > 1 or len(taken[0].shape or ()) == 2)
    if not together and len(taken) != len(columns):
        raise ValueError(f"'{path}' has the inputs {tuple(names)}, the problem the coordinates {columns}")
    own = inputs if inputs is not None or together else (names if sorted(names) == sorted(columns) else None)
    if not together and own is None:
        raise ValueError(
            f"'{path}' has the inputs {tuple(names)}, which are not {columns}; name them in order (--inputs)"
        )
    given = [node.name for node in session.get_outputs()]
    by_name = outputs is None and len(given) > 1 and sorted(given) == sorted(problem.names)
    layout = Layout.of(problem, own, given if by_name else outputs)
    ranks = [len(node.shape or ()) for node in taken]

    def evaluate(coords: Tensor) -> Tensor:
        points = coords.detach().cpu().numpy()[:, list(layout.columns)].astype(kind)
        if together:
            feed = {names[0]: points}
        else:
            feed = {
                n: points[:, i : i + 1] if r == 2 else points[:, i]
                for i, (n, r) in enumerate(zip(names, ranks, strict=True))
            }
        found = [np.asarray(v, dtype=np.float64).reshape(len(points), -1) for v in session.run(None, feed)]
        values = np.concatenate(found, axis=1)
        if values.shape[1] != layout.width:
            raise ValueError(f"it gives {values.shape[1]} values at each point, {layout.width} were expected")
        return torch.from_numpy(values[:, list(layout.outputs)])

    trial = trial_points(problem, 16)
    try:
        values = evaluate(trial)
    except Exception as error:  # ONNX Runtime has errors of its own
        raise ValueError(f"'{path}' fails on points of the domain: {' '.join(str(error).split())[:300]}") from None
    if not bool(torch.isfinite(values).any()):
        raise ValueError(f"'{path}' gives no finite values in the domain")
    return fields_of(problem, evaluate, f"'{path}'", rounding=float(np.finfo(kind).eps))
