"""Figures: what is drawn, on which scales, with which words."""

import math
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from pinnkit.domains import Box, Cube, Parameters
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Equation
from pinnkit.reports import figures
from tests.samples import fake_reference, fitted_heat, heat_problem, solution_of, vector_problem


def diffusion(axes, exact=None, **more):
    return Problem("diffusion", Box(**axes), "u", [Equation(lambda u: u.laplacian)], exact=exact or {}, **more)


def texts(figure):
    found = [figure.get_suptitle()]
    for ax in figure.axes:
        found += [ax.get_title(), ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
        for child in ax.child_axes:
            found += [child.get_ylabel()]
    return [t for t in found if t]


def images(figure):
    return [image for ax in figure.axes for image in ax.images]


def nodes(image):
    """Coordinates of the evenly spaced nodes of an image, and the values there."""
    rows, columns = image.get_array().shape
    left, right, bottom, top = map(float, image.get_extent())
    x, y = np.linspace(left, right, columns), np.linspace(bottom, top, rows)
    np.testing.assert_allclose(image._Ax, x, rtol=1e-6)  # the image keeps them in single precision
    np.testing.assert_allclose(image._Ay, y, rtol=1e-6)
    return *np.meshgrid(x, y), np.asarray(image.get_array())


def test_both_figures_are_written_as_pictures(tmp_path):
    solution = fitted_heat()
    written = figures.save(solution, tmp_path / "new", reference=fake_reference(solution.problem))
    assert [p.name for p in written] == ["solution.png", "losses.png"]
    for path in written:
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 300
        assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 20


def test_solution_and_reference_share_a_scale_and_the_difference_has_its_own():
    solution = fitted_heat()
    figure = figures.draw_solution(solution, reference=fake_reference(solution.problem, wrong=1e-3))
    one, two, difference = images(figure)
    assert one.get_clim() == two.get_clim()
    low, high = difference.get_clim()
    assert low == -high
    assert high == pytest.approx(1e-3, rel=0.01)
    said = texts(figure)
    assert any("at most 0.001" in t for t in said)
    assert "t (dimensionless)" in said
    assert "x (dimensionless)" in said
    assert any("finite differences" in t for t in said)


def test_the_closed_form_is_drawn_where_there_is_no_reference():
    assert any("exact solution" in t for t in texts(figures.draw_solution(fitted_heat())))


def test_units_are_named_where_they_are_given():
    said = texts(figures.draw_solution(fitted_heat(), units={"t": "s", "u": "K"}))
    assert "t (s)" in said
    assert "u (K)" in said


def test_one_axis_is_a_line_with_its_difference_below():
    problem = Problem("decay", Box(t=(0, 2)), "u", [Equation(lambda u: u.t + u)], exact=dict(u=lambda t: torch.exp(-t)))
    figure = figures.draw_solution(solution_of(problem))
    assert len(figure.axes) == 2
    assert len(figure.axes[0].lines) == 2
    assert any("difference, at most" in t for t in texts(figure))


def test_two_axes_and_time_are_slices_over_time():
    exact = dict(u=lambda x, y, t: torch.sin(math.pi * x) * y * torch.exp(-t))
    figure = figures.draw_solution(solution_of(diffusion(dict(x=(0, 1), y=(0, 1), t=(0, 3)), exact)))
    assert len(images(figure)) == 12
    said = texts(figure)
    assert "t = 0" in said
    assert "t = 3" in said
    limits = [i.get_clim() for i in images(figure)]
    assert len(set(limits[:8])) == 1
    assert len(set(limits[8:])) == 1


def test_three_axes_are_slices_inside():
    said = texts(figures.draw_solution(solution_of(diffusion(dict(x=(0, 1), y=(0, 1), z=(0, 1))))))
    assert "z = 0.2" in said
    assert "z = 0.8" in said


def test_further_axes_are_held_at_their_middle():
    four = solution_of(diffusion(dict(x=(0, 1), y=(0, 1), z=(0, 4), t=(0, 1))))
    assert "at z = 2" in figures.draw_solution(four).get_suptitle()
    problem = Problem(
        "p", Box(x=(0, 1), t=(0, 1)) * Parameters(nu=(1, 2)), "u", [Equation(lambda u, nu: u.t - nu * u.d("x", "x"))]
    )
    assert "nu = 1.2" in texts(figures.draw_solution(solution_of(problem)))


def test_every_component_is_drawn():
    said = texts(figures.draw_solution(solution_of(vector_problem())))
    assert {"p, solution", "v[0], solution", "v[1], solution"} <= set(said)


def test_space_is_drawn_in_its_proportions():
    figure = figures.draw_solution(solution_of(vector_problem()))
    assert figure.axes[0].get_aspect() == 1
    assert figures.draw_solution(fitted_heat()).axes[0].get_aspect() == "auto"


def test_a_constant_solution_and_holes_are_drawn(tmp_path):
    class Constant(torch.nn.Module):
        def forward(self, coords):
            return torch.where(coords[:, :1] > 0.9, torch.nan, 2 + 0 * coords[:, :1])

    figures.save(solution_of(heat_problem(), Constant()), tmp_path)
    assert (tmp_path / "solution.png").is_file()


def test_values_in_a_picture_stand_where_they_belong():
    problem = diffusion(dict(x=(0, 1), y=(0, 2)), dict(u=lambda x, y: x + 10 * y))
    figure = figures.draw_solution(solution_of(problem))
    x, y, values = nodes(images(figure)[1])
    assert (x.min(), x.max(), y.min(), y.max()) == (0, 1, 0, 2)
    np.testing.assert_allclose(values, x + 10 * y, atol=1e-12)


def test_time_runs_to_the_right():
    t, x, values = nodes(images(figures.draw_solution(fitted_heat()))[1])
    np.testing.assert_allclose(values, np.sin(np.pi * x) * np.exp(-t), atol=1e-12)


def test_a_picture_shows_values_upwards_and_to_the_right(tmp_path):
    problem = diffusion(dict(x=(0, 1), y=(0, 1)), dict(u=lambda x, y: x + 10 * y))
    figure = figures.draw_solution(solution_of(problem))
    figure.dpi = 100
    figure.savefig(tmp_path / "map.png", dpi=100)
    pixels = imread(tmp_path / "map.png")
    box = figure.axes[1].get_window_extent()  # of the closed form
    low, high = images(figure)[1].get_clim()
    height = pixels.shape[0]

    def colour(right, up):
        column, row = box.x0 + right * box.width, height - (box.y0 + up * box.height)
        return pixels[int(row), int(column), :3]

    colours = mpl.colormaps[figures.VALUES]
    for right, up in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9), (0.5, 0.3)):
        expected = colours((right + 10 * up - low) / (high - low))[:3]
        np.testing.assert_allclose(colour(right, up), expected, atol=0.03)


def test_numbers_on_axes_are_plain_text(tmp_path):
    solution = solution_of(heat_problem())
    figures.save(solution, tmp_path)
    difference = figures.draw_solution(fitted_heat(), reference=fake_reference(fitted_heat().problem, wrong=1e-5))
    losses = figures.draw_losses(solution)
    for figure in (difference, losses):
        figure.draw_without_rendering()
    labels = [t.get_text() for t in losses.axes[0].get_yticklabels(which="both") if t.get_text()]
    assert labels
    assert all(re.fullmatch("([1-9](\\.[0-9])?×)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", label) for label in labels)
    offsets = [child.yaxis.get_offset_text().get_text() for ax in difference.axes for child in ax.child_axes]
    assert any(re.fullmatch("×10⁻[⁵⁶]", offset) for offset in offsets)


def test_no_picture_of_a_vector_axis_is_made():
    problem = Problem("cube", Box(x=Cube(0, 1, dim=5)), "u", [Equation(lambda u: u.laplacian)])
    assert figures.draw_solution(solution_of(problem)) is None


def test_the_losses_have_a_line_for_each_term_and_for_each_change_of_solver():
    solution = solution_of(heat_problem())
    (ax,) = figures.draw_losses(solution).axes
    assert {line.get_label() for line in ax.lines} >= {"equation", "dirichlet", "initial"}
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "seconds"
    assert {t.get_text() for t in ax.texts} == {"Adam", "LBFGS"}


def test_the_attempts_of_a_search_are_counted_and_not_named_one_by_one():
    solution = solution_of(heat_problem())
    names = tuple(f"{n} sines" for n in range(len(solution.history.step)))
    searched = replace(solution, history=replace(solution.history, solver=names))
    (ax,) = figures.draw_losses(searched).axes
    assert ax.get_title(loc="right") == "20 attempts"
    assert not ax.texts
