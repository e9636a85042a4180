"""Hostile scenes: transforms.json, the pictures that it names, and geometry beside them; and hostile summaries."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pinnkit.radiance import make_scene, write_scene

from .crafted import Crafted, of_bytes
from .crafted_arrays import npz_cases
from .crafted_pictures import picture_cases, png, zeros

ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "minus one": -1,
    "zero": 0,
    "10^400": 10**400,
    "1e308": 1e308,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "a word": "x",
    "a long word": "x" * 50_000,
    "escape sequences": "\x1b]0;owned\x07\x9b31m\u202e",
    "a null character": "\0",
    "a list": [],
    "a deep list": [[[[[[]]]]]],
    "a list of words": ["x"] * 3,
    "a table": {"a": 1},
}
KEYS = (
    "frames", "camera_angle_x", "fl_x", "fl_y", "w", "h", "cx", "cy", "k1", "k2", "k3", "p1", "box", "background",
    "samples_per_pixel", "train_filenames", "camera_model", "is_fisheye",
)  # fmt: skip
FRAME_KEYS = ("file_path", "transform_matrix", "fl_x", "w", "cy", "mask_path")
PATHS = {
    "a file of the system": "/etc/passwd",
    "a device": "/dev/zero",
    "a random device": "/dev/urandom",
    "a process": "/proc/self/environ",
    "the way up": "../" * 40 + "etc/passwd",
    "a folder": "/",
    "the scene itself": "../transforms_train.json",
    "a share": "\\\\host\\share\\x.png",
    "an address": "http://localhost:1/x.png",
    "a null character": "x\0.png",
    "escape sequences": "\x1b[2J\x9b31m",
    "a very long name": "x/" * 5000 + "x.png",
    "nothing": "",
    "dots": "..",
}


def whole_scene(folder: Path) -> Path:
    """A folder of a sound scene of five views."""
    return write_scene(make_scene(views=5, test=2, size=16, seed=2, samples=1), folder / "whole")


def scene_cases(whole: Path) -> Iterator[Crafted]:
    content = json.loads((whole / "transforms_train.json").read_text())

    def case(name: str, change: Callable[[dict[str, Any]], object], *, refused: bool = False) -> Crafted:
        def make(folder: Path) -> Path:
            changed = json.loads(json.dumps(content))
            change(changed)
            return _with(whole, folder, json.dumps(changed).encode())

        return Crafted(name, make, refused)

    for key in KEYS:
        for what, value in ODD.items():
            yield case(f"{key} is {what}", lambda c, key=key, value=value: c.__setitem__(key, value))
    for key in FRAME_KEYS:
        for what, value in ODD.items():
            yield case(
                f"a frame whose {key} is {what}", lambda c, key=key, value=value: c["frames"][1].__setitem__(key, value)
            )
    for what, name in PATHS.items():
        yield case(f"a picture that is {what}", lambda c, name=name: c["frames"][1].__setitem__("file_path", name))
        yield case(
            f"pictures that are {what}",
            lambda c, name=name: [f.__setitem__("file_path", name) for f in c["frames"]],
            refused=True,
        )
    yield case(
        "a picture six times", lambda c: c.__setitem__("frames", c["frames"] + [c["frames"][0]] * 5), refused=True
    )
    yield case("frames by the thousand", lambda c: c.__setitem__("frames", c["frames"] * 900), refused=True)
    yield case("frames by the million", lambda c: c.__setitem__("frames", [{"a": 1}] * 300_000), refused=True)
    for what, text in {
        "nothing": b"",
        "very deep lists": b'{"frames": ' + b"[" * 10**6,
        "very deep tables": b'{"a":' * 10**5,
        "a number of a million digits": b'{"frames": ' + b"1" * 10**6 + b"}",
        "no UTF-8": b'{"frames": "\xff\xfe"}',
        "UTF-16": '{"frames": []}'.encode("utf-16"),
        "a list": b"[1, 2]",
        "a word": b'"frames"',
        "a key very often": b'{"frames": [' + b",".join([b'{"file_path": "a", "file_path": "b"}'] * 4000) + b"]}",
        "20 MB of blanks": b" " * (20 * 2**20),
        "12 MB of numbers": b'{"a": [' + b"1," * 6_000_000 + b"1]}",
    }.items():
        yield Crafted(f"JSON: {what}", lambda folder, text=text: _with(whole, folder, text))

    def pipe(folder: Path) -> Path:
        made = _with(whole, folder, json.dumps(content).encode())
        (made / "transforms_train.json").unlink()
        os.mkfifo(made / "transforms_train.json")
        (made / "transforms.json").write_text("{")
        return made

    yield Crafted("JSON: a pipe", pipe)
    for inner in picture_cases():
        yield Crafted(f"picture: {inner.name}", _beside(whole, inner, "train/r_000.png"), False, inner.heavy)
    for inner in npz_cases(("depth", "normals")):
        yield Crafted(f"geometry: {inner.name}", _beside(whole, inner, "train/r_000_geometry.npz"), False, inner.heavy)

    def large(folder: Path) -> Path:
        made = _with(whole, folder, json.dumps(content).encode())
        data = png(5000, 5000, colour=2, pixels=zeros(5000 * 15_001))
        for path in made.rglob("*.png"):
            path.write_bytes(data)
        return made

    yield Crafted("pictures of 25 megapixels", large, refused=False, heavy=True)


def _with(whole: Path, folder: Path, transforms: bytes) -> Path:
    made = folder / "crafted"
    shutil.copytree(whole, made)
    (made / "transforms_train.json").write_bytes(transforms)
    return made


def _beside(whole: Path, inner: Crafted, name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        made = folder / "crafted"
        shutil.copytree(whole, made)
        path = inner.make(folder)
        (made / name).unlink()
        path.rename(made / name)
        return made

    return make


SUMMARY: dict[str, Any] = {
    "problem": "heat", "field": "Siren(width=8)", "parameters": 105, "solver": "Adam(steps=10)", "steps": 20,
    "seconds": 1.25, "status": "BUDGET", "status_text": "the steps are used up", "seed": 0, "dtype": "float64",
    "device": "cpu", "good": True, "rel_l2": 1e-3, "rel_l2_is_bound": False, "measured_against": "exact solution",
    "choice": "because",
    "verdict": {"ok": True, "fresh_residual": 1e-3, "worst_condition_error": 1e-3, "estimated_error": None},
    "warnings": ["one"], "metrics": {"psnr": 30.0}, "coefficients": {"nu": 0.1},
    "reference": {"kind": "grid", "order": 2.0, "observed_order": 1.9, "rel_l2_error_bar": 1e-4, "seconds": 1.0,
                  "rel_l2_true_error": None},
    "unknowns": {"u": {"u": {"against": "exact solution", "rel_l2_text": "1e-3", "max_text": "1e-2", "l2_bar": 0.0}}},
    "terms": {"equation": {"residual_rms": 1e-3, "relative": 1e-3}},
}  # fmt: skip


def summary_cases() -> Iterator[Crafted]:
    needed = ("problem", "field", "parameters", "solver", "steps", "seconds", "status", "seed", "dtype", "device")
    for key in SUMMARY:
        without = {k: v for k, v in SUMMARY.items() if k != key}
        yield of_bytes(f"without {key}", "crafted.json", json.dumps(without).encode(), refused=key in needed)
        for what, value in ODD.items():
            data = json.dumps({**SUMMARY, key: value}).encode()
            yield of_bytes(f"{key} is {what}", "crafted.json", data, refused=False)
    for outer, inner in (("verdict", "ok"), ("reference", "kind"), ("unknowns", "u"), ("terms", "equation")):
        for what, value in ODD.items():
            data = json.dumps({**SUMMARY, outer: {**SUMMARY[outer], inner: value}}).encode()
            yield of_bytes(f"{inner} of {outer} is {what}", "crafted.json", data, refused=False)
