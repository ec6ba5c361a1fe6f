"""Exact-match password: every prompt has a secret of L tokens; write it."""

from __future__ import annotations

import numpy as np

from cppo_theory.tasks.spelling import Credit, spelling
from cppo_theory.tasks.task import Task, check_seed, check_sizes, check_within


def password(
    horizon: int = 16,
    actions: int = 4,
    length: int | None = None,
    prompts: int = 2,
    credit: Credit = "none",
    seed: int = 0,
) -> Task:
    """Reward 1 for the secret of the prompt ("none"), or the share of its tokens in place ("partial").

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384, V in 2..64.
    length : int, optional
        L in 1..T; default min(T, 4).  The response is over after L tokens, right or wrong.
    prompts : int
        Number of secrets, 1..64.
    credit : "none" or "partial"
    seed : int
        The secrets are drawn from it.
    """
    check_sizes(horizon, actions)
    length = min(horizon, 4) if length is None else length
    check_within("length", length, 1, horizon, f"the password must fit the horizon {horizon}")
    check_within("prompts", prompts, 1, 64)
    check_seed(seed)
    secrets = np.random.default_rng(seed).integers(0, actions, (prompts, length))
    asked = [f"secret {p}: {' '.join(map(str, secret))}" for p, secret in enumerate(secrets)]
    return Task(
        name="password",
        statement=f"Write the {length} secret tokens of the prompt in order.",
        alphabet=tuple(str(a) for a in range(actions)),
        parameters={
            "horizon": horizon,
            "actions": actions,
            "length": length,
            "prompts": prompts,
            "credit": credit,
            "seed": seed,
        },
        **spelling(secrets.tolist(), actions, credit).task_fields(horizon, asked),
    )
