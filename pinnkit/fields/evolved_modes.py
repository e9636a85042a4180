"""What a march in time leaves behind: modes in space whose coefficients are known functions of time, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from .base import AxisLike
from .derivatives import terms_of
from .modes import chebyshev_modes, fourier_modes, mapped
from .scaling import Scaling

__all__ = ["MarchedField", "MarchedSpec", "Piece"]

_ROWS = 2048  # points evaluated at once
_ROUNDING = 1e-9  # half extents of time by which a point may lie beyond the last step


class Piece(NamedTuple):
    """A run of time steps that share their modes.

    Args:
        steps: K, how many time steps.
        terms: m, how many powers of time a step's polynomial has.
        modes: N, how many modes in space.
        waves: J, exponentials in time beside the polynomial; 0 without.
        sites: places where the map of Chebyshev modes is concentrated; -1 for Fourier modes.
    """

    steps: int
    terms: int
    modes: int
    waves: int
    sites: int

    @property
    def fourier(self) -> bool:
        """Whether the modes are exp(i pi n (s + 1)), else T_n(g(s))."""
        return self.sites < 0


@dataclass(frozen=True)
class MarchedSpec:
    """The shape of a `MarchedField`, which a file needs to rebuild it; `solve(problem, None, March())` makes them.

    Args:
        time: the column of time among the two coordinates.
        pieces: the runs of time steps, each as `Piece` or its five numbers.
    """

    smoothness: ClassVar[float] = math.inf

    time: int
    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        """Take pieces as rows of numbers too, as they come from a file."""
        pieces = tuple(p if isinstance(p, Piece) else Piece(*(int(number) for number in p)) for p in self.pieces)
        if self.time not in (0, 1) or not pieces:
            raise ValueError(
                f"MarchedSpec: expected time 0 or 1 and at least one piece, got {self.time} and {pieces}; "
                f"such a spec is made by March(), not by hand"
            )
        object.__setattr__(self, "pieces", pieces)

    def __repr__(self) -> str:
        steps, modes = sum(p.steps for p in self.pieces), max(p.modes for p in self.pieces)
        kind = "Fourier" if self.pieces[0].fourier else "mapped Chebyshev"
        return f"<{modes} {kind} modes marched over {steps} steps>"

    def build(
        self,
        axes: Sequence[AxisLike],
        outputs: int,
        *,
        generator: torch.Generator,  # noqa: ARG002 - nothing is drawn; every spec takes it
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> MarchedField:
        """Build the field over one space axis and time, zero until it is filled."""
        if sum(axis.dim for axis in axes) != 2:
            raise ValueError(f"MarchedSpec.build: a marched field has one space axis and time, got {len(axes)} axes")
        return MarchedField(self, axes, outputs).to(device=device, dtype=dtype)


class MarchedField(nn.Module):
    """u(x, t) = sum_n c_n(t) phi_n(x), with c_n(t) = sum_m p_mn tau^m + sum_j a_jn exp(lambda_jn (t - t_k)) in step k.

    tau = (t - t_k) / (t_k+1 - t_k).  phi_n are exp(i pi n (s + 1)), of which the real part is taken, on a periodic
    axis, else Chebyshev polynomials T_n(g(s)) of a coordinate g that is stretched where the solution is sharp; s in
    [-1, 1] is the scaled coordinate.  All derivatives have closed forms; jets take them from here.

    Where the march was ended before the end of time, the last state stands still from there on, with rate 0: so its
    residual says that it did not arrive, and nothing is extrapolated.

    Complex numbers are kept as pairs of real ones, the last dimension.  Buffers of piece i: `times_i` (K + 1,),
    `powers_i` (K, m, outputs, N, parts), `waves_i` (K, outputs, J, N, 2), `rates_i` (J, N, 2), `map_i` (2 + 3 sites,).
    """

    def __init__(self, spec: MarchedSpec, axes: Sequence[AxisLike], outputs: int) -> None:
        """Take the shapes from `spec`; all buffers are zero."""
        super().__init__()
        self.spec = spec
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
    def smoothness(self) -> float:
        """How many times the field may be differentiated in its coordinates."""
        return self.spec.smoothness

    @property
    def space(self) -> int:
        """The column of space."""
        return 1 - self.spec.time

    def forward(self, coords: Any) -> Any:
        """Evaluate the field: (n, 2) -> (n, outputs); Taylor coefficients of the coordinates pass in closed form."""
        if isinstance(coords, Tensor):
            return _Differentiable.apply(coords, self, 0, 0)
        value, _ = coords.affinity
        return type(coords).later(coords.plan, value, (value.shape[0], self.outputs), _Closed(self, coords, value))

    def derivative(self, coords: Tensor, order: Sequence[int]) -> Tensor:
        """The derivative along the columns `order` in closed form: (n, 2) -> (n, outputs)."""
        along = sum(column == self.space for column in order)
        return self.evaluate(coords.detach(), along, len(order) - along)

    @torch.no_grad()
    def evaluate(self, coords: Tensor, along: int, rate: int) -> Tensor:
        """`along` derivatives in space and `rate` in time, (n, outputs)."""
        coords = coords.clone()
        times = coords[:, self.spec.time]
        last = self._buffer("times", len(self.spec.pieces) - 1)[-1]
        beyond = times > last + _ROUNDING / self.scaling.rate[self.spec.time]
        times = torch.where(beyond, last, times)
        coords[:, self.spec.time] = times
        starts = torch.stack([self._buffer("times", i)[0] for i in range(len(self.spec.pieces))])
        which = (torch.searchsorted(starts, times, right=True) - 1).clamp(min=0)
        out = coords.new_zeros(coords.shape[0], self.outputs)
        order = torch.argsort(times, stable=True)
        if rate:
            order = order[~beyond[order]]
        for i in range(len(self.spec.pieces)):
            mine = order[which[order] == i]
            for rows in mine.split(_ROWS):
                out[rows] = self._piece(i, coords[rows], along, rate)
        return out

    def _buffer(self, name: str, i: int) -> Tensor:
        found: Tensor = getattr(self, f"{name}_{i}")
        return found

    def _piece(self, i: int, coords: Tensor, along: int, rate: int) -> Tensor:
        """The field at points (n, 2) of one piece; coefficients once a time, modes once a place."""
        times, when = coords[:, self.spec.time].unique(return_inverse=True)
        places, where = coords[:, self.space].unique(return_inverse=True)
        scaled = (places - self.scaling.center[self.space]) * self.scaling.rate[self.space]
        modes = self._modes(i, scaled, along) * self.scaling.rate[self.space] ** along
        out = coords.new_zeros(coords.shape[0], self.outputs)
        for first, coefficients in self._coefficients(i, times, rate):
            last = first + coefficients.shape[0]
            mine = ((when >= first) & (when < last)).nonzero()[:, 0]
            if len(times) * len(places) <= 4 * len(coords):  # a grid: every place at every time
                table = torch.einsum("toN,pN->tpo", coefficients.real, modes.real)
                if self.spec.pieces[i].fourier:
                    table = table - torch.einsum("toN,pN->tpo", coefficients.imag, modes.imag)
                out[mine] = table[when[mine] - first, where[mine]]
            else:
                found = torch.einsum("noN,nN->no", coefficients[when[mine] - first], modes[where[mine]])
                out[mine] = found.real
        return out

    def _modes(self, i: int, scaled: Tensor, along: int) -> Tensor:
        piece = self.spec.pieces[i]
        if piece.fourier:
            return fourier_modes(scaled, piece.modes, along)
        return chebyshev_modes(mapped(scaled, self._buffer("map", i), along), piece.modes, along)

    def _coefficients(self, i: int, times: Tensor, rate: int) -> Iterator[tuple[int, Tensor]]:
        """The coefficients (n, outputs, N) at ascending `times`, or their `rate`-th derivatives, in chunks of times."""
        piece, knots = self.spec.pieces[i], self._buffer("times", i)
        step = (torch.searchsorted(knots, times, right=True) - 1).clamp(0, piece.steps - 1)
        size = knots[step + 1] - knots[step]
        chunk = max(1, 2**22 // (self.outputs * piece.modes * max(piece.terms, 1)))
        for first in range(0, len(times), chunk):
            own = slice(first, first + chunk)
            since = times[own] - knots[step[own]]
            tau = since / size[own]
            powers = self._buffer("powers", i)[step[own]]
            total = torch.zeros_like(powers[:, 0])
            for m in range(piece.terms - 1, rate - 1, -1):
                total = total * tau[:, None, None, None] + math.perm(m, rate) * powers[:, m]
            total = total / (size[own] ** rate)[:, None, None, None]
            if not piece.fourier:
                yield first, total[..., 0]
                continue
            found = torch.view_as_complex(total.contiguous())
            if piece.waves:
                rates = torch.view_as_complex(self._buffer("rates", i))
                growth = torch.exp(rates * since[:, None, None]) * rates**rate
                amplitude = torch.view_as_complex(self._buffer("waves", i)[step[own]])
                found = found + torch.einsum("nojN,njN->noN", amplitude, growth)
            yield first, found


class _Closed:
    """A Taylor pass through a marched field: the channels that are asked for, in closed form, and no other."""

    def __init__(self, field: MarchedField, coords: Any, value: Tensor) -> None:
        self.field, self.kind, self.plan, self.value = field, type(coords), coords.plan, value

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """The channels `wanted`, (len(wanted), n, outputs)."""
        return torch.stack([self._channel(self.plan.channels[channel]) for channel in wanted])

    def resolve(self) -> Any:
        """All channels."""
        return self.kind.full(self.plan, self.channels(self.plan.every))

    def _channel(self, channel: Any) -> Tensor:
        parts = (c * self.field.derivative(self.value, o) for c, o in terms_of(channel))
        return sum(parts, torch.zeros(()).to(self.value))


class _Differentiable(torch.autograd.Function):
    """A derivative of the field whose own derivatives are closed forms again, to any order."""

    @staticmethod
    def forward(ctx: Any, coords: Tensor, field: MarchedField, along: int, rate: int) -> Tensor:
        ctx.save_for_backward(coords)
        ctx.field, ctx.orders = field, (along, rate)
        return field.evaluate(coords.detach(), along, rate)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None, None]:
        (coords,) = ctx.saved_tensors
        field, (along, rate) = ctx.field, ctx.orders
        apply = _Differentiable.apply
        pair = {
            field.space: apply(coords, field, along + 1, rate),
            field.spec.time: apply(coords, field, along, rate + 1),
        }
        return torch.stack([(grad * pair[column]).sum(dim=1) for column in (0, 1)], dim=1), None, None, None
