import numpy as np
import pytest

from pinnkit.problem.problem import Problem
from pinnkit.references import Reference, reference
from pinnkit.references.result import Reference as Result
from tests.references.cases import find, rms


@pytest.fixture(scope="module")
def heat() -> Reference:
    return reference(find("heat"), budget=0.2)


def closed_form(x, t):
    return np.sin(np.pi * x) * np.exp(-t) + 0.5 * np.sin(3 * np.pi * x) * np.exp(-9 * t)


def test_values_have_the_shape_of_the_grid_with_both_ends(heat):
    assert list(heat.grid) == ["x", "t"]
    assert heat.values["u"].shape == tuple(len(ticks) for ticks in heat.grid.values())
    for ticks in heat.grid.values():
        assert (ticks[0], ticks[-1]) == (0.0, 1.0)
        assert (np.diff(ticks) > 0).all()


def test_a_periodic_axis_comes_back_with_both_ends_equal():
    found = reference(find("periodic"), budget=0.1)
    u = found.values["u"]
    np.testing.assert_array_equal(u[0], u[-1])
    np.testing.assert_array_equal(u[:, 0], u[:, -1])
    assert found.grid["x"][-1] == 1.0


def test_a_vector_unknown_has_its_components_last():
    found = reference(find("ode_system"), budget=0.3)
    assert found.values["w"].shape == (len(found.grid["t"]), 2)
    t = np.array([0.3, 1.7])
    np.testing.assert_allclose(found.at(t=t)["w"], np.stack([np.sin(t), np.cos(t)], axis=1), atol=1e-6)


def test_at_gives_the_shape_of_the_coordinates(heat):
    x = np.linspace(0.1, 0.9, 6).reshape(2, 3)
    found = heat.at(x=x, t=0.25)["u"]
    assert found.shape == (2, 3)
    assert np.abs(found - closed_form(x, 0.25)).max() < 2 * heat.max_error_bar["u"]
    assert heat.at(x=0.5, t=0.5)["u"].shape == ()


def test_at_the_nodes_the_values_come_back(heat):
    i, j = 7, 11
    found = heat.at(x=heat.grid["x"][i], t=heat.grid["t"][j])["u"]
    assert found == pytest.approx(heat.values["u"][i, j], rel=1e-12)


def test_on_grid_takes_counts_and_arrays(heat):
    found = heat.on_grid(x=5, t=[0.0, 0.5])
    np.testing.assert_array_equal(found["x"], np.linspace(0, 1, 5))
    x, t = np.meshgrid(found["x"], found["t"], indexing="ij")
    assert found["u"].shape == (5, 2)
    assert np.abs(found["u"] - closed_form(x, t)).max() < 2 * heat.max_error_bar["u"]
    assert heat.on_grid()["u"] is heat.values["u"]


def test_interpolation_beside_the_source_of_an_eikonal_equation_keeps_to_the_bar():
    found = reference(find("eikonal"), budget=0.3)
    angle = np.linspace(0, 2 * np.pi, 50)
    x, y = 0.5 + 1e-3 * np.cos(angle), 0.1 + 1e-3 * np.sin(angle)
    true = np.arcsinh(1e-3 / np.sqrt((1 + 2 * y) * 1.2))
    for values in (found.at(x=x, y=y)["T"], np.diag(found.on_grid(x=x, y=y)["T"])):
        assert np.abs(values - true).max() < 1e-6
    assert found.at(x=0.5, y=0.1)["T"] == 0.0


@pytest.mark.parametrize(
    ("coords", "words"),
    [
        (dict(x=0.5), r"give each of the axes \('x', 't'\), got \('x',\)"),
        (dict(x=0.5, t=0.5, y=0.0), "give each of the axes"),
        (dict(x=1.5, t=0.5), r"`x` must lie in \[0, 1\]"),
        (dict(x=np.nan, t=0.5), r"`x` must lie in \[0, 1\]"),
        (dict(x=np.zeros(2), t=np.zeros(3)), "shapes must fit together"),
    ],
)
def test_bad_coordinates_are_refused_in_words(heat, coords, words):
    with pytest.raises(ValueError, match=words):
        heat.at(**coords)


def test_what_is_reported_belongs_together(heat):
    assert heat.kind == "Crank-Nicolson finite differences"
    assert heat.order == 2
    assert abs(heat.observed_order - 2) < 0.15
    assert heat.seconds > 0
    assert heat.bars("u") == (heat.error_bar["u"], heat.max_error_bar["u"])
    assert heat.axes is heat.grid


def test_a_reference_solver_of_the_problem_is_called_instead():
    asked = []
    grid = {"x": np.linspace(0, 1, 3), "t": np.linspace(0, 1, 3)}
    own = Result({"u": np.zeros((3, 3))}, grid, {"u": 1e-3}, {"u": 1e-3}, 4.0, 4.0, 0.1, "by hand")

    def solver(problem, budget):
        asked.append((problem.name, budget))
        return own

    heat = find("heat")
    problem = Problem(heat.name, heat.domain, heat.unknowns, heat.terms, reference_solver=solver)
    assert reference(problem, budget=2.0) is own
    assert asked == [("heat", 2.0)]


def test_axes_may_come_in_any_order():
    from pinnkit.domains import Box
    from tests.references.cases import PI, Dirichlet, Equation, Initial, sin

    turned = Box(t=(0, 1), x=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(turned.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    found = reference(Problem("turned", turned, "u", terms), budget=0.2)
    t, x = np.meshgrid(*found.grid.values(), indexing="ij")
    true = np.sin(np.pi * x) * np.exp(-t)
    assert list(found.grid) == ["t", "x"]
    assert rms(found.values["u"] - true) < 2 * found.error_bar["u"] * rms(true)
