"""Every bad call of problems and terms, beside the words that its message must contain."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    Coefficient,
    Condition,
    Cube,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Periodic,
    PointSet,
    Problem,
    Robin,
    Unknown,
    div,
    grad,
    laplacian,
)
from pinnkit.problem.penalties import Huber

ROD = Box(x=(0, 1), t=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
HEAT = Equation(lambda u: u.t - u.xx)
POISSON = Equation(lambda u: u.laplacian + 1.0)
XS = [0.1, 0.5, 0.9]


def rod(*terms: Any, **options: Any) -> Callable[[], Problem]:
    """A heat problem with some more terms."""
    return lambda: Problem(**{"name": "heat", "domain": ROD, "unknowns": "u", "terms": [HEAT, *terms], **options})


def only(residual: Any, **options: Any) -> Callable[[], Problem]:
    """A problem of one equation in the rod."""
    given = {"name": "heat", "domain": ROD, "unknowns": "u", **options}
    return lambda: Problem(terms=[Equation(residual)], **given)


def square(*terms: Any, **options: Any) -> Callable[[], Problem]:
    return lambda: Problem(
        **{"name": "plate", "domain": SQUARE, "unknowns": "u", "terms": [POISSON, *terms], **options}
    )


def no_numbers(x: Any) -> Any:
    return np.sin(x)


BAD_CALLS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    # the problem's own arguments
    "empty name": (rod(name=""), ["`name`", "folder", "''"]),
    "name with a slash": (rod(name="a/b"), ["`name`", "folder", "'a/b'"]),
    "name of a folder itself": (rod(name="."), ["`name`", "folder", "'.'"]),
    "name of the folder above": (rod(name=".."), ["`name`", "folder", "'..'"]),
    "domain is a tuple": (rod(domain=(0, 1)), ["problem 'heat'", "`domain`", "Box(x=(0, 1))", "tuple"]),
    "no unknowns": (rod(unknowns=[]), ["`unknowns` is empty", "unknowns='u'"]),
    "unknowns is a number": (rod(unknowns=3), ["`unknowns` must be a sequence", "int 3"]),
    "unknowns holds a number": (rod(unknowns=["u", 3]), ["`unknowns` must hold", "int 3"]),
    "no terms": (rod(terms=[]), ["`terms` is empty", "Equation"]),
    "terms is a number": (rod(terms=1), ["`terms` must be a sequence", "Equation(...)", "int 1"]),
    "terms holds a function": (rod(terms=[lambda u: u.t]), ["`terms` must hold", "Equation(...)", "function"]),
    "coefficients hold a number": (rod(coefficients=[0.1]), ["`coefficients`", "Coefficient('nu', 0.1)", "0.1"]),
    "dtype is a word": (rod(dtype="float32"), ["`dtype`", "torch.float32 or torch.float64", "float32"]),
    "half precision": (rod(dtype=torch.float16), ["`dtype`", "torch.float64", "torch.float16"]),
    "exact is a function": (rod(exact=lambda x: x), ["`exact` must be a mapping", "dict(u=lambda"]),
    "exact of another unknown": (rod(exact=dict(v=lambda x: x)), ["`exact` names `v`", "('u',)"]),
    "exact is a number": (rod(exact=dict(u=0.0)), ["`exact` of `u` must be a function", "0.0"]),
    "unknown in exact": (rod(exact=dict(u=lambda u, x: u * x)), ["exact solution of `u` uses `u`", "('x', 't')"]),
    "exact with math": (rod(exact=dict(u=lambda x: math.sin(x))), ["exact solution of `u`", "scalar"]),
    "exact of a wrong shape": (rod(exact=dict(u=lambda x: x[:3])), ["exact solution of `u`", "(n)", "(3,)", "n = 7"]),
    "ansatz of another unknown": (rod(ansatz=dict(v=lambda x: x)), ["`ansatz` names `v`", "('u',)"]),
    "ansatz with a strange name": (rod(ansatz=dict(u=lambda u, q: q * u)), ["ansatz of `u` uses `q`", "('x', 't')"]),
    "ansatz that loses the field": (
        rod(ansatz=dict(u=lambda u: u.detach())),
        ["ansatz of `u`", "torch functions", "Tensor"],
    ),
    "metrics is a list": (rod(metrics=[len]), ["`metrics` must be a mapping", "list"]),
    # names
    "axis and unknown of one name": (rod(unknowns=["u", "x"]), ["`x` names two things", "axes ['x', 't']"]),
    "unknown twice": (rod(unknowns=["u", "u"]), ["`u` names two things"]),
    "unknown and coefficient": (
        rod(coefficients=[Coefficient("u", 1.0)]),
        ["`u` names two things", "coefficients ['u']"],
    ),
    "reserved unknown": (rod(unknowns="grad"), ["`grad` is reserved", "laplacian", "another name"]),
    "unknown named as an argument of conditions": (
        rod(unknowns="weight"),
        ["Unknown: `weight` is an argument of the conditions", "Dirichlet(wall, weight=...)", "`weight_`"],
    ),
    "unknown named as the points": (lambda: Unknown("points", components=2), ["Unknown: `points` is an argument"]),
    "unknown named as the penalty": (rod(unknowns=["u", "penalty"]), ["Unknown: `penalty` is an argument"]),
    "unknown named name": (lambda: Unknown("name"), ["Unknown: `name` is an argument"]),
    "unknown named hard": (lambda: Unknown("hard"), ["Unknown: `hard` is an argument"]),
    "unknown named on": (lambda: Unknown("on"), ["Unknown: `on` is an argument"]),
    "unknown named as a partner": (rod(unknowns=["u", "u_partner"]), ["`u_partner`", "partner points of Periodic"]),
    "measurements of an unknown named sigma": (
        lambda: Data(dict(x=XS, t=XS), sigma=XS),
        ["Data: name at least one unknown", "`sigma=` is the standard deviation", "another name"],
    ),
    "deviations beside an unknown named sigma": (
        rod(Data(dict(x=XS, t=XS), u=XS, sigma=XS), unknowns=["u", "sigma"]),
        ["Data: `sigma=` is the standard deviation", "rename the unknown", "Condition(PointSet"],
    ),
    "reserved coefficient": (lambda: Coefficient("n", 1.0), ["`n` is reserved", "another name"]),
    "unknown is no identifier": (rod(unknowns="u 1"), ["identifier", "'u 1'"]),
    "unknown is a keyword": (rod(unknowns="lambda"), ["identifier", "'lambda'"]),
    # unknowns and coefficients
    "no components": (lambda: Unknown("u", components=0), ["Unknown 'u'", "at least 1", "0"]),
    "half a component": (lambda: Unknown("u", components=1.5), ["Unknown 'u'", "whole number", "1.5"]),
    "axes as a word": (lambda: Unknown("k", axes="x"), ["Unknown 'k'", "tuple of names", "'x'"]),
    "an unknown of no axes": (lambda: Unknown("k", axes=()), ["Unknown 'k'", "tuple of names", "()"]),
    "an axis there is not": (rod(unknowns=["u", Unknown("k", axes=("z",))]), ["unknown `k`", "axis `z`", "['x', 't']"]),
    "coefficient from nothing": (lambda: Coefficient("nu", None), ["Coefficient 'nu'", "finite number", "None"]),
    "coefficient from nan": (lambda: Coefficient("nu", math.nan), ["Coefficient 'nu'", "finite number", "nan"]),
    "positive from zero": (lambda: Coefficient("nu", 0.0, positive=True), ["Coefficient 'nu'", "positive", "0.0"]),
    # equations
    "a name there is not": (
        only(lambda v: v.t),
        ["problem 'heat': equation uses `v`", "neither a coordinate ('x', 't')", "nor an unknown ('u')"],
    ),
    "equation is a number": (lambda: Equation(0.0), ["Equation: expected a function", "lambda u", "float"]),
    "equation of everything": (only(lambda *args: args[0]), ["equation", "`*args`", "lambda x, u"]),
    "equation is a builtin": (only(torch.sin), ["equation", "`sin` has no readable signature", "lambda x: sin(x)"]),
    "positional names": (only(eval("lambda u, /: u.t")), ["equation", "matched by name"]),
    "no unknown": (only(lambda x, t: x - t), ["term 'equation' uses no unknown", "('u',)"]),
    "no dependence": (
        only(lambda u, x: torch.where(u > 0, x, x)),
        ["term 'equation'", "does not depend on any unknown"],
    ),
    "a matrix": (only(lambda u, x: u[:, None, None] * x[:, None, None]), ["'equation'", "(n,), (n, k)", "(7, 1, 1)"]),
    "a sum over the samples": (only(lambda u: u.sum()), ["'equation'", "torch.sum of a jet", "dim=-1"]),
    "too few rows": (only(lambda u: u.value[:3]), ["'equation'", "(n,), (n, k)", "n = 7", "(3,)"]),
    "components that grow with n": (
        only(lambda u: u[:, None] * u.value[None]),
        ["components changes with the number of points"],
    ),
    "float of an unknown": (
        only(lambda u: float(u)),
        ["problem 'heat': term 'equation'", "float()", "torch functions"],
    ),
    "math of an unknown": (only(lambda u: math.sin(u)), ["term 'equation'", "float()", "torch functions"]),
    "NumPy of an unknown": (only(lambda u: np.sin(u)), ["term 'equation'", "torch functions instead of NumPy"]),
    "NumPy of a coordinate": (only(lambda u, x: u.t - no_numbers(x)), ["term 'equation'", "torch functions instead"]),
    "a NumPy array": (only(lambda u: np.ones(7) * u), ["term 'equation'", "NumPy arrays do not mix", "data columns"]),
    "if of an unknown": (only(lambda u: u if u else 0 * u), ["term 'equation'", "torch.where"]),
    "a jump that is differentiated": (
        only(lambda u, x: u.t - div(torch.where(x < 0.5, 1.0, 10.0) * grad(u))),
        ["term 'equation'", "plain numbers", "torch.sigmoid", "k * u.laplacian"],
    ),
    "a jump between functions that is differentiated": (
        only(lambda u, x: u.t - (torch.where(x < 0.5, 1.0 + 0 * x, 10.0 + 0 * x) * u.x).x),
        ["term 'equation'", "a jump apart", "torch.sigmoid"],
    ),
    "a thin layer that is differentiated": (
        only(lambda u, x: u.t - (torch.where((x - 0.5).abs().value < 0.02, 5.0, 1.0) * u.x).x),
        ["term 'equation'", "plain numbers"],
    ),
    "a sign that is differentiated": (only(lambda u, x: u.t - (torch.sign(x - 0.3) + u).x), ["plain numbers"]),
    "a detached coefficient": (only(lambda u: u.t - div(torch.exp(u).detach() * grad(u))), ["plain numbers"]),
    "in place": (only(lambda u: u.mul_(2.0)), ["term 'equation'", "in place", "torch.mul"]),
    "no derivative rule": (only(lambda u: torch.lgamma(u)), ["term 'equation'", "torch.lgamma has no derivative rule"]),
    "a wrong letter": (only(lambda u: u.tt - u.xz), ["term 'equation'", "`.xz` is no derivative", "('x', 't')"]),
    "a wrong axis": (only(lambda u: u.d("x", "z")), ["term 'equation'", "`z` is not an axis", "('x', 't')"]),
    "components of a scalar": (only(lambda u: u[0].t), ["term 'equation'", "component of a vector", "scalar"]),
    "shapes that do not fit": (only(lambda u: u.t * torch.ones(3)), ["term 'equation'", "size"]),
    "divergence of a scalar": (only(lambda u: div(u)), ["term 'equation'", "div: expected a vector", "grad"]),
    "Laplacian of a tensor": (only(lambda u: laplacian(u.value)), ["term 'equation'", "expected a jet", "detached"]),
    "Laplacian without space": (
        lambda: Problem("ode", Box(t=(0, 1)), "u", [Equation(lambda u: u.laplacian)]),
        ["problem 'ode'", "laplacian: this problem has no space axes", "('t',)"],
    ),
    "nothing returned": (only(lambda u: print if u is None else None), ["term 'equation'", "numbers", "NoneType"]),
    "a comparison": (only(lambda u: u.t == u.xx), ["term 'equation'", "booleans", "a - b"]),
    "nowhere finite": (only(lambda u: torch.log(-1 - u**2)), ["term 'equation'", "not finite at any"]),
    "division by zero": (only(lambda u: u.t / 0), ["term 'equation'", "division by zero"]),
    # options of terms
    "negative weight": (lambda: Equation(lambda u: u.t, weight=-1), ["equation", "`weight`", "positive", "-1"]),
    "no weight": (lambda: Equation(lambda u: u.t, weight=0), ["`weight`", "positive", "0"]),
    "weight of an unknown": (
        rod(Dirichlet(ROD.boundary, u=0.0, weight=lambda u: u)),
        ["`weight` of 'dirichlet' uses `u`"],
    ),
    "weight below zero": (
        rod(Dirichlet(ROD.boundary, u=0.0, weight=lambda x: x - 2)),
        ["'dirichlet'", "`weight`", "negative"],
    ),
    "no points": (lambda: Equation(lambda u: u.t, points=0), ["`points`", "at least 1", "0"]),
    "half a point": (lambda: Equation(lambda u: u.t, points=10.5), ["`points`", "whole number", "10.5"]),
    "penalty as a word": (lambda: Equation(lambda u: u.t, penalty="huber"), ["`penalty`", "Huber()", "'huber'"]),
    "Huber of nothing": (lambda: Huber(delta=0.0), ["Huber: `delta`", "positive", "0.0"]),
    "two terms of one name": (
        rod(Equation(lambda u: u.t, name="a"), Equation(lambda u: u.x, name="a")),
        ["two terms are named 'a'"],
    ),
    # conditions
    "condition on a word": (lambda: Dirichlet("left", u=0.0), ["Dirichlet: expected a part", "domain.boundary", "str"]),
    "condition without values": (lambda: Dirichlet(ROD.boundary), ["Dirichlet: name at least one unknown", "u=0.0"]),
    "value of another unknown": (rod(Dirichlet(ROD.boundary, w=0.0)), ["dirichlet uses `w`", "no unknown", "('u',)"]),
    "value of a strange name": (
        rod(Dirichlet(ROD.boundary, u=lambda z: z)),
        ["dirichlet value of `u` uses `z`", "'x', 't'"],
    ),
    "value of the unknown": (
        rod(Dirichlet(ROD.boundary, u=lambda u: u)),
        ["dirichlet value of `u` uses `u`", "coordinate"],
    ),
    "value is a builtin": (
        rod(Dirichlet(ROD.boundary, u=torch.sin)),
        ["dirichlet value of `u`", "no readable signature"],
    ),
    "value of two components": (rod(Dirichlet(ROD.boundary, u=(0.0, 1.0))), ["'dirichlet'", "size"]),
    "value of many columns": (
        rod(Dirichlet(ROD.boundary, u=lambda x: torch.stack([x, x], dim=-1))),
        ["'dirichlet'", "values of 2 components", "which have 1"],
    ),
    "another domain's wall": (
        rod(Dirichlet(Box(x=(0, 2), t=(0, 1)).boundary, u=0.0)),
        ["'dirichlet' lives on", "no part of the domain", "`x` spans (0, 2) there and (0, 1)"],
    ),
    "a smaller domain's wall": (
        square(Dirichlet(Box(x=(0, 0.5), y=(0, 1)).boundary, u=0.0)),
        ["'dirichlet'", "no part of the domain", "(0, 0.5)"],
    ),
    "a wall with other axes": (
        rod(Dirichlet(SQUARE.boundary, u=0.0)),
        ["axes ('x', 'y')", "the domain has ('x', 't')"],
    ),
    "a wall with swapped axes": (
        square(Dirichlet(Box(y=(0, 1), x=(0, 1)).boundary, u=0.0)),
        ["'dirichlet'", "axes ('y', 'x')", "order in the domain is ('x', 'y')"],
    ),
    "a point outside": (
        square(Dirichlet(PointSet(x=0.5, y=2), u=0.0)),
        ["'dirichlet'", "no part of the domain", "`y`"],
    ),
    "the empty boundary of an ODE": (
        lambda: Problem(
            "ode", Box(t=(0, 1)), "u", [Equation(lambda u: u.t + u), Dirichlet(Box(t=(0, 1)).boundary, u=1.0)]
        ),
        ["term 'dirichlet'", "empty", "no points"],
    ),
    "flux through an end of time": (rod(Neumann(ROD.face(t=0), u=0.0)), ["term 'neumann'", "no outward normal"]),
    "the normal inside": (rod(Condition(PointSet(x=0.5, t=0.5), lambda u, n: n[0] * u.x)), ["'condition'", "uses `n`"]),
    "the normal in an equation": (only(lambda u, n: n[0] * u.x), ["equation uses `n`"]),
    "Robin without a triple": (lambda: Robin(ROD.boundary, u=1.0), ["Robin: `u`", "triple (a, b, g)", "1.0"]),
    "periodic in time": (rod(Periodic("t")), ["Periodic: `t` is not a space axis", "('x',)"]),
    "periodic along nothing": (rod(Periodic("z")), ["Periodic: `z` is not a space axis", "('x',)"]),
    "periodic of negative order": (lambda: Periodic("x", order=-1), ["Periodic: `order`", "-1"]),
    "initial without time": (
        square(Initial(u=0.0)),
        ["Initial: the domain has no time axis", "('x', 'y')", "t=(0, T)"],
    ),
    "initial of another unknown": (rod(Initial(w=0.0)), ["Initial: `w` is neither an unknown ('u',)", "`u_t`"]),
    "initial curvature": (rod(Initial(u_xx=0.0)), ["Initial: `u_xx` is neither an unknown", "`u_t`"]),
    # data
    "data is an array": (
        lambda: Data([0.1, 0.2], u=[1, 2]),
        ["Data: the points must be a mapping", "dict(x=xs", "list"],
    ),
    "data with NaN": (
        lambda: Data(dict(x=XS, t=XS), u=[1.0, math.nan, 2.0]),
        ["Data: `u` has 1 entries", "not finite"],
    ),
    "coordinates with inf": (
        lambda: Data(dict(x=[0, 1, math.inf], t=XS), u=XS),
        ["Data: `x` has 1 entries", "not finite"],
    ),
    "data of words": (lambda: Data(dict(x=["a"], t=["b"]), u=[1.0]), ["Data: `x` must be an array of numbers", "list"]),
    "data without values": (lambda: Data(dict(x=XS, t=XS)), ["Data: name at least one unknown", "u=0.0"]),
    "coordinates of two lengths": (lambda: Data(dict(x=XS, t=[0.1]), u=XS), ["Data: the coordinates", "equal lengths"]),
    "too few values": (
        lambda: Data(dict(x=XS, t=XS), u=[1.0, 2.0]),
        ["Data: `u` must have one value", "3 points", "(2,)"],
    ),
    "one value for all": (lambda: Data(dict(x=XS, t=XS), u=1.0), ["Data: `u` must have one value", "3 points"]),
    "sigma of zero": (lambda: Data(dict(x=XS, t=XS), u=XS, sigma=0.0), ["Data: `sigma` must be positive"]),
    "empty data": (lambda: Data(dict(x=[], t=[]), u=[]), ["Data: there are no points"]),
    "data without an axis": (
        rod(Data(dict(x=XS), u=XS)),
        ["Data: coordinates must be given for each axis ('x', 't')", "('x',)"],
    ),
    "data outside": (
        rod(Data(dict(x=[0.1, 3.0], t=[0, 1]), u=[0, 1])),
        ["'data'", "no part of the domain", "(0.1, 3)"],
    ),
    "data of another unknown": (rod(Data(dict(x=XS, t=XS), w=XS)), ["data uses `w`", "no unknown", "('u',)"]),
    "data of too many columns": (
        rod(Data(dict(x=XS, t=XS), u=[[1.0, 2.0]] * 3)),
        ["'data'", "values of 2 components", "which have 1"],
    ),
    "points as an option of data": (lambda: Data(dict(x=XS, t=XS), u=XS, points=3), ["Data: the points are the first"]),
    "data in too few columns": (
        lambda: Problem("cube", Box(x=Cube(0, 1, dim=3)), "u", [Data(dict(x=XS), u=XS)]),
        ["`x` has 1 columns there and 3 in the domain"],
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_is_refused_with_one_line_that_says_how_to_mend_it(case: str) -> None:
    call, words = BAD_CALLS[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert missing == [], f"{missing} not in: {message}"
    assert "\n" not in message


def test_the_table_is_long_and_holds_no_good_call() -> None:
    assert len(BAD_CALLS) >= 30
    rod()()
    square()()
    only(lambda u: u.t)()
