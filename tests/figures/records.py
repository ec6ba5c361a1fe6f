"""Small records of an experiment: two conditions, few seeds, numbers that differ everywhere."""

from functools import cache
from pathlib import Path

import numpy as np

from simulations.code import code_of
from simulations.experiment import cells
from simulations.loading import load
from simulations.records import Record, encoded

CONDITIONS = ("brackets-mlp", "brackets-tabular")
RULES = ("pg-is", "grpo", "dppo", "cppo", "cppo-soft-half", "my_rules:mine")
SEEDS, EVALUATIONS = 4, 6


@cache
def codes() -> dict[tuple[str, str], str]:
    """Today's code of the rules of `main`."""
    kept = [cell for cell in cells(load("main"), "paper", CONDITIONS) if cell.ray.name in RULES]
    return {(cell.condition.name, cell.ray.name): code_of(cell) for cell in kept if cell.setting == 0}


def record(condition: str, rule: str) -> Record:
    """The summary of one rule; pg-is has one setting, seed 1003 of cppo diverges."""
    place = CONDITIONS.index(condition) * len(RULES) + RULES.index(rule)
    rng = np.random.default_rng(place)
    settings = 1 if rule == "pg-is" else 5
    made = np.broadcast_to(32 * np.arange(1, EVALUATIONS + 1), (SEEDS, EVALUATIONS))
    value = np.sort(rng.random((SEEDS, EVALUATIONS)), axis=-1)
    value_mu = np.concatenate([np.full((SEEDS, 1), 0.1), value[:, :-1]], axis=-1)
    delta = 0.1 * rng.random((SEEDS, EVALUATIONS)) - 0.02
    if rule == "cppo":
        value[3, 3:] = value_mu[3, 4:] = delta[3, 3:] = np.nan
    arrays = {
        **{name: rng.random((SEEDS, settings)) for name in ("area", "last", "masked")},
        "failure": np.zeros((SEEDS, settings), dtype=np.int8),
        "residual": 10.0 ** -(1 + 3 * rng.random((SEEDS, settings))),
        "update": made.astype(np.int32),
        "value": value,
        "value_mu": value_mu,
        "surrogate": value - value_mu + delta,
        "delta": delta,
    }
    config = {
        "experiment": "main",
        "condition": condition,
        "rule": rule,
        "settings": [{"delta": 0.1 * (s + 1)} for s in range(settings)],
        "chosen": 0,
        "paper": 2 if rule in ("grpo", "dppo", "cppo") else None,
        "code": codes().get((condition, rule), "of a rule that is not there"),
    }
    return Record(config, list(range(1000, 1000 + SEEDS)), arrays)


def written(folder: Path) -> Path:
    """All records in a folder of results."""
    for condition in CONDITIONS:
        for rule in RULES:
            path = folder / "main" / condition / f"{rule.replace(':', '-')}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(record(condition, rule)))
    return folder


def middle(numbers) -> float:
    """The interquartile mean of four numbers: the mean of the middle two; nan counts 0."""
    low, x, y, high = sorted(0.0 if np.isnan(n) else float(n) for n in numbers)
    assert low <= x <= y <= high
    return (x + y) / 2
