"""Summaries as they are kept: what lacks something is named, and what other code made is counted."""

import numpy as np
import pytest

from simulations import kept
from simulations.code import code_of
from simulations.experiment import cells
from simulations.kept import made_by_other_code, read_summaries, read_summary
from simulations.loading import load
from simulations.records import ForeignRecordError, Record, encoded
from simulations.summary import CURVES
from tests.figures.records import record
from tests.simulations.experiments import TINY, written


def read_again(found, folder):
    path = folder / "dppo.npz"
    path.write_bytes(encoded(found))
    return read_summary(path)


def test_a_summary_is_read_as_it_is(tmp_path):
    found = record("brackets-mlp", "cppo")  # with a seed that diverged
    again = read_again(found, tmp_path)
    assert (again.config, again.seeds) == (found.config, found.seeds)


def test_summaries_are_read_by_condition_and_rule(tmp_path):
    for condition, rule in (("brackets-tabular", "dppo"), ("brackets-mlp", "cppo")):
        (tmp_path / condition).mkdir()
        (tmp_path / condition / f"{rule}.npz").write_bytes(encoded(record(condition, rule)))
    assert set(read_summaries(tmp_path)) == {("brackets-tabular", "dppo"), ("brackets-mlp", "cppo")}
    assert read_summaries(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("entry", "value", "reason"),
    [
        ("condition", None, "no condition"),
        ("rule", 3, "no rule"),
        ("settings", None, "no settings"),
        ("settings", [1, 2], "no settings"),
        ("settings", [{"delta": "wide"}], "no settings"),
        ("chosen", None, "no chosen"),
        ("chosen", 5, "no such setting"),
        ("paper", "2", "no paper"),
        ("paper", -1, "no such setting"),
    ],
)
def test_a_config_without_an_entry(tmp_path, entry, value, reason):
    found = record("brackets-mlp", "dppo")
    found.config[entry] = value
    with pytest.raises(ForeignRecordError, match=rf"dppo\.npz: this is no summary of a rule \({reason}\)"):
        read_again(found, tmp_path)


@pytest.mark.parametrize("name", [*kept.SCORES, "update", *CURVES])
def test_a_summary_without_an_array(tmp_path, name):
    found = record("brackets-mlp", "dppo")
    cut = Record(found.config, found.seeds, {**found.arrays, name: found.arrays[name][:, :-1]})
    del found.arrays[name]
    with pytest.raises(ForeignRecordError, match=rf"this is no summary of a rule \(no {name}\)"):
        read_again(found, tmp_path)
    with pytest.raises(ForeignRecordError, match="has shape"):
        read_again(cut, tmp_path)


def test_a_score_that_is_not_finite(tmp_path):
    found = record("brackets-mlp", "dppo")
    found.arrays["area"][1, 2] = np.nan
    with pytest.raises(ForeignRecordError, match="area is not finite"):
        read_again(found, tmp_path)


def test_the_code_is_that_of_todays_cell(tmp_path):
    file = str(written(tmp_path, TINY.replace("presets.full", "presets.paper")))
    (cell,) = (c for c in cells(load(file), "paper") if c.label == "a/cppo/0")
    configs = [
        {"condition": "a", "rule": "cppo", "code": code_of(cell)},
        {"condition": "a", "rule": "cppo", "code": "older"},
        {"condition": "a", "rule": "cppo"},
        {"condition": "b", "rule": "cppo", "code": "older"},  # not of the preset
        {"condition": "a", "rule": "mine", "code": "older"},
    ]
    found = [Record(config, [0], {}) for config in configs]
    assert made_by_other_code(file, found) == [False, True, True, False, False]
    assert made_by_other_code("no-such-experiment", found) == [False] * 5
