"""State tracking: the tokens are permutations of three things; compose to the one asked for."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import Task, check_sizes, check_within, exact_rewards, uniform_law

GROUP = tuple(permutations(range(3)))
"""The six elements of S3, the identity first, as images of (0, 1, 2)."""

TOKENS = (2, 3, 1, 5, 4, 0)
"""Which element each token writes: a transposition and a 3-cycle first (they generate S3)."""


def state_tracking(horizon: int = 16, actions: int = 2, prompts: int = 3) -> Task:
    """Reward 1 if the T permutations, applied one after the other, give the permutation asked for.

    Parameters
    ----------
    horizon : int
        T in 2..16384.
    actions : int
        V in 2..64; tokens 0..5 are six elements (a transposition and a 3-cycle first), further tokens
        write the identity.
    prompts : int
        Number of permutations asked for, 1..6.

    Notes
    -----
    The state is what is still to be done: the inverse of what was applied, then the target.  At T = 2
    with two tokens some targets are out of reach.
    """
    check_sizes(horizon, actions)
    check_within("prompts", prompts, 1, len(GROUP), "S3 has six elements")
    index = {element: i for i, element in enumerate(GROUP)}
    elements = [GROUP[TOKENS[a]] if a < len(TOKENS) else GROUP[0] for a in range(actions)]
    next_ = np.array([[index[compose(left, inverse(e))] for e in elements] for left in GROUP])
    words = ["".join(map(str, element)) for element in GROUP]
    asked = [TOKENS[p] for p in range(prompts)]
    return Task(
        name="state-tracking",
        statement=f"Write {horizon} permutations whose composition, in order, is the one asked for.",
        space=Automaton(next_, horizon),
        initial=uniform_law(len(GROUP), asked),
        reward=exact_rewards([int(i == 0) for i in range(len(GROUP))]),
        alphabet=tuple("".join(map(str, element)) for element in elements),
        prompts={i: f"reach {words[i]}" for i in asked},
        describe=lambda t, state: f"{words[state]} is still to be done",
        ended=[np.zeros(len(GROUP), dtype=bool)] * horizon,
        parameters={"horizon": horizon, "actions": actions, "prompts": prompts},
    )


def compose(after: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that applies ``before``, then ``after``."""
    return tuple(after[before[i]] for i in range(len(before)))


def inverse(element: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``element``."""
    return tuple(element.index(i) for i in range(len(element)))
