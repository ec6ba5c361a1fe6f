"""Every response that mu can give: the trajectories of positive probability, on any space.

Source: arXiv:2606.10968v2, Section 1 (y ~ mu, s_t = (x, y_<t), D_t).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from cppo_theory.arithmetic import Array, full, to_float
from cppo_theory.divergence import kl_divergence, total_variation
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.spaces import Automaton, Kernel, PrefixTree

MAX_RESPONSES = 2**16


@dataclass(frozen=True, eq=False)
class Responses:
    """N trajectories of T positions, in lexicographic order (prompt, tokens, successors of a kernel).

    Attributes
    ----------
    prompts : int array (N,)
        State of level 0.
    probability, returns : array (N,)
        Probability under mu, prompt and successors included, and the return R.
    mask : bool array (N, T)
        False after an end token.
    tokens, states : int array (N, T)
        y_t, and the state of the space at which it was drawn.
    logp_rollout, logp_current : float array (N, T)
        log mu(y_t|s_t) and log pi(y_t|s_t).
    tv, kl, kl_reverse : array (N, T)
        TV(mu, pi) in the tier of the instance, KL(mu || pi) and KL(pi || mu) in nats, at s_t.
    """

    prompts: Array
    probability: Array
    returns: Array
    mask: Array
    tokens: Array
    states: Array
    logp_rollout: Array
    logp_current: Array
    tv: Array
    kl: Array
    kl_reverse: Array


_COLUMNS = ("mask", "tokens", "states", "logp_rollout", "logp_current", "tv", "kl", "kl_reverse")


def enumerate_responses(instance: Instance, end: Collection[int] | None = None) -> Responses:
    """Every trajectory of positive mu-probability.

    Parameters
    ----------
    instance : Instance
        One instance, on any space.
    end : collection of int, optional
        Tokens that end a response; default: those of a tree, none on other spaces.

    Raises
    ------
    InputError
        A batch of instances, more than `MAX_RESPONSES` trajectories, or tokens after the end.
    """
    if instance.batch_shape:
        found = f"found batch axes {instance.batch_shape}"
        raise InputError("instance", found, "take one instance of the batch: instance.element(i)")
    if end is None:
        end = instance.space.end if isinstance(instance.space, PrefixTree) else ()
    prompts = np.flatnonzero(instance.initial > 0)
    state, ended = prompts, np.zeros(len(prompts), dtype=bool)
    probability = instance.initial[prompts]
    returns = full(prompts.shape, 0, instance.reward)
    columns: dict[str, list[Array]] = {name: [] for name in _COLUMNS}
    for t in range(instance.horizon):
        mu = instance.mu[t][state]
        if (ended & ((mu > 0).sum(-1) > 1)).any():
            found = f"found several tokens after an end token at level {t}"
            raise InputError("end", found, "after an end token mu must put probability 1 on one token")
        following, chance = _successors(instance, t, state)
        row, token, branch = np.nonzero((mu > 0)[..., None] & (chance > 0))
        _check_number(len(row), t + 1)
        here = _level(instance, t, state[row], token) | {"mask": np.logical_not(ended)[row]}
        columns = {name: [x[row] for x in past] + [here[name]] for name, past in columns.items()}
        probability = probability[row] * mu[row, token] * chance[row, token, branch]
        returns = returns[row] + _step_reward(instance, t, state[row], token, branch)
        prompts, ended = prompts[row], ended[row] | np.isin(token, list(end))
        state = following[row, token, branch]
    stacked = {name: np.stack(levels, axis=-1) for name, levels in columns.items()}
    returns = returns + instance.reward[state]
    return Responses(prompts, probability, returns, **stacked)


def _check_number(responses: int, length: int) -> None:
    if responses > MAX_RESPONSES:
        found = f"found {responses:,} responses of positive probability after {length} tokens"
        remedy = f"at most {MAX_RESPONSES:,} are enumerated: take a shorter horizon or fewer tokens"
        raise InputError("instance", found, remedy)


def _level(instance: Instance, t: int, state: Array, token: Array) -> dict[str, Array]:
    """One column per quantity of the tokens drawn at level t; divergences once per visited state."""
    visited, place = np.unique(state, return_inverse=True)
    mu, pi = instance.mu[t][visited], instance.pi[t][visited]
    with np.errstate(divide="ignore"):  # pi may be 0 at a token that mu draws: log 0 = -inf
        logs = [np.log(to_float(table)[place, token]) for table in (mu, pi)]
    values = total_variation(mu, pi), kl_divergence(mu, pi), kl_divergence(pi, mu)
    divergences = dict(zip(("tv", "kl", "kl_reverse"), (x[place] for x in values), strict=True))
    return divergences | {"tokens": token, "states": state, "logp_rollout": logs[0], "logp_current": logs[1]}


def _successors(instance: Instance, t: int, state: Array) -> tuple[Array, Array]:
    """Next states and their chances from some states, each (n, V, K)."""
    space = instance.space
    if isinstance(space, Kernel):
        following, chance = space.table(t)
        return following[state], chance[state]
    if isinstance(space, Automaton):
        following = space.table(t)[state][..., None]
    else:
        following = (state[:, None] * space.actions + np.arange(space.actions))[..., None]
    return following, full(following.shape, 1, instance.initial)


def _step_reward(instance: Instance, t: int, state: Array, token: Array, branch: Array) -> Array:
    if instance.step_reward is None:
        return full(state.shape, 0, instance.reward)
    drawn = instance.step_reward[t][state, token]
    if drawn.ndim == 1:
        return np.asarray(drawn)
    return np.asarray(drawn[np.arange(len(drawn)), np.minimum(branch, drawn.shape[-1] - 1)])
