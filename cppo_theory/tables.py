"""The jump family: instances of the worst cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers
from cppo_theory.instance import Instance
from cppo_theory.spaces import PrefixTree
from cppo_theory.trees import path_gap


def jump_family(ell: Sequence[Any], jump: Any) -> Instance:
    """Two actions, "jump" with mu-probability p and pi-probability p + l_t at every step; worst reward.

    Source: sharpness of arXiv:2606.10968v2, Proposition 4; here the supremum of |Delta| under
    D_t <= l_t, 2 xi sum_t l_t (1 - prod_{j != t} (1 - l_j)), is attained as p -> 0.

    Parameters
    ----------
    ell : sequence of T numbers
        l_t, the total variation at every state of level t; 0 <= l_t <= 1 - p.
    jump : number
        p in (0, 1).

    Returns
    -------
    Instance
        Prefix tree, V = 2, action 0 jumps; reward sign G in {-1, 1}.
    """
    steps = as_numbers("ell", list(ell))
    horizon = len(steps)
    space = PrefixTree(2, horizon)

    def policy(probabilities: Array) -> list[Array]:
        return [np.array([[p, 1 - p]] * n) for p, n in zip(probabilities, space.sizes, strict=False)]

    one = steps * 0 + 1
    zeros = np.zeros(space.sizes[-1], dtype=int)
    draft = Instance(space, np.array([1]), policy(jump * one), policy(jump + steps), zeros)
    reward = np.where(path_gap(draft) >= 0, 1, -1)
    return Instance(space, draft.initial, draft.mu, draft.pi, reward, name="jump family")
