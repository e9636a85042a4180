"""Every bad call of the domains, beside the words that its message must contain."""

import math
import re

import numpy as np
import pytest
import torch

from pinnkit.domains import Axis, Box, Chebyshev, Cube, Faces, Interval, Parameters, PointSet, Sobol, Time


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


ROD = Box(x=(0, 1), t=(0, 2))
BAD_CALLS = {
    # Boxes and their bounds
    "no axis": (lambda: Box(), ["Box: give at least one axis", "Box(x=(0, 1))"]),
    "swapped bounds": (lambda: Box(x=(1, 0)), ["Box: `x` must be (lower, upper) with lower < upper, got (1, 0)"]),
    "equal bounds": (lambda: Box(x=(0, 1), y=(2, 2)), ["`y`", "lower < upper", "(2, 2)"]),
    "one bound": (lambda: Box(x=(1,)), ["Box: `x` must be (lower, upper) or a Cube, got (1,)"]),
    "three bounds": (lambda: Box(x=(0, 1, 2)), ["`x`", "(lower, upper)", "(0, 1, 2)"]),
    "a number as bounds": (lambda: Box(x=1), ["`x`", "(lower, upper)", "got 1"]),
    "a string as bounds": (lambda: Box(x="01"), ["`x`", "(lower, upper)", "'01'"]),
    "infinite bound": (lambda: Box(x=(0, math.inf)), ["Box: `x`", "finite", "inf"]),
    "bound is nan": (lambda: Box(x=(math.nan, 1)), ["Box: `x`", "finite", "nan"]),
    "bound is a string": (lambda: Box(x=("0", 1)), ["Box: `x`", "finite numbers", "'0'"]),
    "bound is None": (lambda: Box(x=(0, None)), ["Box: `x`", "finite numbers", "None"]),
    "axes by position": (lambda: Box((0, 1)), ["positional argument"]),
    "vector time": (lambda: Box(t=Cube(0, 1, dim=2)), ["`t` is time", "(lower, upper)", "Cube(0, 1, dim=2)"]),
    "measure overflows": (lambda: Box(x=Cube(0, 1000, dim=120)), ["Box", "1e360", "scale the axes"]),
    "measure underflows": (lambda: Box.of(Axis("x", 0, 1e-3, dim=120)), ["Box", "1e-360", "scale the axes"]),
    "ready axis without extent": (lambda: Box.of(Axis("x", 1, 1)), ["Box.of: `x`", "lower < upper"]),
    "no ready axis": (lambda: Box.of(), ["Box.of", "at least one axis"]),
    # Names
    **{
        f"reserved name {name}": (lambda name=name: Box(**{name: (0, 1)}), [f"Box: `{name}` is reserved", "another"])
        for name in ("n", "d", "grad", "laplacian", "hessian", "value")
    },
    "name is no identifier": (lambda: Box(**{"x 1": (0, 1)}), ["Box", "identifier", "'x 1'"]),
    "name is a keyword": (lambda: Box(**{"lambda": (0, 1)}), ["Box", "identifier", "'lambda'"]),
    "reserved parameter": (lambda: Parameters(value=(0, 1)), ["Parameters: `value` is reserved"]),
    "reserved in a point set": (lambda: PointSet(n=0.5), ["PointSet: `n` is reserved"]),
    "reserved in an axis": (lambda: Axis("grad", 0, 1), ["Axis: `grad` is reserved"]),
    # Axes and factors
    "axis with swapped bounds": (lambda: Axis("x", 1, 0), ["Axis: `x`", "lower <= upper", "(1, 0)"]),
    "axis with a role as a string": (lambda: Axis("x", 0, 1, "space"), ["`role` of `x`", "Role.SPACE", "'space'"]),
    "axis of no column": (lambda: Axis("x", 0, 1, dim=0), ["Axis", "`dim`", ">= 1", "0"]),
    "interval of two axes": (lambda: Interval(x=(0, 1), y=(0, 1)), ["Interval", "one axis of space", "use Box"]),
    "interval in time": (lambda: Interval(t=(0, 1)), ["Interval", "one axis of space", "use Box"]),
    "interval of a vector": (lambda: Interval(x=Cube(0, 1, dim=2)), ["Interval", "one axis of space", "use Box"]),
    "cube with swapped bounds": (lambda: Cube(1, 0, dim=3), ["Cube", "lower < upper", "(1, 0)"]),
    "cube of no dimension": (lambda: Cube(0, 1, dim=0), ["Cube: `dim` must be >= 1, got 0"]),
    "cube of half a dimension": (lambda: Cube(0, 1, dim=2.5), ["Cube: `dim` must be a whole number", "2.5"]),
    "time with swapped bounds": (lambda: Time(2, 0), ["Time", "lower < upper", "(2, 0)"]),
    "endless time": (lambda: Time(0, math.inf), ["Time", "finite", "inf"]),
    "no parameter": (lambda: Parameters(), ["Parameters: give at least one parameter", "Parameters(nu=(0.01, 0.1))"]),
    "time as a parameter": (lambda: Parameters(t=(0, 1)), ["Parameters: `t` is time", "Time(lower, upper)"]),
    "parameter with swapped bounds": (lambda: Parameters(nu=(1, 0)), ["Parameters: `nu`", "lower < upper", "(1, 0)"]),
    "time twice": (lambda: ROD * Time(0, 1), ["two axes `t`", "name of its own"]),
    "parameter named as a coordinate": (lambda: ROD * Parameters(x=(0, 1)), ["two axes `x`", "name of its own"]),
    "box times a number": (lambda: ROD * 2, ["only Time(lower, upper) and Parameters", "got 2"]),
    "box times a pair": (lambda: ROD * (0, 1), ["only Time(lower, upper) and Parameters", "got (0, 1)"]),
    # Faces
    "face of an axis there is not": (
        lambda: ROD.face(y=0),
        ["Box.face: `y` is not an axis of this box; its axes are ('x', 't')"],
    ),
    "face inside": (lambda: ROD.face(x=0.5), ["Box.face", "no wall at x = 0.5", "bounds of `x` are 0 and 1"]),
    "one of two faces inside": (lambda: ROD.face(x=(0, 0.5)), ["no wall at x = 0.5", "0 and 1"]),
    "face at a word": (lambda: ROD.face(x="left"), ["no wall at x = 'left'", "0 and 1"]),
    "face at nan": (lambda: ROD.face(x=math.nan), ["no wall at x = nan", "0 and 1"]),
    "face without a name": (lambda: ROD.face(), ["Box.face: say which walls", "face(x=0)", "boundary"]),
    "face by position": (lambda: ROD.face("x", 0), ["positional argument"]),
    "wall twice": (lambda: ROD.face(x=(0, 0)), ["wall x = 0 is named twice"]),
    "walls of space and time": (lambda: ROD.face(x=0, t=0), ["walls of space have a normal", "two parts"]),
    "wall of a column there is not": (lambda: Faces(ROD, (("z", 0.0),)), ["`z` is not a column", "('x', 't')"]),
    # Point sets
    "no point": (lambda: PointSet(), ["PointSet: give at least one axis", "PointSet(x=0.5)"]),
    "lengths differ": (lambda: PointSet(x=[0, 1], y=[0, 1, 2]), ["same number of points", "'x': 2", "'y': 3"]),
    "weights do not fit": (lambda: PointSet(x=[0, 1], weight=[1, 1, 1]), ["same number", "'weight': 3"]),
    "negative weight": (lambda: PointSet(x=[0, 1], weight=-1), ["PointSet: `weight` must be", "positive"]),
    "empty points": (lambda: PointSet(x=[]), ["PointSet", "number of points", "'x': 0"]),
    "points with nan": (lambda: PointSet(x=[0, math.nan]), ["PointSet: `x` must be finite"]),
    "points of words": (lambda: PointSet(x=["a"]), ["PointSet: `x` must be a number or an array", "'a'"]),
    "points of three indices": (lambda: PointSet(x=np.zeros((2, 2, 2))), ["`x`", "(n, k)", "(2, 2, 2)"]),
    "vector time of points": (lambda: PointSet(t=np.zeros((2, 2))), ["`t`", "(2, 2)"]),
    # Sampling
    "no points asked": (lambda: ROD.sample(0, seeded()), ["Box.sample: `n` must be >= 1, got 0"]),
    "fewer than none": (lambda: ROD.boundary.sample(-5, seeded()), ["Faces.sample: `n` must be >= 1, got -5"]),
    "n is a float": (lambda: ROD.sample(1e3, seeded()), ["Box.sample: `n` must be a whole number >= 1, got 1000.0"]),
    "n is a truth value": (lambda: ROD.sample(True, seeded()), ["`n` must be a whole number >= 1, got True"]),
    "no points of a set": (lambda: PointSet(x=1).sample(0, seeded()), ["PointSet.sample: `n`", ">= 1", "0"]),
    "generator missing": (lambda: ROD.sample(10), ["missing", "'generator'"]),
    "generator is a seed": (
        lambda: ROD.sample(10, 0),
        ["Box.sample: `generator` must be a torch.Generator, got 0; use torch.Generator().manual_seed(0)"],
    ),
    "generator of numpy": (
        lambda: ROD.boundary.sample(10, np.random.default_rng(0)),
        ["Faces.sample: `generator` must be a torch.Generator", "manual_seed"],
    ),
    "generator is None": (lambda: PointSet(x=1).sample(10, None), ["PointSet.sample: `generator`", "None"]),
    "sampling is a word": (
        lambda: ROD.sample(10, seeded(), sampling="sobol"),
        ["Box.sample: `sampling` must be an object such as Sobol()", "'sobol'"],
    ),
    "sampling is a class": (lambda: ROD.sample(10, seeded(), sampling=Chebyshev), ["Sobol()", "class"]),
    "sampling by position": (lambda: ROD.sample(10, seeded(), Sobol()), ["positional argument"]),
    "too many columns for Sobol": (
        lambda: Box(x=Cube(0, 1, dim=30000)).sample(10, seeded()),
        ["Sobol: at most 21201 columns", "30000", "Uniform()"],
    ),
    # Coordinates
    "coordinates of too few columns": (
        lambda: ROD.contains(torch.zeros(5, 1)),
        ["Box.contains: `coords` must be a tensor (n, 2)", "('x', 't')", "(5, 1)"],
    ),
    "coordinates of one index": (
        lambda: ROD.signed_distance(torch.zeros(2)),
        ["Box.signed_distance: `coords` must be a tensor (n, 2)", "(2,)"],
    ),
    "coordinates as a list": (lambda: ROD.contains([[0.0, 0.0]]), ["`coords` must be a tensor (n, 2)", "list"]),
}


@pytest.mark.parametrize(("call", "words"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_call_says_what_is_wrong(call, words) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    for word in words:
        assert re.search(re.escape(word), message), f"{word!r} is not in {message!r}"
    assert "\n" not in message
    assert len(message) < 300
