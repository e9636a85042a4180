"""Files of solutions, solution.h5: written without pickle, read with or without the problem.

Datasets hold the metadata as JSON (domain, specs of the fields, record of the solve), the fields' state, the history,
the solution sampled on a grid, and the text of the problem file.  A checksum covers the whole file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from pinnkit.domains import SHAPES, Axis, Box, Domain, Role, Sobol, domain_from_dict, domain_to_dict
from pinnkit.fields import FieldSpec, spec_from_dict, spec_to_dict
from pinnkit.fields.protocols import spec_of
from pinnkit.fields.scaled_readout import scaled
from pinnkit.problem.conditions import Prescribed
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Term

from .files import FILE_NAME, replacing
from .hdf5_image import hdf5_image
from .history import History
from .identity import differing_terms, probe
from .sealed import HEADER, check_seal, seal
from .solution import Derivative, Solution, grid_counts
from .status import Status

__all__ = ["FILE_NAME", "Saved", "load", "replacing", "save"]

_FORMAT = "pinnkit solution"
_VERSION = 2
"""Version 1 kept the metadata in an attribute, had no checksum of the whole file, and no domains but boxes."""
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_SCATTER = 4096  # points stored where no grid can fill the domain


@dataclass(frozen=True, repr=False, eq=False)
class Saved:
    """A solution read from its file; the result of `load`.

    ``saved.grid["u"]`` are the stored values, beside the coordinates ``saved.grid["x"]``.  Evaluation at points, `d`
    and `on_grid` work as for a `Solution`, but need ``load(path, problem=...)`` where the problem has code that no file
    holds: an ansatz, or a domain that is made of a function, such as a `Region`.

    Args:
        path: the file.
        name: the problem's name.
        grid: coordinates and values; one entry a scattered point where no grid can fill the domain.
        history: loss of every term against steps and seconds.
        status: the end of the solve.
        coefficients: fitted values of the coefficients.
        metadata: everything else as plain values: field, solvers, choice, seed, device, dtype, steps, versions ...
        problem_text: text of the problem file at the time of the solve, if there was one.
        problem_hash: its SHA-256, in hexadecimal.
        needs_problem: the reason why points cannot be evaluated without the problem; empty where they can.
        evaluator: a solution that can be evaluated; None where that needs the problem.
        complete: whether the evaluator holds the problem itself, with its equations.
    """

    path: Path
    name: str
    grid: Mapping[str, NDArray[Any]]
    history: History
    status: Status
    coefficients: Mapping[str, float]
    metadata: Mapping[str, Any]
    problem_text: str | None
    problem_hash: str | None
    needs_problem: str
    evaluator: Solution | None
    complete: bool

    @property
    def solution(self) -> Solution:
        """The solution itself, to validate or to draw; needs ``load(path, problem=...)``.

        Raises:
            ValueError: where it was loaded without its problem.
        """
        if self.evaluator is None or not self.complete:
            raise ValueError(
                f"'{self.path}' was loaded without its problem, whose equations no file holds; "
                f"use load({str(self.path)!r}, problem=...)"
            )
        return self.evaluator

    def __call__(self, **coords: ArrayLike | Tensor) -> dict[str, NDArray[Any]]:
        """The unknowns at points; as `Solution.__call__`."""
        return self._fields()(**coords)

    def d(self, *axes: str) -> Derivative:
        """A derivative; as `Solution.d`."""
        return self._fields().d(*axes)

    def on_grid(self, **axes: int | ArrayLike) -> dict[str, NDArray[Any]]:
        """The unknowns on a grid of your own; as `Solution.on_grid`.  The stored one is `grid`."""
        return self._fields().on_grid(**axes)

    def _fields(self) -> Solution:
        if self.evaluator is None:
            raise ValueError(
                f"'{self.path}' cannot be evaluated at points by itself: {self.needs_problem}; "
                f"use load({str(self.path)!r}, problem=...), or the stored values in `.grid`"
            )
        return self.evaluator

    def __repr__(self) -> str:
        shape = next((v.shape for k, v in self.grid.items() if k in self.metadata["unknowns"]), ())
        return f"<saved solution of '{self.name}' from '{self.path}', values {shape}, {self.status.name.lower()}>"


def save(solution: Solution, path: str | Path, *, problem_file: str | Path | None = None) -> Path:
    """Write a solution to `path`, a file or a folder that gets a `solution.h5`; returns the file.

    The file appears at once or not at all.  `problem_file` is kept as text with its SHA-256.

    Raises:
        ValueError: for a field that cannot be read back: a plain `nn.Module`, or a spec that is not pinnkit's own.
    """
    target = _file(Path(path))
    specs = [_spec(solution, group) for group in solution.modules]
    grid, scattered = _sample(solution)
    text = None if problem_file is None else Path(problem_file).read_text(encoding="utf-8", errors="replace")
    domain, refusal = _domain_to_dict(solution.problem.domain)
    metadata: dict[str, Any] = {
        "problem": solution.problem.name,
        "domain": repr(solution.problem.domain),
        "domain_data": domain,
        "domain_refusal": refusal,
        "axes": [_axis_to_dict(a) for a in solution.problem.axes],
        "unknowns": {
            u.name: {"components": u.components, "axes": None if u.axes is None else list(u.axes)}
            for u in solution.problem.unknowns
        },
        "ansatz": sorted(solution.problem.ansatz),
        "periodic": list(solution.problem.periodic),
        "groups": [list(group) for group in solution.modules],
        "specs": specs,
        "field": solution.field_text,
        "coefficients": dict(solution.coefficients),
        "status": solution.status.name,
        "seconds": solution.seconds,
        "seed": solution.seed,
        "device": solution.device,
        "dtype": str(solution.dtype).removeprefix("torch."),
        "solvers": list(solution.solvers),
        "choice": solution.choice,
        "residual_rms": solution.residual_rms,
        "steps": solution.steps,
        "parameters": solution.parameters,
        "versions": dict(solution.versions),
        "rows": dict(solution.rows),
        "training_rms": dict(solution.training_rms),
        "term_probes": probe(solution.problem),
        "history_terms": list(solution.history.terms),
        "history_measures": list(solution.history.measures),
        "facts": dict(solution.problem.facts),
        "history_solvers": sorted(set(solution.history.solver)),
        "scattered": scattered,
        "problem_hash": None if text is None else hashlib.sha256(text.encode()).hexdigest(),
    }

    def fill(file: h5py.File) -> None:
        file.attrs["format"] = _FORMAT
        file.attrs["format_version"] = _VERSION
        _put(file, "metadata", np.frombuffer(json.dumps(metadata).encode(), dtype=np.uint8))
        if text:
            _put(file, "problem_file", np.frombuffer(text.encode(), dtype=np.uint8))
        for i, module in enumerate(solution.modules.values()):
            for key, value in module.state_dict().items():
                _put(file, f"state/{i}/{key}", value.detach().cpu().numpy())
        for key, array in grid.items():
            _put(file, f"grid/{key}", array)
        history = solution.history
        _put(file, "history/step", history.step)
        _put(file, "history/seconds", history.seconds)
        _put(file, "history/loss", history.loss)
        _put(
            file,
            "history/solver",
            np.array([metadata["history_solvers"].index(s) for s in history.solver], dtype="i4"),
        )
        _put(
            file,
            "history/terms",
            np.array(list(history.terms.values())).reshape(len(history.terms), len(history.step)),
        )
        if history.measures:
            _put(file, "history/measures", np.array(list(history.measures.values())))

    with replacing(target) as temporary:
        temporary.write_bytes(hdf5_image(fill, header=HEADER))
        seal(temporary, _FORMAT)
    return target


def load(path: str | Path, *, problem: Problem | None = None, device: str = "cpu") -> Saved:
    """Read a solution back; nothing in the file is executed.

    Args:
        path: the file, or the folder that holds `solution.h5`.
        problem: its problem, for validation, and for evaluation where that needs the problem's code.
        device: device of the fields.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file that is damaged, cut off, or no solution; for a problem that is not the one solved.
    """
    target = _file(Path(path))
    if target != Path(path) and Path(path).is_file():
        raise ValueError(f"load: '{path}' is no result of a solve; give the folder of one, or its {FILE_NAME}")
    if not target.is_file():
        raise FileNotFoundError(f"load: there is no file '{target}'; a solve writes it")
    with _explained(target):
        content = _read(target)
        stand_in, needs = _stand_in(content)
    if problem is not None:
        _check_same(problem, content, target)
    known = problem or stand_in
    evaluator = None
    if known is not None:
        with _explained(target):
            evaluator = _rebuild(known, content, device)
    metadata = content.metadata
    return Saved(
        path=target,
        name=metadata["problem"],
        grid=content.grid,
        history=content.history,
        status=content.status,
        coefficients=metadata["coefficients"],
        metadata=metadata,
        problem_text=content.text,
        problem_hash=metadata["problem_hash"],
        needs_problem="" if problem is not None else needs,
        evaluator=evaluator,
        complete=problem is not None,
    )


class _Refused(ValueError):
    """A reason of its own why a file cannot be loaded."""


@dataclass(frozen=True)
class _Content:
    """The content of a file, read and checked; nothing of it is built yet."""

    metadata: Mapping[str, Any]
    axes: tuple[Axis, ...]
    unknowns: list[Unknown]
    status: Status
    history: History
    grid: Mapping[str, NDArray[Any]]
    states: list[dict[str, NDArray[Any]]]
    text: str | None


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Name the file in errors that are already explained, and turn those of libraries into one sentence."""
    try:
        yield
    except _Refused as error:
        raise ValueError(f"load: '{target}' {error}") from None
    except (OSError, LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"load: '{target}' is damaged or no solution of pinnkit ({reason[:120]})") from None


def _read(target: Path) -> _Content:
    sealed = check_seal(target, _FORMAT)
    size = target.stat().st_size
    with h5py.File(target, "r") as file:
        if file.attrs.get("format") != _FORMAT:
            raise _Refused("is an HDF5 file, but no solution that pinnkit wrote")
        version = int(file.attrs["format_version"])
        if version > _VERSION:
            raise _Refused("was written by a newer pinnkit; upgrade to read it")
        if not sealed and version > 1:
            raise ValueError("its checksum is missing")
        datasets: dict[str, h5py.Dataset] = {}
        file.visititems(lambda name, item: datasets.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        arrays = {name: _array(dataset, size) for name, dataset in datasets.items()}
        metadata = json.loads(arrays["metadata"].tobytes() if sealed else file.attrs["metadata"])
    text = arrays["problem_file"].tobytes().decode() if "problem_file" in arrays else None
    if text is not None and hashlib.sha256(text.encode()).hexdigest() != metadata["problem_hash"]:
        raise _Refused("is damaged: the text of its problem file does not match its hash")
    if not any(name.startswith("state/") for name in arrays):
        raise ValueError("it holds no state of the fields")
    return _Content(
        metadata=metadata,
        axes=_axes(metadata),
        unknowns=_unknowns(metadata),
        status=Status[metadata["status"]],
        history=_history(_below(arrays, "history/"), metadata),
        grid=_below(arrays, "grid/"),
        states=[_below(arrays, f"state/{i}/") for i in range(len(metadata["groups"]))],
        text=text,
    )


def _array(dataset: h5py.Dataset, size: int) -> NDArray[Any]:
    """Read a dataset, which must lie in the file itself and be of numbers no larger than it."""
    if dataset.dtype.kind not in "fiub" or dataset.external or dataset.is_virtual or dataset.nbytes > size:
        raise ValueError(f"its dataset '{dataset.name}' is not one that pinnkit writes")
    found: NDArray[Any] = dataset[()]
    return np.asarray(found)


def _below(arrays: Mapping[str, NDArray[Any]], start: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _file(path: Path) -> Path:
    return path / FILE_NAME if path.is_dir() or path.suffix not in (".h5", ".hdf5") else path


def _put(file: h5py.File, key: str, array: NDArray[Any]) -> None:
    """Write a dataset with a checksum, which HDF5 does not offer for empty and 0-d ones."""
    file.create_dataset(key, data=array, fletcher32=True if array.ndim and array.size else None)


def _spec(solution: Solution, group: tuple[str, ...]) -> dict[str, Any]:
    module = solution.modules[group]
    spec = spec_of(module) or solution.fields.get(group)
    if spec is None:
        raise ValueError(
            f"save: the field of {group} is a plain {type(module).__name__}, which a file cannot rebuild; "
            f"solve with a spec such as Siren(...), or keep torch.save(module.state_dict(), ...) and the code yourself"
        )
    try:
        return spec_to_dict(spec)
    except ValueError as error:
        raise ValueError(f"save: the field of {group} cannot be read back from a file: {error}") from None


def _sample(solution: Solution) -> tuple[dict[str, NDArray[Any]], bool]:
    """Values on a grid and False, or on scattered points and True where the domain has too many axes for a grid."""
    problem = solution.problem
    counts = grid_counts(problem.axes)
    if counts:
        return solution.on_grid(**counts), False
    points = problem.domain.sample(_SCATTER, torch.Generator().manual_seed(0), sampling=Sobol()).coords
    split = points.split([a.dim for a in problem.axes], dim=1)
    coords = {a.name: c.numpy() if a.dim > 1 else c[:, 0].numpy() for a, c in zip(problem.axes, split, strict=True)}
    return {**coords, **solution(**coords)}, True


def _axis_to_dict(axis: Axis) -> dict[str, Any]:
    plain = {"name": axis.name, "lower": axis.lower, "upper": axis.upper, "role": axis.role.value, "dim": axis.dim}
    return {**plain, "periodic": axis.periodic}


def _unknowns(metadata: Mapping[str, Any]) -> list[Unknown]:
    return [
        Unknown(name, u["components"], None if u["axes"] is None else tuple(u["axes"]))
        for name, u in metadata["unknowns"].items()
    ]


def _axes(metadata: Mapping[str, Any]) -> tuple[Axis, ...]:
    return tuple(
        Axis(a["name"], a["lower"], a["upper"], Role(a["role"]), a["dim"], a.get("periodic", False))
        for a in metadata["axes"]
    )


def _domain_to_dict(domain: Domain) -> tuple[Mapping[str, Any] | None, str]:
    """A domain for the file, or None and the reason where no file can hold it."""
    try:
        return domain_to_dict(domain), ""
    except ValueError as error:
        return None, str(error)


def _domain(content: _Content) -> tuple[Domain | None, str]:
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


def _stand_in(content: _Content) -> tuple[Problem | None, str]:
    """A problem with the same domain and unknowns, enough to evaluate fields; None and the reason without one."""
    metadata = content.metadata
    if metadata["ansatz"]:
        return None, f"the unknowns {metadata['ansatz']} go through an ansatz, which is code"
    domain, reason = _domain(content)
    if domain is None:
        return None, reason
    filler = Term("stand-in", (domain,), Prescribed(tuple((u.name, 0.0) for u in content.unknowns)))
    return Problem(metadata["problem"], domain, content.unknowns, [filler], facts=metadata.get("facts", {})), ""


def _check_same(problem: Problem, content: _Content, target: Path) -> None:
    metadata = content.metadata
    pairs: dict[str, tuple[object, object]] = {
        "name": (problem.name, metadata["problem"]),
        "axes": (problem.axes, content.axes),
        "unknowns": (list(problem.unknowns), content.unknowns),
        "ansatz": (sorted(problem.ansatz), metadata["ansatz"]),
    }
    if metadata.get("domain_data") is not None:
        own = json.dumps(_domain_to_dict(problem.domain)[0])
        if own != json.dumps(metadata["domain_data"]):
            pairs["domain"] = (problem.domain, metadata["domain"])
    for what, (given, stored) in pairs.items():
        if given != stored:
            verb = "are" if what in ("axes", "unknowns") else "is"
            raise ValueError(
                f"load: `problem` is not the one in '{target}': its {what} {verb} {given}, and "
                f"the file's {verb} {stored}"
            )
    changed = differing_terms(problem, metadata["term_probes"]) if "term_probes" in metadata else []
    if changed:
        raise ValueError(
            f"load: `problem` is not the one in '{target}': its terms {tuple(changed)} give other residuals than those "
            f"that were solved; load without `problem`, or solve again"
        )


def _history(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> History:
    named = {
        what: dict(zip(metadata.get(f"history_{what}", ()), arrays.get(what, ()), strict=True))
        for what in ("terms", "measures")
    }
    solvers = metadata["history_solvers"]
    history = History(
        arrays["step"],
        arrays["seconds"],
        tuple(solvers[i] for i in arrays["solver"]),
        arrays["loss"],
        named["terms"],
        named["measures"],
    )
    columns: list[Sized] = [
        history.seconds,
        history.solver,
        history.loss,
        *history.terms.values(),
        *history.measures.values(),
    ]
    if {len(column) for column in columns} != {len(history.step)}:
        raise ValueError("the columns of its history differ in length")
    return history


def _rebuild(problem: Problem, content: _Content, device: str) -> Solution:
    metadata = content.metadata
    if metadata["dtype"] not in _DTYPES:
        raise _Refused(f"is damaged: there are no fields of type '{metadata['dtype']}'")
    dtype = _DTYPES[metadata["dtype"]]
    fields: dict[tuple[str, ...], FieldSpec | None] = {}
    modules: dict[tuple[str, ...], nn.Module] = {}
    for names, spec_data, state in zip(metadata["groups"], metadata["specs"], content.states, strict=True):
        group = tuple(names)
        try:
            spec = spec_from_dict(spec_data)
        except ValueError as error:
            raise _Refused(f"has a field that cannot be rebuilt: {error}") from None
        used = problem.unknown(group[0]).axes
        periodic = metadata.get("periodic", ())  # a hard condition, known without the problem
        axes = [
            replace(a, periodic=a.periodic or a.name in periodic)
            for a in problem.axes
            if used is None or a.name in used
        ]
        outputs = sum(problem.unknown(name).components or 1 for name in group)
        generator = torch.Generator().manual_seed(metadata["seed"])
        module = spec.build(axes, outputs, generator=generator, dtype=dtype, device="cpu")
        if any(key.endswith("readout.scale") for key in state):
            module = scaled(module)
        try:
            module.load_state_dict({key: torch.as_tensor(value) for key, value in state.items()})
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise _Refused(f"is damaged: the state does not fit {spec!r} ({reason[:120]})") from None
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
