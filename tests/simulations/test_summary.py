"""From records to what is reported: choices on tuning seeds alone, scores and tables by hand."""

import numpy as np
import pytest

from simulations import summary, tables
from simulations.experiment import cells
from simulations.loading import load
from simulations.records import Record, encoded
from simulations.statistics import Failure
from simulations.summary import FAILURES, criterion, learning_curve, scores, summarise
from tests.simulations.experiments import constant_record, written
from tests.tolerances import ROUNDING

TUNING = [1_000_000, 1_000_001, 1_000_002]
REPORTED = [0, 1, 2, 3]


@pytest.fixture
def tiny(tmp_path):
    return load(str(written(tmp_path)))


def group_of(tiny, *levels, rule="dppo"):
    """(cell, record) of the settings; a level is (J of the tuning seeds, J of the reported ones)."""
    found = [cell for cell in cells(tiny, "smoke") if (cell.condition.name, cell.ray.name) == ("a", rule)]
    out = []
    for cell, (tuned, reported) in zip(found, levels, strict=True):
        arrays = [constant_record(REPORTED, 4, reported), constant_record(TUNING, 4, tuned)]
        joined = {name: np.concatenate([x[name] for x in arrays]) for name in arrays[0]}
        joined["value_mu"][:, 0] = 0.05  # the start
        joined["value"] += np.arange(7, dtype=np.float32)[:, None] / 500  # seeds differ
        out.append((cell, Record({"code": "x"}, [*REPORTED, *TUNING], joined)))
    return out


def test_scores_by_hand():
    value = np.array([[0.2, 0.4, 0.6, 0.8], [0.2, 0.9, 0.3, 0.1], [0.2, np.nan, np.nan, np.nan]])
    arrays = {
        "value": value,
        "value_mu": np.column_stack([[0.1, 0.1, 0.1], value[:, :-1]]),
        "removed": np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [3.0, np.nan, np.nan, np.nan]]),
        "scored": np.array([[4.0, 4.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0], [6.0, np.nan, np.nan, np.nan]]),
        "delta": np.array([[0.1, -0.3, 0.0, 0.0], [0.2, 0.2, 0.2, -0.2], [-0.5, np.nan, np.nan, np.nan]]),
    }
    record = Record({}, [0, 1, 2], arrays)
    np.testing.assert_array_equal(learning_curve(record)[:2], [[0.1, *value[0]], [0.1, *value[1]]])
    found = scores(record)
    expected = {
        "area": [0.5, 0.375, 0.0],
        "last": [0.8, 0.1, 0.0],  # 5 evaluations: the last
        "masked": [3 / 12, 0.0, 0.5],  # where nothing was scored, nothing was masked
        "residual": [0.1, 0.2, 0.5],
    }
    for name, x in expected.items():
        np.testing.assert_allclose(found[name], x, rtol=0, atol=ROUNDING, err_msg=name)
    kinds = (None, Failure.COLLAPSED, Failure.COLLAPSED)
    assert found["failure"].tolist() == [FAILURES.index(kind) for kind in kinds]


def test_the_criterion_counts_a_failed_seed_as_nothing():
    assert criterion(
        {"failure": np.array([0, 2, 0, 1]), "area": np.array([0.8, 0.9, 0.4, 0.3])}
    ) == pytest.approx(0.3)


def test_the_setting_is_chosen_on_tuning_seeds_alone(tiny):
    # the first setting wins on the reported seeds, the second on the tuning ones
    found = summarise(tiny, group_of(tiny, (0.3, 0.9), (0.6, 0.4)), REPORTED, TUNING)
    assert found.config["chosen"] == 1
    np.testing.assert_allclose(found.config["tuning"], [0.31, 0.61], rtol=0, atol=1e-6)  # + .008 .. .012
    assert found.seeds == REPORTED
    np.testing.assert_allclose(found.arrays["value"][:, 0], [0.4, 0.402, 0.404, 0.406], atol=1e-6)
    assert found.arrays["area"].shape == (4, 2)
    np.testing.assert_allclose(found.arrays["area"][:, 0], [0.9, 0.902, 0.904, 0.906], atol=1e-6)
    # whatever the reported seeds did, the choice stays
    other = summarise(tiny, group_of(tiny, (0.3, 0.0), (0.6, 0.99)), REPORTED, TUNING)
    assert other.config["chosen"] == found.config["chosen"]
    assert other.config["tuning"] == found.config["tuning"]


def test_a_collapse_on_the_tuning_seeds_costs_the_choice(tiny):
    group = group_of(tiny, (0.6, 0.5), (0.5, 0.5))
    group[0][1].arrays["value"][-1, -2:] = 0.0  # one of three tuning seeds of the first setting collapses
    assert summarise(tiny, group, REPORTED, TUNING).config["chosen"] == 1


def test_without_tuning_seeds_the_papers_point_is_reported(tiny):
    assert summarise(tiny, group_of(tiny, (0.9, 0.9), (0.1, 0.1)), REPORTED, []).config["chosen"] == 1


def test_the_budgets_share_of_what_was_dropped(tiny):
    group = group_of(tiny, (0.3, 0.3), (0.6, 0.6), rule="cppo")
    for name, x in {"by_token": 1.0, "by_budget": 3.0, "by_clip": 1.0, "by_sequence": 1.0}.items():
        group[0][1].arrays[name][:2] = x
    found = summarise(tiny, group, REPORTED, TUNING)
    np.testing.assert_allclose(found.arrays["budget_share"], [[0.5, 0], [0.5, 0], [0, 0], [0, 0]])


def test_the_table_by_hand(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    folder = tmp_path / "s" / "a"
    folder.mkdir(parents=True)
    for rule, levels in (("dppo", ((0.5, 0.4), (0.3, 0.3))), ("cppo", ((0.3, 0.3), (0.7, 0.6)))):
        found = summarise(tiny, group_of(tiny, *levels, rule=rule), REPORTED, TUNING)
        (folder / f"{rule}.npz").write_bytes(encoded(found))
    tables.print_experiment(tiny, tmp_path / "s")
    printed = capsys.readouterr().out
    assert "a: 4 seeds, interquartile mean and 95% bootstrap interval" in printed
    lines = [line for line in printed.splitlines() if line.startswith(("dppo", "cppo"))]
    # DPPO: the chosen setting 0, then the paper's 1; CPPO: chosen and the paper's are the same
    assert [line.split()[0] for line in lines[:3]] == ["dppo", "dppo", "cppo"]
    assert ["(paper)" in line for line in lines[:3]] == [False, True, True]
    assert "delta 0.05 " in lines[0]
    assert "0.403 [0.400, 0.406]" in lines[0]  # the middle half of .400, .402, .404, .406
    assert "0.000 [0.000, 0.490]" in lines[0]  # no failure of 4: z^2 / (4 + z^2) = .490
    assert lines[0].split()[-2:] == ["0.100", "0.0100"]
    # paired: .600 - .400 for every seed
    assert (
        "cppo - dppo, area under J, mean of the differences, paired by seed: 0.200 [0.200, 0.200]; "
        "P(cppo > dppo) = 1.000" in printed
    )


def test_a_rival_without_a_ray_is_compared_at_its_point_alone(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    for ray in tiny.rule:
        ray.settings, ray.paper = ray.settings[:1], 0
    folder = tmp_path / "s" / "a"
    folder.mkdir(parents=True)
    for rule, level in (("dppo", (0.5, 0.4)), ("cppo", (0.3, 0.6))):
        (folder / f"{rule}.npz").write_bytes(
            encoded(summarise(tiny, group_of(tiny, level, rule=rule), REPORTED, []))
        )
    tables.print_experiment(tiny, tmp_path / "s")
    printed = capsys.readouterr().out
    assert "minus dppo at its point" in printed
    assert "\nArea under J, mean of the differences, paired by seed\n" in printed
    assert "masked as much" not in printed
    assert printed.splitlines()[-1].split() == ["cppo", "0.100", "0.200", "[0.200,", "0.200]"]


def test_a_long_curve_is_thinned(tiny, monkeypatch):
    monkeypatch.setattr(summary, "POINTS", 2)
    group = group_of(tiny, (0.5, 0.4), (0.3, 0.3))
    found, whole = summarise(tiny, group, REPORTED, TUNING), group[0][1].only(REPORTED)
    assert found.config["chosen"] == 0
    np.testing.assert_array_equal(found.arrays["update"], [[2, 6]] * 4)
    np.testing.assert_array_equal(found.arrays["value_mu"], whole.arrays["value_mu"][:, ::2])
    np.testing.assert_allclose(found.arrays["area"][:, 0], scores(whole)["area"])
