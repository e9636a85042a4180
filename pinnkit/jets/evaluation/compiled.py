"""The Taylor pass as one compiled function per field and set of derivatives."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.orders import Channel
from pinnkit.jets.taylor.channel_plan import Plan, make_plan
from pinnkit.jets.taylor.taylor_pass import UnsupportedOperation

from .evaluate import Field, check_coords, jets, named, taylor_pass

__all__ = ["CompiledJets", "compiled", "missing_compiler"]

_log = logging.getLogger("pinnkit")


def compiled(field: Field, orders: Sequence[Channel]) -> CompiledJets:
    """Return `coords -> jets(field, coords, orders)`, compiled by torch at its first call (tens of seconds, once).

    Without a C++ compiler on a CPU, or for a field that the Taylor pass has no rules for, it runs eagerly, which is
    logged. A second number of points compiles once more, for any number of points; a second dtype as well.

    Raises:
        ValueError: as `jets`. torch._dynamo.exc.FailOnRecompileLimitHit: after too many recompilations; torch alone
        would run eagerly without a message.
    """
    channels = tuple(orders)
    return CompiledJets(field, channels, make_plan(channels))


class CompiledJets:
    """The derivatives `channels` of a field: call it with coords (n, d) for a dict channel -> (n, outputs)."""

    def __init__(self, field: Field, channels: tuple[Channel, ...], plan: Plan) -> None:
        self.field = field
        self.channels = channels
        self.plan = plan
        self._function: Callable[[Tensor], dict[Channel, Tensor]] | None = None

    def __call__(self, coords: Tensor) -> dict[Channel, Tensor]:
        """Evaluate at `coords`."""
        check_coords(coords, self.plan)
        if self._function is None:
            self._function = self._build(coords)
        return self._function(coords)

    def _build(self, coords: Tensor) -> Callable[[Tensor], dict[Channel, Tensor]]:
        def eager(coords: Tensor) -> dict[Channel, Tensor]:
            return jets(self.field, coords, self.channels)

        try:
            with torch.no_grad():  # a field without rules must be found before it is traced
                taylor_pass(self.field, coords[:1], self.plan)
        except UnsupportedOperation:
            return eager
        missing = missing_compiler(coords.device)
        if missing:
            _log.warning("derivatives run without compiling: %s", missing)
            return eager
        field, plan = self.field, self.plan

        def run(coords: Tensor) -> tuple[Tensor, ...]:
            return taylor_pass(field, coords, plan)

        function = torch.compile(_own_code(run), fullgraph=True)
        return lambda coords: named(plan, function(coords))


def _own_code(function: types.FunctionType | Callable[..., Any]) -> Callable[..., Any]:
    """Copy `function` with its own code object: torch counts recompilations by that, and closures share one."""
    assert isinstance(function, types.FunctionType)
    code = function.__code__.replace(co_name=f"{function.__name__}_{id(function):x}")
    return types.FunctionType(code, function.__globals__, code.co_name, function.__defaults__, function.__closure__)


def missing_compiler(device: torch.device) -> str | None:
    """Return what is missing for compiling on `device`, as part of a sentence, or None."""
    if device.type == "cpu":
        from torch._inductor import cpp_builder, exc

        try:
            cpp_builder.get_cpp_compiler()
        except exc.InvalidCxxCompiler:
            return "no C++ compiler was found (install g++ or clang, or set CXX)"
        return None
    from torch.utils._triton import has_triton

    return None if has_triton() else f"triton is not available for {device.type}"
