"""What an experiment may name: kinds of policies, and objects that take the place of a part of a rule.

A new kind of policy is a file with the two functions of `simulations.policies.Policy` and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cppo_theory import schedules
from cppo_theory.rules import kl, rule
from simulations.policies import MLP, Policy, Tabular

POLICIES: dict[str, Callable[..., Policy]] = {"tabular": Tabular.at_start, "mlp": MLP}
"""Policies at the start, by name: functions of (world, seeds, hidden)."""

PARTS: dict[str, dict[str, Any]] = {
    "weights": {
        "uniform": schedules.Uniform(),
        "linear": schedules.Linear(),
        "reversed": schedules.Reversed(),
    },
    "budget": {"none": schedules.no_budget, "fixed": schedules.fixed, "adaptive": schedules.adaptive},
    "divergence": {"kl": kl},
}
"""What ``fixed`` may replace of a rule, by name; ``base`` is the name of a rule."""


def objects(fixed: dict[str, str]) -> dict[str, Any]:
    """The objects of those names."""
    return {n: rule(v).with_parameters() if n == "base" else PARTS[n][v] for n, v in fixed.items()}
