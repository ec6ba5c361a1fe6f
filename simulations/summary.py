"""From records to what is reported: the setting chosen for each rule, scores, failures, its curves.

Source: arXiv:2108.13264 (statistics over seeds); the criterion was fixed before any reported seed was run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulations.experiment import Cell, Experiment
from simulations.records import Record
from simulations.statistics import Failure, area, failure, last_quarter

Array = Any

FAILURES = (None, *Failure)
"""What the numbers of ``failure`` stand for."""

CURVES = ("value", "surrogate", "delta", "value_mu")
"""Arrays (seeds, evaluations) of the chosen setting."""

POINTS = 64
"""Rounds of a curve that a summary keeps: all, or every second, fourth, ... of a long run."""


def scores(record: Record) -> dict[str, Array]:
    """Per seed: area under J, J of the last quarter, failure flag, masked share, mean |Delta|; (N,) each.

    A diverged seed has area and last quarter 0 and counts as collapsed.
    """
    curve = learning_curve(record)
    flags = np.array([FAILURES.index(failure(c)) for c in curve], dtype=np.int8)
    x = record.arrays
    rounds = np.isfinite(x["delta"]).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        masked = np.nansum(x["removed"], -1) / np.nansum(x["scored"], -1)
        residual = np.nansum(np.abs(x["delta"]), -1) / rounds
    return {
        "area": np.nan_to_num(area(curve)),
        "last": np.nan_to_num(last_quarter(curve)),
        "failure": flags,
        "masked": np.nan_to_num(masked),
        "residual": np.nan_to_num(residual),
    }


def learning_curve(record: Record) -> Array:
    """J at the start and after every round, (N, rounds + 1)."""
    x = record.arrays
    return np.concatenate([x["value_mu"][:, :1], x["value"]], axis=-1)


def criterion(found: dict[str, Array]) -> float:
    """Mean area under J over the tuning seeds, where a failed seed counts 0."""
    return float(np.where(found["failure"] == 0, found["area"], 0.0).mean())


def summarise(
    experiment: Experiment, group: list[tuple[Cell, Record]], reported: list[int], tuning: list[int]
) -> Record:
    """One record for one rule under one condition: all settings, and curves of the chosen one."""
    first = group[0][0]
    tuned = [criterion(scores(record.only(tuning))) for _, record in group] if tuning else []
    paper = first.ray.paper
    chosen = int(np.argmax(tuned)) if tuned else (0 if paper is None else paper)
    kept = [record.only(reported) for _, record in group]
    columns = [scores(record) for record in kept]
    arrays = {name: np.stack([c[name] for c in columns], axis=-1) for name in columns[0]}
    best = kept[chosen].arrays
    shown = slice(None, None, -(-first.rounds // POINTS))
    arrays |= {name: best[name][:, shown] for name in CURVES}
    made = np.arange(1, first.rounds + 1)[shown] * first.condition.updates
    arrays["update"] = np.broadcast_to(made, arrays["value"].shape).astype(np.int32)
    arrays["budget_share"] = np.stack([_budget_share(r) for r in kept], axis=-1)
    config = {
        "experiment": experiment.name,
        "condition": first.condition.name,
        "rule": first.ray.name,
        "settings": first.ray.settings,
        "fixed": first.ray.fixed,
        "chosen": chosen,
        "paper": paper,
        "tuning": tuned,
        "code": group[0][1].config["code"],
    }
    small = {n: x.astype(np.float32) if x.dtype == np.float64 else x for n, x in arrays.items()}
    return Record(config, reported, small)


def _budget_share(record: Record) -> Array:
    """Share of the dropped tokens that the budget alone dropped, per seed; 0 where none was dropped."""
    parts = {
        name: np.nansum(record.arrays[f"by_{name}"], -1) for name in ("token", "budget", "sequence", "clip")
    }
    total = sum(parts.values())
    return np.divide(parts["budget"], total, out=np.zeros_like(parts["budget"]), where=total > 0)
