"""Modes in space whose coefficients are known functions of time, step by step: the result of a method of lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from .base import FieldModule
from .closed_form import by_closed_form
from .modes import chebyshev_modes, fourier_modes, mapped
from .protocols import AxisLike
from .registry import FIELDS
from .scaling import Scaling

__all__ = ["EvolvedModes", "EvolvedModesField", "Piece"]

Mixed = tuple[int, int]
"""Orders of a derivative along space and in time."""
_ROWS = 2048  # points evaluated at once
_ROUNDING = 1e-9  # half extents of time by which a point may lie beyond the last step


class Piece(NamedTuple):
    """Consecutive time steps that share their modes.

    Args:
        steps: K, the number of time steps.
        terms: m, the number of coefficients of the polynomial in time of a step.
        modes: N, the number of modes in space.
        waves: J, the number of exponentials in time beside the polynomial; 0 without.
        sites: places where the map of Chebyshev modes is concentrated; -1 for Fourier modes.
    """

    steps: int
    terms: int
    modes: int
    waves: int
    sites: int

    @property
    def fourier(self) -> bool:
        """True where the modes are exp(i pi n (s + 1)), False for T_n(g(s))."""
        return self.sites < 0


@FIELDS.register(
    examples=lambda: {
        "Fourier": EvolvedModes(time=1, pieces=(Piece(2, 4, 9, 1, -1), Piece(1, 4, 5, 1, -1))),
        "Chebyshev": EvolvedModes(time=0, pieces=(Piece(1, 5, 12, 0, 0), Piece(2, 5, 8, 0, 1))),
    }
)
@dataclass(frozen=True)
class EvolvedModes:
    """Modes in space with coefficients that depend on time; `solve(problem, None, March())` makes them.

    The numbers that a file needs to rebuild an `EvolvedModesField`.

    Args:
        time: the column of time among the two coordinates.
        pieces: consecutive groups of time steps, each as `Piece` or its five numbers.
    """

    smoothness: ClassVar[float] = math.inf

    time: int
    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        """Check the arguments; pieces may be rows of numbers, as files have them."""
        pieces = tuple(p if isinstance(p, Piece) else Piece(*(int(number) for number in p)) for p in self.pieces)
        if self.time not in (0, 1) or not pieces:
            raise ValueError(
                f"EvolvedModes: expected time 0 or 1 and at least one piece, got {self.time} and {pieces}; "
                f"such a spec is made by March(), not by hand"
            )
        object.__setattr__(self, "pieces", pieces)

    def __repr__(self) -> str:
        steps, modes = sum(p.steps for p in self.pieces), max(p.modes for p in self.pieces)
        kind = "Fourier wavenumbers kept," if self.pieces[0].fourier else "mapped Chebyshev modes"
        return f"<{modes} {kind} marched over {steps} steps>"

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,  # noqa: ARG002 - nothing is drawn; every spec takes it
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> EvolvedModesField:
        """Build the field over one space axis and time; it is zero until its buffers are filled.

        Raises:
            ValueError: for axes of another number of columns than two.
        """
        if sum(axis.dim for axis in axes) != 2:
            raise ValueError(f"EvolvedModes.build: such a field has one space axis and time, got {len(axes)} axes")
        return EvolvedModesField(self, axes, outputs).to(device=device, dtype=dtype)


class EvolvedModesField(FieldModule):
    """Module of `EvolvedModes`: u(x, t) = sum_n c_n(t) phi_n(x), with the modes phi_n and coefficients by time step.

    In step k the coefficients are c_n(t) = sum_m p_mn tau^m + sum_j a_jn exp(lambda_jn (t - t_k)) with
    tau = (t - t_k) / (t_k+1 - t_k).  phi_n are exp(i pi n (s + 1)), of which the real part is taken, on a periodic
    axis, else Chebyshev polynomials T_n(g(s)) of a coordinate g that is stretched where the solution is sharp; s in
    [-1, 1] is the scaled coordinate.  All derivatives have closed forms, which a Taylor pass uses.

    After the last step the state is kept, with rate 0: the residual there shows that the march ended early, and nothing
    is extrapolated.

    Complex numbers are kept as pairs of real ones, the last dimension.  Buffers of piece i: `times_i` (K + 1,),
    `powers_i` (K, m, outputs, N, parts), `waves_i` (K, outputs, J, N, 2), `rates_i` (J, N, 2), `map_i` (2 + 3 sites,).
    """

    spec: EvolvedModes

    def __init__(self, spec: EvolvedModes, axes: Sequence[AxisLike], outputs: int) -> None:
        """Take the shapes from `spec`; all buffers are zero."""
        super().__init__(spec)
        self.scaling = Scaling(axes)
        self.outputs = outputs
        for i, piece in enumerate(spec.pieces):
            parts = 2 if piece.fourier else 1
            shapes = {
                "times": (piece.steps + 1,),
                "powers": (piece.steps, piece.terms, outputs, piece.modes, parts),
                "waves": (piece.steps, outputs, piece.waves, piece.modes, 2),
                "rates": (piece.waves, piece.modes, 2),
                "map": (2 + 3 * max(piece.sites, 0),),
            }
            for name, shape in shapes.items():
                self.register_buffer(f"{name}_{i}", torch.zeros(shape, dtype=torch.float64))

    @property
    def space(self) -> int:
        """The column of space."""
        return 1 - self.spec.time

    def forward(self, coords: Tensor) -> Tensor:
        """Evaluate the field: (n, 2) -> (n, outputs); Taylor coefficients of the coordinates pass in closed form."""
        return by_closed_form(self, coords, self.outputs)

    def derivative(self, coords: Tensor, order: Sequence[int]) -> Tensor:
        """Evaluate the derivative along the columns `order` in closed form: (n, 2) -> (n, outputs)."""
        along = sum(column == self.space for column in order)
        return self.evaluate(coords.detach(), along, len(order) - along)

    def derivatives(self, coords: Tensor, orders: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Tensor]:
        """Evaluate derivatives along columns, by their columns, as `derivative` does for one of them."""
        named = {tuple(order): sum(column == self.space for column in order) for order in orders}
        counts = {order: (along, len(order) - along) for order, along in named.items()}
        found = self.evaluate_all(coords.detach(), list(dict.fromkeys(counts.values())))
        return {order: found[count] for order, count in counts.items()}

    @torch.no_grad()
    def evaluate(self, coords: Tensor, along: int, rate: int) -> Tensor:
        """Evaluate `along` derivatives in space and `rate` in time: (n, 2) -> (n, outputs)."""
        return self.evaluate_all(coords, [(along, rate)])[along, rate]

    @torch.no_grad()
    def evaluate_all(self, coords: Tensor, orders: Sequence[Mixed]) -> dict[Mixed, Tensor]:
        """Evaluate several derivatives, each `(along, rate)` as above, of which the coefficients are computed once."""
        coords = coords.clone()
        times = coords[:, self.spec.time]
        last = self._buffer("times", len(self.spec.pieces) - 1)[-1]
        beyond = times > last + _ROUNDING / self.scaling.rate[self.spec.time]
        times = torch.where(beyond, last, times)
        coords[:, self.spec.time] = times
        starts = torch.stack([self._buffer("times", i)[0] for i in range(len(self.spec.pieces))])
        which = (torch.searchsorted(starts, times, right=True) - 1).clamp(min=0)
        out = {order: coords.new_zeros(coords.shape[0], self.outputs) for order in orders}
        ascending = torch.argsort(times, stable=True)
        for i in range(len(self.spec.pieces)):
            mine = ascending[which[ascending] == i]
            for rows in mine.split(_ROWS):
                for order, values in self._piece(i, coords[rows], tuple(out)).items():
                    out[order][rows] = values
        for (_, rate), values in out.items():
            if rate:
                values[beyond] = 0.0
        return out

    def _buffer(self, name: str, i: int) -> Tensor:
        return self.get_buffer(f"{name}_{i}")

    def _piece(self, i: int, coords: Tensor, orders: Sequence[Mixed]) -> dict[Mixed, Tensor]:
        """Evaluate one piece at points (n, 2): coefficients once for each time, modes once for each place."""
        times, when = coords[:, self.spec.time].unique(return_inverse=True)
        places, where = coords[:, self.space].unique(return_inverse=True)
        scaled = (places - self.scaling.center[self.space]) * self.scaling.rate[self.space]
        modes = {
            along: self._modes(i, scaled, along) * self.scaling.rate[self.space] ** along
            for along in dict.fromkeys(along for along, _ in orders)
        }
        out = {order: coords.new_zeros(coords.shape[0], self.outputs) for order in orders}
        is_grid = len(times) * len(places) <= 4 * len(coords)  # every place at every time
        for first, coefficients in self._coefficients(i, times, tuple(dict.fromkeys(rate for _, rate in orders))):
            last = first + next(iter(coefficients.values())).shape[0]
            mine = ((when >= first) & (when < last)).nonzero()[:, 0]
            for along, rate in orders:
                here, shapes = coefficients[rate], modes[along]
                if is_grid:
                    table = torch.einsum("toN,pN->tpo", here.real, shapes.real)
                    if self.spec.pieces[i].fourier:
                        table = table - torch.einsum("toN,pN->tpo", here.imag, shapes.imag)
                    out[along, rate][mine] = table[when[mine] - first, where[mine]]
                else:
                    found = torch.einsum("noN,nN->no", here[when[mine] - first], shapes[where[mine]])
                    out[along, rate][mine] = found.real
        return out

    def _modes(self, i: int, scaled: Tensor, along: int) -> Tensor:
        piece = self.spec.pieces[i]
        if piece.fourier:
            return fourier_modes(scaled, piece.modes, along)
        return chebyshev_modes(mapped(scaled, self._buffer("map", i), along), piece.modes, along)

    def _coefficients(self, i: int, times: Tensor, orders: Sequence[int]) -> Iterator[tuple[int, dict[int, Tensor]]]:
        """Yield derivatives of the coefficients by order, (n, outputs, N) each, at ascending `times`, in chunks."""
        piece, knots = self.spec.pieces[i], self._buffer("times", i)
        step = (torch.searchsorted(knots, times, right=True) - 1).clamp(0, piece.steps - 1)
        size = knots[step + 1] - knots[step]
        chunk = max(1, 2**22 // (self.outputs * piece.modes * max(piece.terms, 1)))
        for first in range(0, len(times), chunk):
            own = slice(first, first + chunk)
            since = times[own] - knots[step[own]]
            tau = since / size[own]
            powers = self._buffer("powers", i)[step[own]]
            if piece.waves:
                rates = torch.view_as_complex(self._buffer("rates", i))
                growth = torch.exp(rates * since[:, None, None])
                amplitude = torch.view_as_complex(self._buffer("waves", i)[step[own]])
            found: dict[int, Tensor] = {}
            for rate in orders:
                total = torch.zeros_like(powers[:, 0])
                for m in range(piece.terms - 1, rate - 1, -1):
                    total = total * tau[:, None, None, None] + math.perm(m, rate) * powers[:, m]
                total = total / (size[own] ** rate)[:, None, None, None]
                found[rate] = torch.view_as_complex(total.contiguous()) if piece.fourier else total[..., 0]
                if piece.waves:
                    found[rate] = found[rate] + torch.einsum("nojN,njN->noN", amplitude, growth * rates**rate)
            yield first, found
