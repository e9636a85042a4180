"""Requests that solve cannot meet are refused in one line, which names what was expected and how to repair it."""

import math

import pytest
import torch
from torch import nn

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Dirichlet,
    Equation,
    LeastSquares,
    Problem,
    RandomFourier,
    Siren,
    plan,
    solve,
)
from tests.solvers.cases import (
    NET,
    heat,
    pair,
)

F32 = torch.float32


WIDE = nn.Linear(2, 2)
FROZEN = nn.Linear(2, 1).requires_grad_(False)
OK = dict(field=NET, solvers=Adam(steps=1, points=8, condition_points=4))
BAD = {
    "negative seed": (dict(seed=-1), ["`seed`", "whole number from 0", "-1"]),
    "half a seed": (dict(seed=0.5), ["`seed`", "0.5"]),
    "seed is a boolean": (dict(seed=True), ["`seed`", "True"]),
    "unknown device": (dict(device="gpu"), ["`device`", "auto, cpu, cuda, or cuda:1", "'gpu'"]),
    "device of another kind": (dict(device="meta"), ["`device`", "auto, cpu, cuda, or cuda:1", "'meta'"]),
    "device is nothing": (dict(device=None), ["`device`", "None"]),
    "whole numbers": (dict(dtype=torch.int64), ["`dtype`", "torch.float64", "torch.int64"]),
    "Python's int": (dict(dtype=int), ["`dtype`", "torch.float64", "int"]),
    "half precision": (dict(dtype=torch.float16), ["`dtype`", "torch.float16"]),
    "tolerance of zero": (dict(tolerance=0.0), ["`tolerance`", "positive", "0.0"]),
    "tolerance is nan": (dict(tolerance=math.nan), ["`tolerance`", "positive", "nan"]),
    "tolerance is a word": (dict(tolerance="1e-3"), ["`tolerance`", "positive number", "'1e-3'"]),
    "no seconds": (dict(seconds=-1), ["`seconds`", "positive", "-1"]),
    "checkpoints before the start": (dict(checkpoint_seconds=-1), ["`checkpoint_seconds`", "at least 0", "-1"]),
    "resume without a folder": (dict(resume=True), ["`resume`", "out="]),
    "a callback alone": (dict(callbacks=print), ["`callbacks`", "list of functions"]),
    "a callback that is none": (dict(callbacks=[3]), ["`callbacks`", "[3]"]),
    "start is a word": (dict(start="heat"), ["`start`", "Solution", "str"]),
    "field is a word": (dict(field="siren"), ["`field`", "Siren(width=64)", "'siren'"]),
    "field is a class": (dict(field=Siren), ["`field`", "Siren(width=64)"]),
    "a field too rough": (
        dict(field=MLP(activation="relu")),
        ["problem 'heat' needs 2 derivatives of `u`", "has 1", "Siren(...)", "tanh"],
    ),
    "a field of another unknown": (dict(field={"v": NET}), ["`field` must name each unknown ('u',) once", "'v'"]),
    "a field twice": (dict(field={"u": NET, ("u",): NET}), ["`field` must name each unknown"]),
    "a field of nothing": (dict(field={}), ["`field` must name each unknown"]),
    "a module of wrong width": (dict(field=nn.Linear(3, 1)), ["module cannot be called on (3, 2) coordinates"]),
    "a module of too many outputs": (dict(field=WIDE), ["module must map (n, 2) to (n, 1)", "(3, 2)"]),
    "nothing to train": (dict(field=FROZEN), ["nothing to train"]),
    "a module without a read-out": (
        dict(field=nn.Sequential(nn.Linear(2, 1)), solvers=LeastSquares()),
        ["LeastSquares", "Sequential", "linear read-out"],
    ),
    "no bandwidth for Adam": (dict(field=RandomFourier(20)), ["bandwidth=None", "LeastSquares", "give a bandwidth"]),
    "no bandwidth and then Adam": (
        dict(field=RandomFourier(20), solvers=[LeastSquares(), Adam()]),
        ["bandwidth=None", "LeastSquares alone"],
    ),
    "a search from a start": (
        lambda: dict(field=None, solvers=None, start=solve(heat(), **OK)),
        ["`start`", "search of random sines"],
    ),
    "a start of another shape": (
        lambda: dict(start=solve(heat(), Siren(width=5, depth=2), OK["solvers"])),
        ["`start`", "same shape"],
    ),
    "solver is a word": (dict(solvers="adam"), ["`solvers`", "Adam(steps=2000)", "'adam'"]),
    "solver is a class": (dict(solvers=[Adam]), ["`solvers`", "Adam(steps=2000)"]),
    "no solvers": (dict(solvers=[]), ["`solvers`", "[]"]),
    "batches for L-BFGS": (lambda: dict(solvers=LBFGS(batch=10)), ["LBFGS", "all points", "Adam(batch=...)"]),
    "no steps": (lambda: dict(solvers=Adam(steps=0)), ["Adam: `steps`", "at least 1", "0"]),
    "an empty batch": (lambda: dict(solvers=Adam(batch=0)), ["Adam: `batch`", "at least 1", "0"]),
    "a rate of zero": (lambda: dict(solvers=Adam(lr=0)), ["Adam: `lr`", "positive", "0"]),
    "a search that cannot be": (lambda: dict(solvers=LBFGS(c1=0.9, c2=0.1)), ["LBFGS", "0 < c1 < c2 < 1"]),
    "least squares for Huber": (
        lambda: dict(problem=heat(terms=[Equation(lambda u: u.t - u.xx, penalty=huber())]), solvers=LeastSquares()),
        ["'equation'", "Huber", "Square()"],
    ),
}


def huber():
    from pinnkit.problem.penalties import Huber

    return Huber()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_line(name: str) -> None:
    given, words = BAD[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        solve(**{"problem": heat(), **OK, **(given() if callable(given) else given)})
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_more_bad_input() -> None:
    with pytest.raises(ValueError, match=r"CUDA" if not torch.cuda.is_available() else "cuda"):
        solve(heat(), **OK, device="cuda:99" if torch.cuda.is_available() else "cuda")
    mixed = {"u": RandomFourier(20), "kappa": RandomFourier(30)}
    with pytest.raises(ValueError, match=r"bandwidth=None.*all unknowns together"):
        solve(pair(), mixed, LeastSquares())
    with pytest.raises(ValueError, match=r"different axes or pieces and cannot share"):
        solve(pair(), {("u", "kappa"): NET}, Adam(steps=1))
    with pytest.raises(ValueError, match=r"different axes need a module each"):
        solve(pair(), nn.Linear(2, 2), Adam(steps=1))


def test_out_must_be_a_folder(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"`out` must be a folder.*is a file"):
        solve(heat(), **OK, out=tmp_path / "file")


HIGH = {
    "letters": (Box(x=(0, 1)), lambda u: u.xxxxx + u, r"term 'beam' of problem 'rod' has the derivative u\.xxxxx of"),
    "words": (
        Box(x=(0, 1), tau=(0, 1)),
        lambda u: u.d("x", "x", "x", "x", "tau") + u,
        r"u\.d\('x', 'x', 'x', 'x', 'tau'\)",
    ),
    "laplacians": (Box(x=(0, 1), y=(0, 1)), lambda u: u.laplacian.laplacian.x + u, r"u\.[xy]{5} of order 5"),
}


@pytest.mark.parametrize(("domain", "residual", "words"), HIGH.values(), ids=HIGH)
def test_a_derivative_of_too_high_an_order_is_named_with_its_term(domain, residual, words) -> None:
    problem = Problem("rod", domain, "u", [Equation(residual, name="beam"), Dirichlet(domain.boundary, u=0.0)])
    with pytest.raises(ValueError, match=words):
        solve(problem)
    with pytest.raises(ValueError, match=words):
        plan(problem)
