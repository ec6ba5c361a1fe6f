"""Statistics of runs: what may be said of a rule from a handful of seeds.

Scores are arrays (runs, tasks): one number per seed and task.  Intervals resample seeds, within each task,
never episodes.  Functions refuse fewer than three runs.

Source: Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
arXiv:2108.13264 (interquartile mean, stratified bootstrap, probability of improvement); Wilson, JASA 22
(1927).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import stats

Array = Any
Statistic = Callable[[Array], Array]

FEWEST = 3
"""Runs below which nothing is said."""

PAIRED = "mean of the differences, paired by seed"
"""What tables call a `paired_difference`; their scores are interquartile means."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval at the confidence that was asked for."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interquartile_mean(scores: Array) -> Array:
    """Mean of the middle half of all runs and tasks together; (..., runs, tasks) to (...).

    Source: arXiv:2108.13264, Section 4.1; a quarter is cut off at each end, runs of all tasks pooled.
    """
    scores = _runs(scores)
    flat = scores.reshape(*scores.shape[:-2], -1)
    return np.asarray(stats.trim_mean(flat, 0.25, axis=-1))


def mean(scores: Array) -> Array:
    """Mean over runs and tasks; (..., runs, tasks) to (...)."""
    return np.asarray(_runs(scores).mean((-2, -1)))


def bootstrap(
    scores: Array,
    statistic: Statistic = interquartile_mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic; seeds are resampled within each task.

    Source: arXiv:2108.13264, Section 4 (stratified bootstrap).

    Parameters
    ----------
    scores : array (runs, tasks), or (runs,) for one task
    statistic : function of (..., runs, tasks)
    """
    scores = _runs(scores)
    draws = _resampled(scores, np.random.default_rng(seed), resamples)
    return _percentiles(float(statistic(scores)), statistic(draws), confidence)


def paired_difference(
    one: Array,
    other: Array,
    statistic: Statistic = mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of a statistic of one - other, run by run: run i of both has the same seed.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    one, other = _runs(one), _runs(other)
    if one.shape != other.shape:
        raise ValueError(f"other: found shape {other.shape}; paired runs need that of the first, {one.shape}")
    return bootstrap(one - other, statistic, confidence=confidence, resamples=resamples, seed=seed)


def probability_of_improvement(
    one: Array, other: Array, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean over tasks of P(one > other) + P(equal)/2 for two runs drawn at random.

    Source: arXiv:2108.13264, Section 4.2; Mann and Whitney's U over its largest value.

    Raises
    ------
    ValueError
        If the numbers of tasks differ; those of runs may.
    """
    one, other = _runs(one), _runs(other)
    if one.shape[-1] != other.shape[-1]:
        raise ValueError(
            f"other: found {other.shape[-1]} tasks; those of the first, {one.shape[-1]}, are required"
        )
    rng = np.random.default_rng(seed)
    found = _improvement(_resampled(one, rng, resamples), _resampled(other, rng, resamples))
    return _percentiles(float(_improvement(one, other)), found, confidence)


def wilson(failures: int, runs: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a frequency."""
    if runs < FEWEST or not 0 <= failures <= runs:
        raise ValueError(f"runs: found {failures} of {runs}; at least {FEWEST} runs are required")
    found = stats.binomtest(int(failures), int(runs)).proportion_ci(confidence, method="wilson")
    return Interval(failures / runs, float(found.low), float(found.high))


class Failure(StrEnum):
    """How a run failed; tested in this order, the first that applies is its flag."""

    NEVER_TOOK_OFF = "never took off"
    COLLAPSED = "collapsed"
    DIED_RISING = "died rising"


def failure(curve: Array) -> Failure | None:
    """The flag of one learning curve of J, from its start on; None if the run did not fail.

    Never took off: the best J is below .1 or below twice J at the start.  Collapsed: the best is above .5,
    and the last quarter below half of it.  Died rising: the best is in between, and the last quarter below
    half of it.  A curve with a NaN diverged and counts as collapsed.
    """
    curve = np.asarray(curve, dtype=float)
    if np.isnan(curve).any():
        return Failure.COLLAPSED
    best, last = curve.max(), last_quarter(curve)
    if best < 0.1 or best < 2 * curve[0]:
        return Failure.NEVER_TOOK_OFF
    if last < best / 2:
        return Failure.COLLAPSED if best > 0.5 else Failure.DIED_RISING
    return None


def last_quarter(curve: Array) -> Array:
    """Mean of the last quarter of the evaluations, at least one; (..., n) to (...)."""
    count = max(curve.shape[-1] // 4, 1)
    return np.asarray(curve[..., -count:].mean(-1))


def area(curve: Array) -> Array:
    """Mean of a curve over its evaluations after the start: area under J; (..., n) to (...)."""
    return np.asarray(curve[..., 1:].mean(-1))


def _runs(scores: Array) -> Array:
    """Scores as (..., runs, tasks), at least three runs, at least one task, all finite."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim == 0 or (scores.ndim > 1 and scores.shape[-1] == 0):
        raise ValueError(f"scores: found shape {scores.shape}; runs, or runs and tasks, are required")
    scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.shape[-2] < FEWEST:
        raise ValueError(f"scores: found {scores.shape[-2]} runs; at least {FEWEST} are required")
    if not np.isfinite(scores).all():
        raise ValueError("scores: found a run that is not finite; score a diverged run as a failure first")
    return scores


def _resampled(scores: Array, rng: np.random.Generator, resamples: int) -> Array:
    """Runs drawn with replacement, apart for each task; (resamples, runs, tasks)."""
    runs, tasks = scores.shape
    chosen = rng.integers(0, runs, (resamples, runs, tasks))
    return scores[chosen, np.arange(tasks)]


def _improvement(one: Array, other: Array) -> Array:
    """(..., m, tasks) and (..., n, tasks) to (...)."""
    x, y = one[..., :, None, :], other[..., None, :, :]
    return np.asarray(((x > y) + (x == y) / 2).mean((-3, -2)).mean(-1))


def _percentiles(estimate: float, draws: Array, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))
