"""Problems and fields made again from the content of a solution's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pinnkit.domains import SHAPES, Box, Domain, domain_from_dict
from pinnkit.fields import FieldSpec
from pinnkit.fields.scaled_readout import scaled
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.conditions import Prescribed
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term

from .bounded_build import bounded, check_numbers
from .file_content import Content
from .piece_fields import spec_of_dict
from .solution import Solution

__all__ = ["rebuild", "stand_in"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def stand_in(content: Content) -> tuple[Problem | None, str]:
    """A problem with the same domain and unknowns, enough to evaluate fields; None and the reason without one."""
    metadata = content.metadata
    if metadata["ansatz"]:
        return None, f"the unknowns {metadata['ansatz']} go through an ansatz, which is code"
    domain, reason = _domain(content)
    if domain is None:
        return None, reason
    filler = Term("stand-in", (domain,), Prescribed(tuple((u.name, 0.0) for u in content.unknowns)))
    return Problem(metadata["problem"], domain, content.unknowns, [filler], facts=metadata.get("facts", {})), ""


def _domain(content: Content) -> tuple[Domain | None, str]:
    """The domain of a file, or None and the reason where only the problem has it."""
    metadata = content.metadata
    if "is_box" in metadata:  # version 1
        return (
            (Box.of(*content.axes), "") if metadata["is_box"] else (None, f"its domain {metadata['domain']} is no box")
        )
    data = metadata["domain_data"]
    if data is None:
        return None, f"its domain is not in the file: {metadata['domain_refusal']}"
    if data["type"] != "Box" and data["type"] not in SHAPES:
        return (
            None,
            f"its domain is a {data['type']}, which is not registered here; import the script that registers it",
        )
    domain = domain_from_dict(data)
    if domain.axes != content.axes:
        raise ValueError(f"its domain {domain!r} does not have its axes")
    return domain, ""


def rebuild(problem: Problem, content: Content, device: str, path: Path) -> Solution:
    """The solution of a file, with its fields on `device`.

    Raises:
        UnreadableFile: for fields that cannot be built, or a state that does not fit them.
        ValueError: for fields far larger than their stored state.
    """
    metadata = content.metadata
    if metadata["dtype"] not in _DTYPES:
        raise UnreadableFile(path, f"is damaged: there are no fields of type '{metadata['dtype']}'", "load")
    dtype = _DTYPES[metadata["dtype"]]
    fields: dict[tuple[str, ...], FieldSpec | None] = {}
    modules: dict[tuple[str, ...], nn.Module] = {}
    for names, spec_data, state in zip(metadata["groups"], metadata["specs"], content.states, strict=True):
        group = tuple(names)
        stored = sum(array.size for array in state.values())
        check_numbers(spec_data, stored)
        try:
            spec = spec_of_dict(spec_data)
        except ValueError as error:
            raise UnreadableFile(path, f"has a field that cannot be rebuilt: {error}", "load") from None
        used = problem.unknown(group[0]).axes
        periodic = metadata.get("periodic", ())  # a hard condition, known without the problem
        axes = [
            replace(a, periodic=a.periodic or a.name in periodic)
            for a in problem.axes
            if used is None or a.name in used
        ]
        outputs = sum(problem.unknown(name).components or 1 for name in group)
        generator = torch.Generator().manual_seed(metadata["seed"])
        with bounded(len(state), stored):
            module = spec.build(axes, outputs, generator=generator, dtype=dtype, device="cpu")
        if any(key.endswith("readout.scale") for key in state):
            module = scaled(module)
        try:
            module.load_state_dict({key: torch.as_tensor(value) for key, value in state.items()})
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            words = f"is damaged: the state does not fit {spec!r} ({reason[:120]})"
            raise UnreadableFile(path, words, "load") from None
        fields[group], modules[group] = spec, module.to(device).requires_grad_(False)
    return Solution(
        problem=problem,
        fields=fields,
        modules=modules,
        coefficients=metadata["coefficients"],
        status=content.status,
        history=content.history,
        seconds=metadata["seconds"],
        seed=metadata["seed"],
        device=device,
        dtype=dtype,
        solvers=tuple(metadata["solvers"]),
        choice=metadata["choice"],
        residual_rms=metadata["residual_rms"],
        steps=metadata["steps"],
        parameters=metadata["parameters"],
        versions=metadata["versions"],
        rows=metadata.get("rows", {}),
        training_rms=metadata.get("training_rms", {}),
    )
