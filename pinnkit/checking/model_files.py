"""Files of models: torch.export archives, TorchScript, state dictionaries, ONNX; nothing is unpickled without limits.

A state dictionary is read with ``weights_only=True``.  An archive of torch.export is refused where loading it would
unpickle anything but tensors and plain containers.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pinnkit.files.content import MAX_BYTES, check_size
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Problem

from .candidate import Candidate
from .functions import module_candidate
from .onnx_models import onnx_candidate

__all__ = ["MODELS", "chain_of_layers", "model_file_candidate", "state_of"]

MODELS = (".pt2", ".onnx", ".pt", ".pth", ".ckpt", ".ts", ".jit")
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "sin": lambda: _Sine(),
}
_STATES = ("model_state_dict", "state_dict", "model")
"""Keys of checkpoints under which DeepXDE, Lightning (PINA) and others keep the weights."""


class _Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


def model_file_candidate(
    problem: Problem,
    path: Path,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    network: Callable[[], nn.Module] | nn.Module | None,
    activation: str | None,
) -> Candidate:
    """Make a candidate of a file of a model.

    Args:
        problem: the problem.
        path: the file.
        inputs: columns in the order of the model.
        outputs: components in the order of the model.
        network: a module, or a function that builds it, for a file of weights alone.
        activation: name of the activation of a chain of linear layers, for the same.

    Raises:
        ValueError: for a file that is damaged or unsafe, and for weights without `network` and `activation`.
    """
    check_size(path)
    words = f"'{path}'"
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        return onnx_candidate(problem, path, inputs, outputs)
    try:
        names = set(_members(path))
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise UnreadableFile(path, f"cannot be read as a model of torch, {error}") from None
    if suffix == ".pt2" or any(name.endswith("archive_format") for name in names):
        module, own, dtype = _exported(path)
        return module_candidate(problem, module, words, inputs, outputs, own, dtype)
    if any("/code/" in name for name in names):
        script, own = _scripted(path)
        return module_candidate(problem, script, words, inputs, outputs, own)
    state = state_of(path)
    if network is not None:
        module = network if isinstance(network, nn.Module) else network()
        if not isinstance(module, nn.Module):
            raise ValueError(f"check: `network` must be or build a torch module, got {type(module).__name__}")
        _load(module, state, path)
    elif activation is not None:
        module = chain_of_layers(state, activation, path)
    else:
        raise ValueError(
            f"'{path}' holds weights alone; give the network (network=, --network FILE.py:NAME), or for a chain of "
            f"linear layers its activation (activation='tanh', --activation tanh)"
        )
    return module_candidate(problem, module, words, inputs, outputs)


def state_of(path: Path) -> dict[str, Tensor]:
    """Weights by name of a checkpoint, read with ``weights_only=True``.

    Raises:
        ValueError: for a file with anything but tensors and plain values, and for one without weights.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # its readers raise of everything
        said = " ".join(str(error).split())[:200]
        raise UnreadableFile(
            path,
            f"cannot be read as weights without running code of the file ({said}); save the state alone: "
            "torch.save(network.state_dict(), path)",
        ) from None
    for key in _STATES:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    weights = {str(k): v for k, v in found.items() if isinstance(v, Tensor)} if isinstance(found, Mapping) else {}
    if not weights:
        raise UnreadableFile(path, "holds no weights by name")
    return weights


def chain_of_layers(state: Mapping[str, Tensor], activation: str, path: Path) -> nn.Module:
    """Build the network of linear layers whose weights follow each other, with an activation between them.

    Raises:
        ValueError: for an unknown activation, and for weights that are no chain.
    """
    if activation.lower() not in ACTIVATIONS:
        raise ValueError(f"check: `activation` must be one of {tuple(ACTIVATIONS)}, got {activation!r}")
    layers: list[nn.Module] = []
    left = dict(state)
    for name in [n for n in state if n.endswith("weight")]:
        weight, bias = left.pop(name), left.pop(name.removesuffix("weight") + "bias", None)
        previous = layers[-1] if layers else None
        fits = not isinstance(previous, nn.Linear) or weight.ndim != 2 or previous.out_features == weight.shape[1]
        if weight.ndim != 2 or not fits or not weight.is_floating_point():
            raise ValueError(f"'{path}': '{name}' of shape {tuple(weight.shape)} does not follow as a linear layer")
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=weight.dtype)
        with torch.no_grad():
            layer.weight.copy_(weight)
            if bias is not None:
                layer.bias.copy_(bias)
        layers.append(layer)
    if not layers or left:
        raise ValueError(
            f"'{path}' is no chain of linear layers, it holds {tuple(left or state)[:6]}; give the network "
            "(network=, --network FILE.py:NAME)"
        )
    chain = [part for layer in layers for part in (layer, ACTIVATIONS[activation.lower()]())]
    return nn.Sequential(*chain[:-1])


def _load(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load weights whose names may have a common prefix."""
    own = module.state_dict()
    some = next(iter(own), "")
    prefixes = [name.removesuffix(some) for name in state if name.endswith(some)] or [""]
    for prefix in prefixes:
        if all(f"{prefix}{name}" in state for name in own):
            try:
                module.load_state_dict({name: state[f"{prefix}{name}"] for name in own})
            except RuntimeError as error:
                raise ValueError(f"'{path}' does not fit the network: {' '.join(str(error).split())[:300]}") from None
            first = next((p for p in state.values() if p.is_floating_point()), None)
            module.to(torch.float32 if first is None else first.dtype)
            return
    missing = [name for name in own if not any(key.endswith(name) for key in state)]
    raise ValueError(f"'{path}' does not fit the network: it lacks {missing[:4]}, and holds {tuple(state)[:6]}")


def _members(path: Path) -> list[str]:
    """Names in an archive, each once, whose sizes are bounded; empty for another file."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError("a name occurs twice in it")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise ValueError("it unpacks to more than is read")
    return names


def _exported(path: Path) -> tuple[Callable[..., Any], list[str] | None, torch.dtype]:
    """Load an archive of torch.export; names of its inputs where each is one column, and their type."""
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch on its own formats
            program = torch.export.load(path)
            module = program.module()
        nodes = [
            n for n in program.graph.nodes if n.op == "placeholder" and n.name in program.graph_signature.user_inputs
        ]
        values = [node.meta["val"] for node in nodes]
    except Exception as error:  # its readers raise of everything
        reason = f"cannot be read as a torch.export archive, {' '.join(str(error).split())[:300]}"
        raise UnreadableFile(path, reason) from None
    separate = len(values) > 1 or (len(values) == 1 and values[0].ndim == 1)
    return module, [node.name for node in nodes] if separate else None, values[0].dtype


def _check_archive(path: Path) -> None:
    """Refuse an archive whose reader would unpickle objects."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("_config.json"):
                entries = json.loads(archive.read(name))["config"].values()
                if any(e["use_pickle"] or not e["path_name"].startswith(("weight_", "tensor_")) for e in entries):
                    raise ValueError(f"'{name}' lists pickled objects, which are not read")
            elif "/weights/" in name or "/constants/" in name:
                if name.endswith(".pt") or not name.rpartition("/")[2].startswith(("weight_", "tensor_")):
                    raise ValueError(f"'{name}' is a pickled object, which is not read")
            elif name.endswith(".pt"):
                torch.load(io.BytesIO(archive.read(name)), weights_only=True)


def _scripted(path: Path) -> tuple[nn.Module, list[str] | None]:
    """Load a TorchScript archive; names of its inputs where each is one column."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch on its own formats
            module = torch.jit.load(path, map_location="cpu")
            taken = [str(a.name) for a in module.forward.schema.arguments[1:]]
    except Exception as error:  # its readers raise of everything
        reason = f"cannot be read as TorchScript, {' '.join(str(error).split())[:300]}"
        raise UnreadableFile(path, reason) from None
    return module, taken if len(taken) > 1 else None
