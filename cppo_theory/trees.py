"""What needs whole paths, so prefix trees only: Delta by its definition, suffix TV, the worst reward.

Source: arXiv:2606.10968v2, Lemma 2, Eq. (12); Lemma 3, Eq. (13).
"""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import Array, absolute, dot, full, ratio
from cppo_theory.divergence import total_variation
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.spaces import Automaton, PrefixTree

MAX_LEAVES = 2**24


def _over_paths(instance: Instance, table: Array, t: int) -> Array:
    """Entries (..., n_t, V) of one level spread over the complete paths through them; (..., n_T)."""
    flat = table.reshape(*table.shape[:-2], -1)
    return np.repeat(flat, instance.actions ** (instance.horizon - t - 1), axis=-1)


def path_probability(instance: Instance) -> Array:
    """Probability of each complete path under mu, prompts included; shape (..., n_T)."""
    spread = np.repeat(instance.initial, instance.actions**instance.horizon, axis=-1)
    for t, table in enumerate(instance.mu):
        spread = spread * _over_paths(instance, table, t)
    return spread


def path_return(instance: Instance) -> Array:
    """Return R of each complete path: final reward plus step rewards; shape (..., n_T)."""
    total = instance.reward
    for t, table in enumerate(instance.step_reward or []):
        total = total + _over_paths(instance, table, t)
    return total


def path_gap(instance: Instance) -> Array:
    """G(y) = sum_t (rho_t - 1)(1 - rho_{t+1:T}) of each complete path; shape (..., n_T).

    Source: arXiv:2606.10968v2, Lemma 2, Eq. (12): Delta = E_mu[R G].

    Notes
    -----
    On paths of mu-probability 0 some ratios are 0/0 and set to 0; no expectation under mu sees them.
    """
    shape = np.broadcast_shapes(instance.reward.shape, path_probability(instance).shape)
    gap, later = full(shape, 0, instance.initial), full(shape, 1, instance.initial)
    for t in reversed(range(instance.horizon)):
        rho = _over_paths(instance, ratio(instance.pi[t], instance.mu[t]), t)
        gap = gap + (rho - 1) * (1 - later)
        later = later * rho
    return gap


def literal_residual(instance: Instance) -> Array:
    """Delta = E_mu[R sum_t (rho_t - 1)(1 - rho_{t+1:T})], summed over all paths; shape (...).

    Source: arXiv:2606.10968v2, Lemma 2, Eq. (12).
    """
    return dot(path_probability(instance), path_return(instance) * path_gap(instance))


def worst_case_residual(instance: Instance) -> Array:
    """E_mu |G|, the supremum of |Delta| over rewards |R| <= 1; shape (...).

    Source: arXiv:2606.10968v2, Lemma 2, Eq. (12); attained by R = sign G.
    """
    return dot(path_probability(instance), absolute(path_gap(instance)))


def suffix_tv(instance: Instance) -> list[Array]:
    """TV between the laws of all remaining tokens, from every state; T arrays (..., n_t).

    Source: arXiv:2606.10968v2, Lemma 3, Eq. (13); entry t starts with the token drawn at level t.
    """
    laws = [full((*instance.reward.shape, 1), 1, instance.reward) for _ in range(2)]
    out = []
    for t in reversed(range(instance.horizon)):
        for i, table in enumerate((instance.mu[t], instance.pi[t])):
            children = laws[i].reshape(*laws[i].shape[:-2], -1, instance.actions, laws[i].shape[-1])
            joint = table[..., None] * children
            laws[i] = joint.reshape(*joint.shape[:-2], -1)
        out.append(total_variation(*np.broadcast_arrays(*laws)))
    return out[::-1]


def unroll(instance: Instance) -> Instance:
    """The same instance of an automaton written on the tree of all prefixes.

    The roots are the states of positive initial probability; values are equal, exactly.

    Raises
    ------
    InputError
        If the space is no automaton, the instance is a batch, or the tree has more than 2^24 leaves.
    """
    space = instance.space
    if not isinstance(space, Automaton) or instance.batch_shape:
        found = f"found a {space.kind} with batch axes {instance.batch_shape}"
        raise InputError("instance", found, "one instance on an automaton is required")
    states = np.flatnonzero(instance.initial > 0)
    if len(states) * instance.actions**instance.horizon > MAX_LEAVES:
        found = f"found {len(states)} prompts, V = {instance.actions}, T = {instance.horizon}"
        raise InputError("instance", found, f"a tree of at most {MAX_LEAVES:,} leaves is possible")
    initial = instance.initial[states]
    tables: dict[str, list[Array]] = {"mu": [], "pi": [], "step_reward": []}
    for t in range(instance.horizon):
        for field, levels in tables.items():
            given = getattr(instance, field)
            if given is not None:
                levels.append(given[t][states])
        states = space.table(t)[states].ravel()
    tree = PrefixTree(instance.actions, instance.horizon, len(initial))
    steps = tables["step_reward"] or None
    reward = instance.reward[states]
    parts = initial, tables["mu"], tables["pi"], reward, steps
    return Instance(tree, *parts, constraints=instance.constraints, name=instance.name)
