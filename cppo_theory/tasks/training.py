"""Exact policy gradients on tabular softmax policies: policies that arise by training, without noise.

Source: the policy-gradient theorem, dJ / d logit(s, a) = d_t(s) pi(a|s) A^pi(s, a), in the setting of
arXiv:2606.10968v2, Section 1.
"""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import Array, to_float
from cppo_theory.errors import InputError
from cppo_theory.policy import Policy, softmax
from cppo_theory.recursions import fold_back, occupancies
from cppo_theory.tasks.task import Task, check_within

MAX_STEPS = 10**6


def gradient(task: Task, logits: list[Array]) -> list[Array]:
    """dJ / d logits, one array (n_t, V) per level; a stationary policy has one, the sum over levels.

    Parameters
    ----------
    task : Task
    logits : list of T arrays (n_t, V), or of one array (S, V) for every level

    Raises
    ------
    InputError, TypeError
        Logits of another shape.
    """
    shared = len(logits) == 1
    policy = _policy(task, logits)
    instance = task.instance(policy, policy).in_floats()
    _, kept = fold_back(instance, ("value_mu",), keep=("value_mu",))
    values = [*kept["value_mu"][1:], to_float(task.reward)]
    parts: list[Array] = []
    for t, law in enumerate(occupancies(instance, instance.mu)):
        q = task.space.pull(t, values[t])
        advantage = q - (instance.mu[t] * q).sum(-1, keepdims=True)
        inside = law * np.logical_not(task.ended[t])
        part = inside[..., None] * instance.mu[t] * advantage
        if shared and parts:
            parts[0] = parts[0] + part
        else:
            parts.append(part)
    return parts


def ascend(task: Task, logits: list[Array], steps: int, rate: float) -> list[Array]:
    """Logits after some steps of exact gradient ascent on J.

    Parameters
    ----------
    task, logits
        As in `gradient`.
    steps : int
        >= 0.
    rate : float
        Step size, positive.

    Raises
    ------
    InputError, TypeError
        Logits of another shape, a negative number of steps, or a rate that is not positive.
    """
    check_within("steps", steps, 0, MAX_STEPS)
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number):
        raise TypeError(f"rate: found {rate!r}; a number is required")
    if not 0 < rate < np.inf:
        raise InputError("rate", f"found {rate}", "a positive number is required")
    for _ in range(steps):
        pairs = zip(logits, gradient(task, logits), strict=True)
        logits = [np.asarray(table) + rate * slope for table, slope in pairs]
    return logits


def _policy(task: Task, logits: list[Array]) -> Policy:
    shared = len(logits) == 1
    tables = task.tables(list(logits) * task.horizon if shared else logits, "logits")
    policy = softmax([to_float(table) for table in (tables[:1] if shared else tables)])
    return policy * task.horizon if shared else policy
