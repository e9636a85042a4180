"""Files of solutions, solution.h5: written without pickle, read with or without the problem.

Datasets hold the metadata as JSON (domain, specs of the fields, record of the solve), the fields' state, the history,
the solution sampled on a grid, and the text of the problem file.  A checksum covers the whole file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Axis, Domain, Sobol, domain_to_dict
from pinnkit.fields.protocols import spec_of
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Problem

from .file_content import FORMAT, VERSION, Content, read_solution
from .files import FILE_NAME, replacing
from .hdf5_image import hdf5_image
from .identity import differing_terms, probe
from .piece_fields import spec_to_plain
from .rebuilding import rebuild, stand_in
from .saved import Saved
from .sealed import HEADER, seal
from .solution import Solution, grid_counts

__all__ = ["FILE_NAME", "Saved", "load", "replacing", "save"]

_SCATTER = 4096  # points stored where no grid can fill the domain


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
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
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
        seal(temporary, FORMAT)
    return target


def load(path: str | Path, *, problem: Problem | None = None, device: str = "cpu", unsealed: bool = False) -> Saved:
    """Read a solution back; nothing in the file is executed.

    Args:
        path: the file, or the folder that holds `solution.h5`.
        problem: its problem, for validation, and for evaluation where that needs the problem's code.
        device: device of the fields.
        unsealed: whether to read a file of the first version, which has no checksum: damage to it is not always
            found, and HDF5 itself may fail on a hostile one.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is damaged, cut off, no solution, or promises more than it holds.
        ValueError: for a problem that is not the one solved.
    """
    target = _file(Path(path))
    if target != Path(path) and Path(path).is_file():
        raise UnreadableFile(path, f"is no result of a solve; give the folder of one, or its {FILE_NAME}", "load")
    if not target.is_file():
        raise FileNotFoundError(f"load: there is no file '{target}'; a solve writes it")
    with _explained(target):
        content = read_solution(target, unsealed=unsealed)
        known, needs = stand_in(content)
    if problem is not None:
        _check_same(problem, content, target)
    known = problem or known
    evaluator = None
    if known is not None:
        with _explained(target):
            evaluator = rebuild(known, content, device, target)
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


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn errors of libraries, and of checks that do not know the file, into one sentence that names it."""
    try:
        yield
    except UnreadableFile:
        raise
    except Exception as error:  # what h5py and the classes of a hostile file's content raise, nobody lists
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableFile(target, f"is damaged or no solution of pinnkit ({reason[:120]})", "load") from None


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
        return spec_to_plain(spec)
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


def _domain_to_dict(domain: Domain) -> tuple[Mapping[str, Any] | None, str]:
    """A domain for the file, or None and the reason where no file can hold it."""
    try:
        return domain_to_dict(domain), ""
    except ValueError as error:
        return None, str(error)


def _check_same(problem: Problem, content: Content, target: Path) -> None:
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
