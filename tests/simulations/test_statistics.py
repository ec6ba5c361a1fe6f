"""Statistics of runs: by hand, against closed forms, and coverage by simulation."""

import math
import re

import numpy as np
import pytest

from simulations import statistics
from simulations.statistics import (
    Failure,
    area,
    bootstrap,
    failure,
    interquartile_mean,
    last_quarter,
    mean,
    paired_difference,
    probability_of_improvement,
    wilson,
)
from tests.tolerances import ROUNDING


def test_probability_of_improvement_is_over_the_same_tasks():
    with pytest.raises(ValueError, match=r"^other: found 3 tasks; those of the first, 2, are required"):
        probability_of_improvement(np.ones((3, 2)), np.ones((3, 3)))
    assert probability_of_improvement(np.ones((3, 2)), np.zeros((4, 2))).estimate == 1


def test_the_interquartile_mean_cuts_a_quarter_at_each_end():
    # 0 1 2 3 4 5 6 100: two are cut at each end, (2 + 3 + 4 + 5)/4
    assert interquartile_mean([100, 3, 0, 5, 1, 6, 2, 4]) == 3.5
    # of 5 runs int(5/4) = 1 at each end: (1 + 2 + 3)/3; of 3 none
    assert interquartile_mean([50, 1, 2, 3, -7]) == 2
    assert interquartile_mean([0, 0, 9]) == 3


def test_tasks_are_pooled_in_the_interquartile_mean():
    # 0 1 2 3 and 10 11 12 13 pooled: 2, 3, 10, 11 are left
    scores = np.array([[0, 10], [1, 11], [2, 12], [3, 13]])
    assert interquartile_mean(scores) == 6.5
    assert mean(scores) == 6.5
    assert interquartile_mean(np.stack([scores, scores + 1])).tolist() == [6.5, 7.5]


# --- bootstrap --------------------------------------------------------------------------------------------


def test_tasks_are_never_mixed_by_the_bootstrap():
    # each task's runs are all equal: whatever seeds are drawn, the mean stays (0 + 1)/2
    scores = np.column_stack([np.zeros(6), np.ones(6)])
    found = bootstrap(scores, mean)
    assert (found.estimate, found.low, found.high) == (0.5, 0.5, 0.5)
    # and a single spread task is resampled
    found = bootstrap(np.arange(6.0), mean)
    assert found.low < 2 < found.estimate < 3 < found.high


def test_every_task_draws_seeds_of_its_own():
    # two tasks of equal scores: independent draws halve the variance of the mean
    one = np.random.default_rng(0).standard_normal(40)
    widths = []
    for scores in (one[:, None], np.column_stack([one, one])):
        found = bootstrap(scores, mean, resamples=4000)
        widths.append(found.high - found.low)
    assert widths[1] / widths[0] == pytest.approx(math.sqrt(0.5), rel=0.1)


def test_seeds_are_the_unit_not_what_lies_inside_them():
    # the width for n runs is that of n numbers: 2 * 1.96 * deviation / sqrt(n)
    scores = np.random.default_rng(1).standard_normal(50)
    found = bootstrap(scores, mean, resamples=8000)
    expected = 2 * 1.959964 * scores.std() / math.sqrt(50)
    assert found.high - found.low == pytest.approx(expected, rel=0.08)


def test_the_bootstrap_is_reproducible_and_takes_a_confidence():
    scores = np.random.default_rng(2).standard_normal(20)
    assert bootstrap(scores) == bootstrap(scores)
    assert bootstrap(scores) != bootstrap(scores, seed=1)
    narrow, wide = bootstrap(scores, confidence=0.5), bootstrap(scores, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert str(bootstrap([0.25] * 3)) == "0.250 [0.250, 0.250]"


# --- pairs ------------------------------------------------------------------------------------------------


def test_paired_differences_go_run_by_run():
    # run i of both shares a large number; the difference is 1 in every run
    shared = np.array([0.0, 100.0, -50.0, 30.0])
    found = paired_difference(shared + 1, shared)
    assert (found.estimate, found.low, found.high) == (1, 1, 1)
    assert paired_difference([1, 2, 6], [0, 2, 1]).estimate == 2  # (1 + 0 + 5)/3
    assert paired_difference([0, 2, 1], [1, 2, 6]).estimate == -2
    assert paired_difference([1, 2, 60, 5], [0, 0, 0, 0], interquartile_mean).estimate == 3.5


def test_unpaired_runs_are_refused():
    with pytest.raises(ValueError, match=r"^other: found shape \(4, 1\); paired runs need .*\(3, 1\)"):
        paired_difference([1, 2, 3], [1, 2, 3, 4])


def test_the_probability_of_improvement_by_hand():
    # pairs of (1, 3, 5) with (2, 3, 3, 0): 1 beats 0; 3 beats 2, 0, ties twice; 5 beats four:
    # (1 + 2 + 2/2 + 4)/12
    found = probability_of_improvement([1, 3, 5], [2, 3, 3, 0])
    assert found.estimate == pytest.approx(8 / 12, abs=ROUNDING)
    assert found.low <= found.estimate <= found.high
    assert probability_of_improvement([2, 3, 3, 0], [1, 3, 5]).estimate == pytest.approx(4 / 12, abs=ROUNDING)
    # the mean over tasks, never pooled: 1 and 0 in two tasks of very different scale
    one, other = np.array([[1, 100]] * 3), np.array([[0, 200]] * 3)
    assert probability_of_improvement(one, other).estimate == 0.5
    assert (probability_of_improvement(one, other).low, probability_of_improvement(one, other).high) == (
        0.5,
        0.5,
    )


# --- frequencies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 3), (3, 3), (1, 20), (7, 40), (40, 100)])
def test_wilson_is_its_closed_form(k, n):
    z, p = 1.959963984540054, k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    found = wilson(k, n)
    assert found.estimate == p
    assert found.low == pytest.approx(centre - half, abs=1e-9)
    assert found.high == pytest.approx(centre + half, abs=1e-9)


def test_fewer_than_three_runs_are_refused():
    two = [1.0, 2.0]
    for call in (
        lambda: interquartile_mean(two),
        lambda: mean(two),
        lambda: bootstrap(two),
        lambda: paired_difference(two, two),
        lambda: probability_of_improvement(two, [1, 2, 3]),
        lambda: probability_of_improvement([1, 2, 3], two),
    ):
        with pytest.raises(ValueError, match="found 2 runs; at least 3 are required"):
            call()
    for k, n in ((1, 2), (4, 3), (-1, 3)):
        with pytest.raises(ValueError, match=f"found {k} of {n}"):
            wilson(k, n)


@pytest.mark.parametrize("scores", [np.float64(1), np.zeros((3, 0)), np.zeros((0, 0))])
def test_scores_without_an_axis_of_runs_or_without_tasks_are_refused(scores):
    for call in (interquartile_mean, mean, bootstrap, lambda x: paired_difference(x, x)):
        with pytest.raises(ValueError, match=rf"^scores: found shape {re.escape(str(scores.shape))}; runs"):
            call(scores)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_run_without_a_number_is_refused(bad):
    with pytest.raises(ValueError, match="score a diverged run as a failure first"):
        bootstrap([1, 2, bad])


# --- failures ---------------------------------------------------------------------------------------------

RISE = [0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0]


@pytest.mark.parametrize(
    ("curve", "flag"),
    [
        (RISE, None),
        ([0.01, 0.02, 0.05, 0.09, 0.09, 0.09, 0.09, 0.09], Failure.NEVER_TOOK_OFF),  # best below .1
        ([0.3, 0.4, 0.5, 0.59, 0.5, 0.5, 0.5, 0.5], Failure.NEVER_TOOK_OFF),  # below twice the start
        ([0.3, 0.4, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5], None),  # twice the start exactly
        ([0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], None),  # .1 exactly
        ([0.05, 0.6, 0.9, 0.8, 0.5, 0.3, 0.1, 0.1], Failure.COLLAPSED),
        ([0.05, 0.2, 0.5, 0.4, 0.3, 0.3, 0.1, 0.1], Failure.DIED_RISING),  # .5 exactly is no collapse
        ([0.05, 0.2, 0.51, 0.4, 0.3, 0.3, 0.1, 0.1], Failure.COLLAPSED),
        ([0.05, 0.2, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4], None),  # half of the best exactly
        ([0.3, 0.55, 0.5, 0.4, 0.3, 0.2, 0.0, 0.0], Failure.NEVER_TOOK_OFF),  # this is asked first
    ],
)
def test_failures_are_flagged_in_order(curve, flag):
    assert failure(curve) == flag


@pytest.mark.parametrize("place", [1, 7])
def test_a_curve_that_stops_counts_as_collapsed(place):
    for curve in (RISE, [0.01] * 8):
        diverged = np.array(curve)
        diverged[place:] = np.nan
        assert failure(diverged) == Failure.COLLAPSED


def test_the_last_quarter():
    # 8 evaluations: the last two; 7: one; 2: at least one
    curves = np.array([[0, 0, 0, 0, 0, 0, 1, 3], [0, 0, 0, 0, 0, 9, 2, 2]])
    assert last_quarter(curves).tolist() == [2, 2]
    assert last_quarter(np.array([0, 0, 0, 0, 0, 5, 4])) == 4
    assert last_quarter(np.array([1, 8])) == 8
    # the dip before the last quarter does not count
    assert failure([0.05, 0.6, 0.9, 0.0, 0.0, 0.0, 0.5, 0.5]) is None


def test_the_area_leaves_out_the_start():
    assert area(np.array([[5.0, 1.0, 3.0], [7.0, 0.0, 0.0]])).tolist() == [2, 0]
    assert area(np.array([5.0, 1.0, 3.0])) == 2


def test_fewest():
    assert statistics.FEWEST == 3


# --- coverage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("statistic", "sets"), [(mean, 2000), (interquartile_mean, 500)])
def test_coverage(statistic, sets):
    """95% intervals of 20 seeds cover the truth in .91-.98 of the data sets.

    A percentile interval of the mean of n normal numbers is short by sqrt((n - 1)/n) and by the normal for
    Student's quantile: it covers in P(|t_19| < 1.96 sqrt(19/20)) = .929.
    """
    rng, covered = np.random.default_rng(3), 0
    for i in range(sets):
        found = bootstrap(rng.standard_normal(20), statistic, resamples=500, seed=i)
        covered += found.low <= 0 <= found.high
    assert 0.91 <= covered / sets <= 0.98
