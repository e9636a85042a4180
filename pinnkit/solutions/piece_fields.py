"""Fields of the pieces of a domain as one field: the piece that contains a point selects the field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pinnkit.derivatives import sum_operators, terms_of
from pinnkit.domains import Domain, domain_from_dict, domain_to_dict
from pinnkit.domains.pieces.partition import nearest_piece
from pinnkit.fields import FieldSpec, spec_from_dict, spec_to_dict
from pinnkit.fields.base import FieldModule
from pinnkit.fields.protocols import AxisLike, ClosedFormJets
from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Channel as Derived

__all__ = ["PieceField", "PieceFields", "spec_of_dict", "spec_to_plain"]


@dataclass(frozen=True)
class PieceFields:
    """Fields of the pieces of a domain, u(x) = u_k(x) in piece k; `solve` makes them for a problem in pieces.

    Values and derivatives on the boundary of two pieces are those of the first.

    Args:
        fields: the spec of the field of each piece; None where the unknowns do not live.
        pieces: the pieces in space.

    Raises:
        ValueError: for other numbers of fields than of pieces, or no field at all.
    """

    fields: tuple[FieldSpec | None, ...]
    pieces: tuple[Domain, ...]

    def __post_init__(self) -> None:
        """Check the arguments."""
        if len(self.fields) != len(self.pieces) or all(spec is None for spec in self.fields):
            raise ValueError(
                f"PieceFields: there must be a field for each of the {len(self.pieces)} pieces, or None where the "
                f"unknowns do not live, got {self.fields!r}"
            )

    @property
    def smoothness(self) -> float:
        """Number of times that each of the fields may be differentiated inside its piece."""
        return min(spec.smoothness for spec in self.fields if spec is not None)

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> PieceField:
        """Build the field over `axes`: (n, d_total) -> (n, outputs); each piece is scaled to its own bounding box."""
        modules = []
        for spec, piece in zip(self.fields, self.pieces, strict=True):
            own = {axis.name: axis for axis in piece.axes}
            local = [own.get(axis.name, axis) for axis in axes]
            modules.append(
                None if spec is None else spec.build(local, outputs, generator=generator, dtype=dtype, device=device)
            )
        return PieceField(self, [axis.name for axis in axes for _ in range(axis.dim)], outputs, modules)

    def __repr__(self) -> str:
        shown = dict.fromkeys(map(repr, self.fields))
        return f"{len(self.pieces)} pieces: {', '.join(shown)}"


class PieceField(FieldModule):
    """Module of `PieceFields`.

    Args:
        spec: the fields and pieces.
        columns: names of the columns of the coordinates.
        outputs: number of outputs.
        modules: the module of each piece; None where the unknowns do not live, and their values are NaN.
    """

    spec: PieceFields

    def __init__(
        self, spec: PieceFields, columns: Sequence[str], outputs: int, modules: Sequence[nn.Module | None]
    ) -> None:
        super().__init__(spec)
        self.outputs = outputs
        self.space = [list(columns).index(name) for name in spec.pieces[0].columns]
        self.pieces = nn.ModuleList([nn.Identity() if module is None else module for module in modules])

    def owner(self, coords: Tensor) -> Tensor:
        """Index of the piece of each point, ``(n,)``."""
        return nearest_piece(self.spec.pieces, coords[:, self.space].detach().double().cpu()).to(coords.device)

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, d_total) -> (n, outputs)."""
        found = self._gathered(coords, lambda module, part: {(): module(part)}, [()])
        return found[()]

    def jets(self, coords: Tensor, orders: Iterable[Derived]) -> dict[Derived, Tensor]:
        """Evaluate derivatives of the field: (n, d_total) -> {order: (n, outputs)}."""
        wanted = list(orders)

        def of(module: nn.Module, part: Tensor) -> Mapping[Derived, Tensor]:
            if isinstance(module, ClosedFormJets):
                single = list(dict.fromkeys(member for order in wanted for _, member in terms_of(order)))
                return sum_operators(module.jets(part, single), wanted)
            return jets(module, part, wanted)

        return self._gathered(coords, of, wanted)

    def _gathered(
        self, coords: Tensor, of: Callable[[nn.Module, Tensor], Mapping[Any, Tensor]], orders: Sequence[Any]
    ) -> dict[Any, Tensor]:
        """Values of each piece at its own points, in the order of the points."""
        owner = self.owner(coords)
        out = {order: coords.new_full((coords.shape[0], self.outputs), torch.nan) for order in orders}
        for k, module in enumerate(self.pieces):
            rows = (owner == k).nonzero()[:, 0]
            if self.spec.fields[k] is None or not len(rows):
                continue
            for order, values in of(module, coords[rows]).items():
                out[order] = out[order].index_copy(0, rows, values)
        return out


def spec_to_plain(spec: FieldSpec) -> dict[str, Any]:
    """Return a spec, also of fields in pieces, as a dictionary ready for `json.dumps`.

    Raises:
        ValueError: for a spec or shape that is not registered.
    """
    if not isinstance(spec, PieceFields):
        return spec_to_dict(spec)
    return {
        "type": "PieceFields",
        "fields": [None if f is None else spec_to_dict(f) for f in spec.fields],
        "pieces": [domain_to_dict(piece) for piece in spec.pieces],
    }


def spec_of_dict(data: Mapping[str, Any]) -> FieldSpec:
    """Return the spec that `spec_to_plain` wrote.

    Raises:
        ValueError: for a type or an argument that does not exist, and for arguments that the spec refuses.
    """
    if data.get("type") != "PieceFields":
        return spec_from_dict(data)
    fields = tuple(None if f is None else spec_from_dict(f) for f in data["fields"])
    return PieceFields(fields, tuple(domain_from_dict(piece) for piece in data["pieces"]))
