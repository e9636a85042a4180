"""Terms: their constructors, what binding fills in, and the points that they are sampled at."""

import pytest
import torch

from pinnkit import (
    Box,
    Condition,
    Cube,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Parameters,
    Periodic,
    PointSet,
    Problem,
    Robin,
    Unknown,
)
from pinnkit.domains import Points
from pinnkit.jets.jet import coordinate
from pinnkit.problem import Absolute, Square, Term
from pinnkit.problem.conditions import Flux, InitialState, Jump, Mixed, Prescribed
from pinnkit.problem.linearization import Channel, linearise

ROD = Box(x=(0, 1), t=(0, 2))
HEAT = Equation(lambda u: u.t - u.xx)


def heat(*terms: object, **options: object) -> Problem:
    return Problem(**{"name": "heat", "domain": ROD, "unknowns": "u", "terms": [HEAT, *terms], **options})  # type: ignore[arg-type]


def residual_of(problem: Problem, name: str, n: int = 5, **functions: object) -> torch.Tensor:
    """The residual of a term where the unknowns are given functions of the coordinates."""
    term = problem.term(name)
    points = term.sample(n, torch.Generator().manual_seed(0))
    values = {}
    for channel in problem.trace(term, raw=False).channels:
        at = {a: coordinate(problem.frame, points[channel.site].coords, a) for a in problem.frame.names}
        values[channel] = functions[channel.unknown](**at).d(*channel.order).value  # type: ignore[operator]
    return linearise(problem, term, points, values).r


# binding ------------------------------------------------------------------------------------------------------------
def test_an_equation_lives_in_the_domain_and_a_condition_where_it_says() -> None:
    problem = heat(Dirichlet(ROD.boundary, u=0.0), Equation(lambda u: u.x, on=ROD.face(x=1), name="outflow"))
    assert problem.term("equation").sites == (ROD,)
    assert problem.term("dirichlet").sites == (ROD.boundary,)
    assert problem.term("outflow").sites == (ROD.face(x=1),)


def test_initial_terms_live_at_the_lower_end_of_time() -> None:
    domain = Box(x=(0, 1), t=(3, 5))
    problem = heat(Initial(u=0.0), domain=domain)
    assert problem.term("initial").sites == (domain.face(t=3),)
    assert heat(Initial(u=0.0), domain=domain * Parameters(a=(0, 1))).term("initial").sites[0].axes[1].lower == 3


def test_periodic_terms_have_two_partner_sites_with_equal_draws() -> None:
    plate = Box(x=(-1, 1), y=(0, 2))
    problem = Problem("p", plate, "u", [Equation(lambda u: u.laplacian - u), Periodic("x")])
    term = problem.term("periodic")
    assert term.sites == (plate.face(x=-1), plate.face(x=1))
    left, right = term.sample(16, torch.Generator().manual_seed(0))
    assert torch.equal(left.coords[:, 1], right.coords[:, 1])
    assert (left.coords[:, 0] == -1).all()
    assert (right.coords[:, 0] == 1).all()


@pytest.mark.parametrize(
    ("residual", "matched"),
    [
        (lambda u: u.t + u.x, 0),
        (lambda u: u.t - u.xx, 1),
        (lambda u: u.t + u.xxx, 2),
        (lambda u: u.tt + u, 0),
        (lambda u: u.t - u.xxxx, 3),
    ],
)
def test_periodicity_matches_derivatives_up_to_the_order_of_the_equation_less_one(
    residual: object, matched: int
) -> None:
    problem = Problem("p", ROD, "u", [Periodic("x"), Equation(residual)])  # type: ignore[arg-type]
    assert problem.term("periodic").residual == Jump("x", ("u",), matched)


def test_periodicity_counts_the_laplacian_as_second_order_and_obeys_an_explicit_order() -> None:
    plate = Box(x=(0, 1), y=(0, 1))
    laplace = Equation(lambda u: u.laplacian - u)
    assert Problem("p", plate, "u", [laplace, Periodic("y")]).term("periodic").residual == Jump("y", ("u",), 1)
    zero = Problem("p", plate, "u", [laplace, Periodic("y", order=0)])
    assert zero.term("periodic").residual == Jump("y", ("u",), 0)
    cube = Box(x=Cube(0, 1, dim=3))
    assert Problem("p", cube, "u", [laplace, Periodic("x")]).term("periodic").residual == Jump("x", ("u",), 1)


def test_terms_without_a_name_take_that_of_their_kind_and_a_number_where_it_repeats() -> None:
    problem = heat(
        Dirichlet(ROD.face(x=0), u=0.0),
        Dirichlet(ROD.face(x=1), u=1.0),
        Initial(u=0.0),
        Neumann(ROD.boundary, u=0.0, name="dirichlet"),
    )
    assert [t.name for t in problem.terms] == ["equation", "dirichlet_1", "dirichlet_2", "initial", "dirichlet"]


def test_options_reach_the_term_and_are_not_taken_for_unknowns() -> None:
    term = Dirichlet(ROD.boundary, u=0.0, penalty=Absolute(), weight=3.0, points=17)
    assert (term.penalty, term.weight, term.points) == (Absolute(), 3.0, 17)
    assert term.residual == Prescribed((("u", 0.0),))
    assert Dirichlet(ROD.boundary, u=0.0).penalty == Square()


def test_binding_leaves_the_original_term_alone_so_that_it_serves_two_problems() -> None:
    first, second = heat(), heat(domain=Box(x=(0, 5), t=(0, 1)))
    assert HEAT.sites == ()
    assert HEAT.name is None
    assert first.term("equation").sites != second.term("equation").sites


# points ---------------------------------------------------------------------------------------------------------------
def test_the_columns_of_a_point_set_are_put_in_the_order_of_the_domain() -> None:
    plate = Box(x=(0, 1), y=(0, 1))
    problem = Problem(
        "p", plate, "u", [Equation(lambda u: u.laplacian), Dirichlet(PointSet(y=[0.1, 0.2], x=0.5, weight=2.0), u=0.0)]
    )
    (points,) = problem.term("dirichlet").sample(9, torch.Generator().manual_seed(0))
    assert points.coords.tolist() == [[0.5, 0.1], [0.5, 0.2]]
    assert points.weight is not None
    assert points.weight.tolist() == [2.0, 2.0]


def test_data_points_are_used_as_they_are_whatever_number_is_asked_for() -> None:
    problem = heat(Data(dict(t=[0.0, 1.0, 2.0], x=[0.1, 0.2, 0.3]), u=[5.0, 6.0, 7.0], sigma=0.5))
    (points,) = problem.term("data").sample(100, torch.Generator().manual_seed(0))
    assert points.coords.tolist() == [[0.1, 0.0], [0.2, 1.0], [0.3, 2.0]]
    assert points.columns["u_data"].tolist() == [5.0, 6.0, 7.0]
    assert points.columns["sigma_data"].tolist() == [0.5] * 3


def test_data_in_a_vector_axis_and_of_a_vector_unknown() -> None:
    cube = Box(x=Cube(0, 1, dim=2))
    xs = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], dtype=torch.float64)
    rgb = torch.arange(9.0).reshape(3, 3)
    problem = Problem("image", cube, Unknown("rgb", components=3), [Data(dict(x=xs), rgb=rgb)])
    (points,) = problem.term("data").sample(3, torch.Generator())
    assert torch.equal(points.coords, xs)
    values = {Channel(0, "rgb", ()): rgb.double() + 1.0}
    result = linearise(problem, problem.term("data"), (points,), values)
    assert result.r.tolist() == [[1.0] * 3] * 3


def test_given_points_with_data_columns_are_injected_by_name() -> None:
    coords = torch.tensor([[0.1, 0.0], [0.2, 1.0]], dtype=torch.float64)
    points = Points(coords, columns={"flow": torch.tensor([2.0, 3.0])})
    problem = heat(Condition(ROD, lambda u, flow: u.x - flow, points=points))
    still = {Channel(0, "u", ("x",)): torch.zeros(2, dtype=torch.float64)}
    assert linearise(problem, problem.term("condition"), (points,), still).r[:, 0].tolist() == [-2.0, -3.0]


# residuals of the conditions -------------------------------------------------------------------------------------
def test_dirichlet_is_the_difference_from_the_value() -> None:
    problem = heat(Dirichlet(ROD.face(x=1), u=lambda t: 3 * t))
    assert torch.allclose(residual_of(problem, "dirichlet", u=lambda x, t: x + 3 * t), torch.ones(5, 1).double())


def test_neumann_is_the_derivative_along_the_outward_normal() -> None:
    both = heat(Neumann(ROD.face(x=0), u=0.5), Neumann(ROD.face(x=1), u=0.5))
    assert residual_of(both, "neumann_1", u=lambda x, t: 2 * x + t).unique().tolist() == [-2.5]
    assert residual_of(both, "neumann_2", u=lambda x, t: 2 * x + t).unique().tolist() == [1.5]


def test_robin_is_a_u_plus_b_du_dn_minus_g() -> None:
    problem = heat(Robin(ROD.face(x=0), u=(3.0, lambda t: t, -1.0)))
    found = residual_of(problem, "robin", u=lambda x, t: 2 * x + 4 + 0 * t)
    (points,) = problem.term("robin").sample(5, torch.Generator().manual_seed(0))
    assert torch.allclose(found[:, 0], 12 - 2 * points.coords[:, 1] + 1)


def test_initial_rates_are_named_by_the_time_axis() -> None:
    problem = heat(Initial(u=lambda x: x**2, u_t=1.0))
    found = residual_of(problem, "initial", u=lambda x, t: x**2 + 4 * t)
    assert torch.allclose(found, torch.tensor([[0.0, 3.0]]).double().expand(5, 2))
    named = Problem(
        "p", ROD, ["u", "u_t"], [Equation(lambda u, u_t: (u.t - u_t, u_t.t - u.xx)), Initial(u=1.0, u_t=2.0)]
    )
    assert residual_of(named, "initial", u=lambda x, t: x * t, u_t=lambda x, t: x * t).unique().tolist() == [-2.0, -1.0]


def test_periodicity_is_the_jump_of_values_and_slopes() -> None:
    problem = heat(Periodic("x"))
    found = residual_of(problem, "periodic", u=lambda x, t: x**2 + t)
    assert torch.allclose(found, torch.tensor([[-1.0, -2.0]]).double().expand(5, 2))


def test_a_system_puts_its_components_side_by_side() -> None:
    problem = Problem(
        "flow",
        Box(x=(0, 1), y=(0, 1)),
        [Unknown("u", components=2), "p"],
        [
            Equation(lambda u, p: (u.laplacian - p.grad, u[0].x + u[1].y)),
            Dirichlet(Box(x=(0, 1), y=(0, 1)).boundary, u=(1.0, 0.0)),
        ],
    )
    assert problem.trace(problem.term("equation"), raw=False).rows == 3
    assert problem.trace(problem.term("dirichlet"), raw=False).rows == 2
    found = residual_of(problem, "dirichlet", u=lambda x, y: torch.stack([0 * x + 1, x * y], dim=-1))
    assert not found[:, 0].any()


def test_the_rules_are_equal_by_value_so_that_a_reference_recognises_them() -> None:
    assert Neumann(ROD.boundary, u=1.0).residual == Flux((("u", 1.0),))
    assert Robin(ROD.boundary, u=(1.0, 2.0, 3.0)).residual == Mixed((("u", (1.0, 2.0, 3.0)),))
    assert heat(Initial(u=1.0)).term("initial").residual == InitialState((("u", 1.0),), "t", ("u",))


# what terms can do ----------------------------------------------------------------------------------------------------
def test_terms_say_what_they_can_do() -> None:
    grid = torch.tensor([0.2, 0.4], dtype=torch.float64)
    terms = {
        t.kind: t
        for t in heat(
            Dirichlet(ROD.face(x=0), u=0.0),
            Neumann(ROD.face(x=1), u=0.0),
            Periodic("x"),
            Initial(u=0.0),
            Data(dict(x=grid, t=grid), u=grid),
            Robin(ROD.face(x=1), u=(1.0, 1.0, 0.0)),
            Condition(PointSet(x=0.5, t=0.5), lambda u: u),
        ).terms
    }
    assert [k for k, t in terms.items() if t.is_equation] == ["equation"]
    assert [k for k, t in terms.items() if t.fits_data] == ["data"]
    assert [k for k, t in terms.items() if t.initial_state is not None] == ["initial"]
    assert {k: t.periodic_axis for k, t in terms.items() if t.periodic_axis} == {"periodic": "x"}
    assert {k: t.hard_rank for k, t in terms.items() if t.can_be_hard} == {"dirichlet": 0, "periodic": 1, "initial": 2}
    assert [k for k, t in terms.items() if t.on_single_points] == ["data", "condition"]
    assert [k for k, t in terms.items() if t.own_points is not None] == ["data"]
    assert [k for k, t in terms.items() if t.has_fixed_points] == ["data", "condition"]
    assert terms["data"].data_columns == ("u_data",)
    assert terms["dirichlet"].walls == (("x", 0.0),)
    assert terms["periodic"].walls == (("x", 0.0), ("x", 1.0))
    assert terms["initial"].walls == (("t", 0.0),)
    assert terms["equation"].walls == ()
    assert [k for k, t in terms.items() if t.rule is None] == ["equation", "condition"]
    assert all(t.penalty.is_square and t.penalty.vanishes for t in terms.values())


def test_a_term_of_a_new_kind_is_an_equation_where_it_says_so() -> None:
    own = Term("mine", (ROD,), lambda u: u.t - u.xx, kind="balance", is_equation=True)
    problem = Problem("p", ROD, "u", [Periodic("x"), own])
    assert problem.term("periodic").residual == Jump("x", ("u",), 1)  # its order is that of the equation
    assert [r.term.kind for r in problem.structure.equations] == ["balance"]


def test_an_unknown_named_sigma_can_be_measured_as_a_condition() -> None:
    points = PointSet(x=[0.1, 0.2], t=[0.5, 0.5])
    problem = Problem(
        "p", ROD, "sigma", [Equation(lambda sigma: sigma.t), Condition(points, lambda sigma: sigma - 2.0)]
    )
    assert problem.term("condition").on_single_points
