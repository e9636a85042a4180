"""A problem as it is seen in each of its pieces: names of the unknowns, values of the coefficients."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from pinnkit.domains import Operand, Part, SignedDistance
from pinnkit.domains.pieces.partition import Piece, in_space, within
from pinnkit.problem.protocols import ProblemLike
from pinnkit.problem.unknowns import Unknown

from .in_piece import InPiece, Names
from .piecewise import Piecewise

__all__ = ["PieceView", "holds_in", "is_divided", "views_of"]

_PROBES = 256
_MOST = 0.99
"""Share of a piece in a part from which the part covers it."""


@dataclass(frozen=True)
class PieceView:
    """A problem as it is seen in one piece.

    Args:
        piece: the piece.
        names: for each unknown that lives there its name in the problem in pieces.
        branches: for each piecewise coefficient the number of its branch there.
    """

    piece: Piece
    names: Names
    branches: tuple[tuple[Piecewise, int], ...]

    def wrap(self, function: Callable[..., Any]) -> InPiece:
        """Return a function of the user as it is in the piece."""
        return InPiece(function, self.names, self.branches)


def views_of(problem: ProblemLike) -> tuple[PieceView, ...]:
    """Return a problem as it is seen in each of its pieces."""
    taken = {*problem.names, *problem.frame.names, *(c.name for c in problem.coefficients)}
    views = []
    for piece in problem.pieces:
        names = []
        for u in problem.unknowns:
            if not is_divided(problem, u):
                names.append((u.name, u.name))
            elif u.on is None or within(piece, _shape(u.on)):
                copy = f"{u.name}_{piece.number}"
                while copy in taken or keyword.iskeyword(copy):
                    copy = f"{copy}_"
                names.append((u.name, copy))
        points = piece.domain.sample(64, Generator().manual_seed(0)).coords
        views.append(PieceView(piece, tuple(names), tuple((k, _branch(k, piece, points)) for k in problem.piecewise)))
    return tuple(views)


def is_divided(problem: ProblemLike, unknown: Unknown) -> bool:
    """Return whether an unknown has a copy in each piece: where it depends on all of space."""
    return set(problem.frame.space) <= problem.columns_of(unknown.name)


def _shape(on: Operand | Piece) -> Operand:
    return in_space(on.domain)[0] if isinstance(on, Piece) else on


def _branch(coefficient: Piecewise, piece: Piece, points: Tensor) -> int:
    """Number of the branch of a coefficient in a piece."""
    columns = [axis.name for axis in piece.axes]
    where = coefficient.number_at(*(points[:, columns.index(name)] for name in coefficient.columns))
    return int(torch.mode(where).values)


def holds_in(part: Part, piece: Piece) -> bool:
    """Return whether a part of the domain with an interior covers a piece."""
    if part == piece.domain:
        return True
    if not isinstance(part, SignedDistance):
        return False
    points = piece.domain.sample(_PROBES, Generator().manual_seed(0)).coords
    return bool((part.signed_distance(points) <= 0).double().mean() > _MOST)
