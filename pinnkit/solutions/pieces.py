"""Solutions of problems in pieces, and of the problem as it was given: one from the other."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from pinnkit.fields import FieldSpec
from pinnkit.problem.problem import Problem

from .piece_fields import PieceField, PieceFields
from .solution import Solution

__all__ = ["merged", "of_pieces"]

Group = tuple[str, ...]


def merged(problem: Problem, pieces: Solution) -> Solution:
    """Return the solution of a problem whose domain is divided, from that of `problem.in_pieces`.

    Its fields evaluate the piece that contains a point; the record of the solve is that of the pieces.  The groups of
    unknowns that share a field must be the same in all pieces where they live.
    """
    owners = {copy: (k, name) for k, here in enumerate(problem.names_in_pieces) for name, copy in here.items()}
    shapes = tuple(piece.shape for piece in problem.pieces)
    found: dict[Group, dict[int, Group]] = {}
    fields: dict[Group, FieldSpec | None] = {}
    modules: dict[Group, nn.Module] = {}
    for group, module in pieces.modules.items():
        if all(name in problem.names for name in group):  # not divided
            fields[group], modules[group] = pieces.fields[group], module
        else:
            own = tuple(owners[copy][1] for copy in group)
            found.setdefault(own, {})[owners[group[0]][0]] = group
    for own, by_piece in found.items():
        specs = tuple(pieces.fields[by_piece[k]] if k in by_piece else None for k in range(len(shapes)))
        parts = [pieces.modules[by_piece[k]] if k in by_piece else None for k in range(len(shapes))]
        spec = PieceFields(specs, shapes)
        columns = [c for c in problem.frame.columns if c in problem.columns_of(own[0])]
        outputs = sum(problem.unknown(name).components or 1 for name in own)
        fields[own], modules[own] = spec, PieceField(spec, columns, outputs, parts)
    return replace(pieces, problem=problem, fields=fields, modules=modules)


def of_pieces(solution: Solution) -> Solution:
    """Return the solution of `problem.in_pieces` that a solution is made of; itself where the domain is not divided."""
    problem = solution.problem
    if not problem.is_divided:
        return solution
    fields: dict[Group, FieldSpec | None] = {}
    modules: dict[Group, nn.Module] = {}
    for group, module in solution.modules.items():
        if not isinstance(module, PieceField):
            fields[group], modules[group] = solution.fields[group], module
            continue
        for here, spec, part in zip(problem.names_in_pieces, module.spec.fields, module.pieces, strict=True):
            if spec is not None:
                copies = tuple(here[name] for name in group)
                fields[copies], modules[copies] = spec, part
    return replace(solution, problem=problem.in_pieces, fields=fields, modules=modules)
