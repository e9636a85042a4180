"""The README's table comes from results/published and from nowhere else."""

import json

import pytest

from pinnkit.measure.publication import BEGIN, END, between, publish, readme_with, results_table

README = f"# pinnkit\n\n{BEGIN}\nold\n{END}\n\nafter\n"


def accepted(folder, **changes):
    run = {
        "issue": "1", "table": "automatic", "problem": "heat", "what": "automatic", "unit": "relative L2",
        "target": 1e-9, "limit": 10.0, "seed": 0, "value": 1e-10, "seconds": 2.0, "cores": 2, "failed": "",
        "detail": {"field": "RandomFourier()", "versions": {"torch": "2.13"}}, **changes,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / f"{run['table']}-{run['problem']}-{run['what']}-{run['seed']}.json").write_text(json.dumps(run))


@pytest.fixture
def published(tmp_path, monkeypatch):
    monkeypatch.setattr("pinnkit.measure.publication._picture", lambda _, out: [out / "heat.png"])
    runs = tmp_path / "accept"
    for seed, value in enumerate([1e-10, 3e-10, 2e-10]):
        accepted(runs, seed=seed, value=value)
    accepted(runs, seed=3, failed="ValueError: x", value=None)
    detail = {"kind": "finite differences", "rel_l2_true_error": 1.3e-7}
    accepted(runs, table="references", unit="error / bar", value=0.9, seconds=0.31, detail=detail)
    (tmp_path / "README.md").write_text(README)
    publish(runs, tmp_path / "published", readme=tmp_path / "README.md", problems=tmp_path)
    return tmp_path


def test_the_readme_holds_the_table_that_the_published_results_make(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert between(text) == results_table(root / "results/published")


def test_nothing_published_is_an_empty_table(tmp_path):
    assert results_table(tmp_path / "none") == ""


def test_the_table_has_median_worst_and_the_reference_beside_it(published):
    table = between((published / "README.md").read_text())
    assert "| heat | automatic | 3 (1 failed) | 2.00e-10 (3.00e-10) | 2 | 1.30e-07 | 0.31 |" in table
    assert "2 cores" in table
    assert table == results_table(published / "published")


def test_rows_with_figures_have_a_table_for_each_kind_with_a_column_a_figure(tmp_path, published):
    for seed, psnr in enumerate([31.0, 30.0, 33.0]):
        for what, aim in (("planes", 29.0), ("rays", 30.5)):
            figures = {
                "PSNR, dB": {"value": psnr, "target": aim, "at_least": True},
                "depth": {"value": 1.0, "target": 1.5, "at_least": False},
                "Hausdorff": {"value": 2.0, "target": None, "at_least": False},
            }
            if what == "rays":
                del figures["Hausdorff"]
            more = dict(table="radiance", unit="worst share of a target", figures=figures, what=what, value=0.9)
            accepted(published / "accept", seed=seed, **more)
    publish(published / "accept", tmp_path / "again", readme=tmp_path / "README.md", problems=tmp_path)
    table = results_table(tmp_path / "again")
    assert "| radiance | how | seeds | PSNR, dB | depth (at most 1.5) | Hausdorff | seconds |\n|---" in table
    assert "| heat | planes | 3 | 31 (30); at least 29 | 1 | 2 | 2 |" in table
    assert "| heat | rays | 3 | 31 (30); at least 30.5; missed | 1 |  | 2 |" in table


def test_the_rest_of_the_readme_stays_as_it_was(published):
    text = (published / "README.md").read_text()
    assert text.startswith("# pinnkit\n\n")
    assert text.endswith("\n\nafter\n")
    assert "old" not in text
    assert readme_with(text, between(text)) == text


def test_a_readme_without_the_marks_is_refused_before_anything_is_written(tmp_path):
    accepted(tmp_path / "accept")
    (tmp_path / "README.md").write_text("# pinnkit\n")
    with pytest.raises(ValueError, match="the README needs the lines"):
        publish(tmp_path / "accept", tmp_path / "published", readme=tmp_path / "README.md", problems=tmp_path)
    assert not (tmp_path / "published").exists()
