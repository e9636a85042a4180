"""Published tables: README and docs come from results/published and from nowhere else; rows are merged."""

import json
import re

import pytest

from pinnkit.measure import published as tables
from pinnkit.measure.acceptance import ROWS
from pinnkit.measure.markdown import HEADLINES, _misses, headline_table, measured_tables, missed_table
from pinnkit.measure.publication import MISSED, RESULTS, block, publish, with_block
from pinnkit.measure.published import TOPICS, merged, missed, read_tables, topic_of, write_tables

MARKED = "<!-- {0}:begin -->\nold\n<!-- {0}:end -->"
README = f"# pinnkit\n\n{MARKED.format(RESULTS)}\n\nafter\n"
DOCS = f"# Measured\n\n{MARKED.format(RESULTS)}\n\nbetween\n\n{MARKED.format(MISSED)}\n"


def accepted(folder, **changes):
    run = {
        "issue": "1", "table": "automatic", "problem": "heat", "method": "automatic", "unit": "relative L2",
        "target": 1e-9, "limit": 10.0, "seed": 0, "value": 1e-10, "seconds": 2.0, "cores": 2, "failed": "",
        "detail": {"field": "RandomFourier()"}, "versions": {"torch": "2.13"}, **changes,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / f"{run['table']}-{run['problem']}-{run['method']}-{run['seed']}.json").write_text(json.dumps(run))


@pytest.fixture
def publish_here(tmp_path, monkeypatch):
    """Publish the runs in tmp_path/accept into tmp_path; the figure is not drawn."""
    monkeypatch.setattr("pinnkit.measure.publication._picture", lambda _, out: [out / "heat.png"])
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "measured.md").write_text(DOCS)

    def run():
        paths = dict(readme=tmp_path / "README.md", docs=tmp_path / "measured.md", problems=tmp_path)
        return publish(tmp_path / "accept", tmp_path / "published", **paths)

    return run


@pytest.fixture
def published(tmp_path, publish_here):
    runs = tmp_path / "accept"
    for seed, value in enumerate([1e-10, 3e-10, 2e-10]):
        accepted(runs, seed=seed, value=value)
    accepted(runs, seed=3, failed="ValueError: x", value=None)
    detail = {"kind": "finite differences", "order": 2, "rel_l2_true_error": 1.3e-7, "rel_l2_error_bar": 1.5e-7}
    accepted(runs, table="references", unit="true error / error bar", value=0.9, seconds=0.31, detail=detail)
    publish_here()
    return tmp_path


def test_the_readme_holds_the_short_table_that_the_published_results_make(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert block(text, RESULTS) == headline_table(root / "results/published")
    assert len(headline_table(root / "results/published").splitlines()) == 2 + len(HEADLINES)


def test_the_docs_hold_all_tables_and_missed_targets_that_the_published_results_make(root):
    text = (root / "docs/measured.md").read_text(encoding="utf-8")
    assert block(text, RESULTS) == measured_tables(root / "results/published")
    assert block(text, MISSED) == missed_table(root / "results/published")


def test_the_docs_show_every_published_row(root):
    text = measured_tables(root / "results/published")
    for row in read_tables(root / "results/published"):
        assert f"| {row['problem']} |" in text
        assert row["table"] == "references" or f"| {row['problem']} | {row['method']} |" in text


def test_the_published_files_are_those_that_their_rows_make(root, tmp_path):
    folder = root / "results/published"
    written = write_tables(merged([], read_tables(folder)), tmp_path)
    assert {p.stem for p in written} == set(TOPICS)
    for path in written:
        assert path.read_text(encoding="utf-8") == (folder / path.name).read_text(encoding="utf-8")


def test_every_published_row_belongs_to_an_acceptance_row_with_the_same_target(root):
    known = {(r.table, r.problem, r.method): (r.unit, r.target, r.limit) for r in ROWS}
    rows = read_tables(root / "results/published")
    assert len(rows) > 90
    for row in rows:
        assert known[row["table"], row["problem"], row["method"]] == (row["unit"], row["target"], row["limit"])


def test_a_row_misses_its_target_where_one_of_its_quantities_does(root):
    rows = read_tables(root / "results/published")
    assert 0 < sum(map(missed, rows)) < len(rows)
    for row in rows:
        assert missed(row) == bool(_misses(row)), row


def test_every_acceptance_table_has_a_topic_and_every_headline_a_row():
    assert {topic_of(r.table) for r in ROWS} == set(TOPICS)
    assert {(r.table, r.problem, r.method) for r in ROWS} >= set(HEADLINES)
    assert len(HEADLINES) <= 6
    with pytest.raises(ValueError, match="table 'dreams' has no topic; add it to TOPICS"):
        topic_of("dreams")


def test_published_names_are_plain_and_described(root):
    folder = root / "results/published"
    text = (folder / "README.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([^`]+)`", text))
    names = {p.name for p in folder.iterdir()}
    assert all(re.fullmatch(r"[A-Za-z0-9_]+\.[a-z]+", name) for name in names)
    assert names - {"README.md"} <= described
    assert {key for row in read_tables(folder) for key in row} <= described


def test_nothing_published_is_an_empty_table(tmp_path):
    assert measured_tables(tmp_path / "none") == ""
    assert headline_table(tmp_path / "none") == ""


def test_the_tables_have_median_worst_and_the_reference_beside_it(published):
    table = block((published / "measured.md").read_text(), RESULTS)
    row = "| heat | automatic | 3 (1 failed) | 2.00e-10 (3.00e-10) | 2 | 1.30e-07 | 0.31 | 1.00e-09 in 10 s; missed |"
    assert row in table
    assert "| heat | finite differences | 2 | 1.50e-07 | 1.30e-07 | 0.9 | at most 1.00e-09; missed | 0.31 |" in table
    assert "2 cores" in table
    assert table == measured_tables(published / "published")
    short = block((published / "README.md").read_text(), RESULTS)
    assert "| heat in a rod: relative L2 error | 2.00e-10 (3.00e-10) | at most 1.00e-09 | 2 |" in short


def test_failed_late_and_missed_runs_are_listed(published, publish_here):
    accepted(published / "accept", problem="slow", seconds=11.0)
    accepted(published / "accept", problem="wrong", value=2e-9)
    accepted(published / "accept", problem="infinite", value=None)
    publish_here()
    found = block((published / "measured.md").read_text(), MISSED)
    assert "| heat | automatic | failed runs | 0 | 1 |" in found
    assert "| slow | automatic | seconds | at most 10 | 11 |" in found
    assert "| wrong | automatic | relative L2 | at most 1e-09 | 2e-09 |" in found
    assert "| infinite | automatic | relative L2 | at most 1e-09 | not finite |" in found


def test_rows_with_metrics_have_a_table_with_a_column_a_metric(published, publish_here):
    for seed, psnr in enumerate([31.0, 30.0, 33.0]):
        for method, target in (("planes", 29.0), ("rays", 30.5)):
            metrics = {
                "PSNR, dB": {"value": psnr, "target": target, "at_least": True},
                "depth": {"value": 1.0, "target": 1.5, "at_least": False},
                "Hausdorff": {"value": 2.0, "target": None, "at_least": False},
            }
            if method == "rays":
                del metrics["Hausdorff"]
            more = dict(table="radiance", unit="largest ratio to a target", metrics=metrics, method=method, value=0.9)
            accepted(published / "accept", seed=seed, **more)
    publish_here()
    table = measured_tables(published / "published")
    assert "| radiance | method | seeds | PSNR, dB | depth (at most 1.5) | Hausdorff | seconds |\n|---" in table
    assert "| heat | planes | 3 | 31 (30); at least 29 | 1 | 2 | 2 |" in table
    assert "| heat | rays | 3 | 31 (30); at least 30.5; missed | 1 |  | 2 |" in table


def test_a_metric_with_a_target_for_each_seed_shows_the_worst_run(published, publish_here):
    for seed, (psnr, baseline) in enumerate([(23.0, 22.0), (23.5, 23.4), (22.5, 22.6)]):
        metrics = {"PSNR, dB": {"value": psnr, "target": baseline, "at_least": True}}
        more = dict(
            table="images", unit="largest ratio to a target", metrics=metrics, value=baseline / psnr, target=1.0
        )
        accepted(published / "accept", seed=seed, **more)
    publish_here()
    assert "PSNR, dB (at least 22.6)" in measured_tables(published / "published")
    assert "| heat | automatic | 3 | 23 (22.5); missed | 2 |" in measured_tables(published / "published")
    assert "| heat | automatic | PSNR, dB | at least 22.6 | 22.5 |" in missed_table(published / "published")


def test_rows_that_were_not_run_again_are_kept(published, publish_here):
    first = read_tables(published / "published")
    for path in (published / "accept").iterdir():
        path.unlink()
    accepted(published / "accept", problem="wave", value=5e-10)
    accepted(published / "accept", value=4e-10)
    publish_here()
    rows = {(r["table"], r["problem"]): r for r in read_tables(published / "published")}
    assert list(rows) == [("automatic", "heat"), ("automatic", "wave"), ("references", "heat")]
    assert rows["automatic", "heat"]["value"] == {"median": 4e-10, "worst": 4e-10}
    assert rows["references", "heat"] == first[1]
    assert rows["automatic", "wave"]["field"] == "RandomFourier()"


def test_published_tables_alone_are_enough_to_write_readme_and_docs(published, publish_here):
    before = (published / "README.md").read_text(), (published / "measured.md").read_text()
    for path in (published / "accept").iterdir():
        path.unlink()
    (published / "README.md").write_text(README)
    (published / "measured.md").write_text(DOCS)
    publish_here()
    assert ((published / "README.md").read_text(), (published / "measured.md").read_text()) == before


def test_a_row_is_readable_as_text_and_not_finite_numbers_are_null(published, publish_here):
    accepted(published / "accept", value=None)
    metrics = {"a": {"value": None, "target": 1.0, "at_least": False}}
    accepted(published / "accept", problem="wave", metrics=metrics)
    publish_here()
    lines = (published / "published" / "equations.json").read_text().splitlines()
    assert '    "value": {"median": 3e-10, "worst": null},' in lines
    assert '      "a": {"target": 1.0, "at_least": false, "median": null, "worst": null}' in lines
    assert max(map(len, lines)) < 160


def test_the_rest_of_readme_and_docs_stays_as_it_was(published):
    readme, docs = ((published / name).read_text() for name in ("README.md", "measured.md"))
    assert readme.startswith("# pinnkit\n\n")
    assert readme.endswith("\n\nafter\n")
    assert docs.startswith("# Measured\n\n")
    assert "\n\nbetween\n\n" in docs
    assert "old" not in readme + docs
    assert with_block(readme, RESULTS, block(readme, RESULTS)) == readme


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("README.md", "# pinnkit\n", "README.md needs the lines <!-- results:begin -->"),
        ("README.md", "<!-- results:end --> <!-- results:begin -->", "README.md needs the lines"),
        ("measured.md", README, "measured.md needs the lines <!-- missed:begin -->"),
    ],
)
def test_a_file_without_the_markers_is_refused_before_anything_is_written(tmp_path, publish_here, name, text, words):
    accepted(tmp_path / "accept")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words):
        publish_here()
    assert not (tmp_path / "published").exists()


def test_runs_and_tables_that_cannot_be_used_are_refused(tmp_path, publish_here):
    with pytest.raises(ValueError, match="run `pinnkit accept` first"):
        publish_here()
    accepted(tmp_path / "accept", table="dreams")
    with pytest.raises(ValueError, match="'dreams' has no topic"):
        publish_here()
    (tmp_path / "accept" / "old.json").write_text(json.dumps({"table": "automatic", "problem": "x", "what": "y"}))
    with pytest.raises(ValueError, match=r"old\.json' is not a run of this version"):
        publish_here()
    assert not (tmp_path / "published").exists()
    for text in ("{", "{}", '[{"table": "automatic"}]'):
        (tmp_path / f"{next(iter(TOPICS))}.json").write_text(text)
        with pytest.raises(ValueError, match="must hold a JSON array of rows"):
            tables.read_tables(tmp_path)
