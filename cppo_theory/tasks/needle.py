"""Needle: one position decides, all others are free."""

from __future__ import annotations

import numpy as np

from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import Task, check_sizes, check_within, exact_rewards, uniform_law


def needle(horizon: int = 16, actions: int = 4, place: int | None = None, prompts: int = 2) -> Task:
    """Reward 1 if the token at one position is the one that the prompt asks for.

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384, V in 2..64.
    place : int, optional
        The position that decides, 1..T; default the middle, (T + 1) // 2.
    prompts : int
        The tokens 0..prompts-1 are asked for, prompts in 1..V.

    Notes
    -----
    The machine differs by level, so positions cost no states: (waiting for p), hit, missed.
    """
    check_sizes(horizon, actions)
    place = (horizon + 1) // 2 if place is None else place
    check_within("place", place, 1, horizon, "positions are 1..T")
    check_within("prompts", prompts, 1, actions, f"there are {actions} tokens")
    hit, missed = prompts, prompts + 1
    stay = np.repeat(np.arange(prompts + 2)[:, None], actions, axis=1)
    decide = stay.copy()
    decide[:prompts] = missed
    decide[np.arange(prompts), np.arange(prompts)] = hit
    tables = [decide if t + 1 == place else stay for t in range(horizon)]
    named = [*(f"waiting for position {place} with token {p}" for p in range(prompts)), "hit", "missed"]
    return Task(
        name="needle",
        statement=f"Write the asked token at position {place}; all other tokens are free.",
        space=Automaton(tables, horizon, final_states=prompts + 2),
        initial=uniform_law(prompts + 2, range(prompts)),
        reward=exact_rewards([int(i == hit) for i in range(prompts + 2)]),
        alphabet=tuple(str(a) for a in range(actions)),
        prompts={p: f"token {p} at position {place}" for p in range(prompts)},
        describe=lambda t, state: named[state],
        ended=[np.zeros(prompts + 2, dtype=bool)] * horizon,
        parameters={"horizon": horizon, "actions": actions, "place": place, "prompts": prompts},
    )
