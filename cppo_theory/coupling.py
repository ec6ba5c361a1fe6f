"""Sampled pairs of responses, one from mu and one from pi, that stay together as long as they can.

Stepwise maximal coupling: while both responses share their state, both draw one token from min(mu, pi) with
probability 1 - D; otherwise they part, one to (mu - pi)_+ and one to (pi - mu)_+, and go on independently,
each by its own policy.  Each response alone has the law of its policy, so the suffixes differ at least with
probability TV; they differ with probability 1 - f, f the `overlap` of `evaluate`.

Source: arXiv:2606.10968v2, Lemma 3, Eq. (13), Appendix B.2; maximal coupling: B.11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cppo_theory.arithmetic import Array, to_float
from cppo_theory.checks import check_count
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.spaces import Automaton, PrefixTree
from cppo_theory.tasks.sampling import cumulative


@dataclass(frozen=True, eq=False)
class Coupled:
    """n pairs of suffixes from one state of level t; both have the T - t tokens that are left.

    Attributes
    ----------
    mu_tokens, pi_tokens : int array (n, T - t)
    parted : int array (n,)
        Position (t + 1..T) of the first token at which the two differ; 0 where they do not.
    """

    mu_tokens: Array
    pi_tokens: Array
    parted: Array

    @property
    def differ(self) -> int:
        """Number of pairs whose suffixes differ."""
        return int((self.parted > 0).sum())


def sample_coupling(
    instance: Instance, level: int, state: int, count: int, rng: np.random.Generator
) -> Coupled:
    """Draw pairs of suffixes from the stepwise maximal coupling.

    Source: arXiv:2606.10968v2, Lemma 3, Appendix B.2.

    Parameters
    ----------
    instance : Instance
        One instance on a prefix tree or an automaton.
    level, state : int
        Where the pairs start: the prefix of ``level`` tokens, level in 0..T - 1, that both share.
    count : int
        n >= 1.
    rng : numpy.random.Generator
        Gives two uniform numbers per pair and token, whatever was drawn before.

    Raises
    ------
    InputError, TypeError
        A batch, a kernel (its successors are random too), no such state, a count below 1, a level, state
        or count that is no integer, no generator.
    """
    _check(instance, level, state, rng)
    check_count("count", count)
    first = second = np.full(count, state)
    parted = np.zeros(count, dtype=np.int64)
    tokens: tuple[list[Array], list[Array]] = [], []
    for t in range(level, instance.horizon):
        drawn = rng.random((2, count))
        mu, pi = (to_float(table[t][first]) for table in (instance.mu, instance.pi))
        x, y = _together(mu, pi, drawn)
        alone = _drawn(mu, drawn[0]), _drawn(to_float(instance.pi[t][second]), drawn[1])
        apart = parted > 0
        x, y = np.where(apart, alone[0], x), np.where(apart, alone[1], y)
        parted = np.where(~apart & (x != y), t + 1, parted)
        tokens[0].append(x)
        tokens[1].append(y)
        first, second = (_successor(instance, t, s, a) for s, a in ((first, x), (second, y)))
    return Coupled(np.stack(tokens[0], axis=-1), np.stack(tokens[1], axis=-1), parted)


def _together(mu: Array, pi: Array, drawn: Array) -> tuple[Array, Array]:
    """Tokens of the maximal coupling of each pair of rows; (n, V), (n, V), (2, n) to int (n,) twice."""
    actions = mu.shape[-1]
    lost, gained = np.maximum(mu - pi, 0.0), np.maximum(pi - mu, 0.0)
    place = _drawn(np.concatenate([np.minimum(mu, pi), lost], axis=-1), drawn[0])
    mass = gained.sum(-1, keepdims=True)
    other = _drawn(gained / np.where(mass > 0, mass, 1.0), drawn[1])
    return place % actions, np.where(place < actions, place, other)


def _drawn(rows: Array, drawn: Array) -> Array:
    """The token that a uniform number picks in each row; (n, V) and (n,) to int (n,)."""
    return np.asarray((cumulative(rows) <= drawn[:, None]).sum(-1))


def _successor(instance: Instance, t: int, state: Array, token: Array) -> Array:
    space = instance.space
    if isinstance(space, Automaton):
        return np.asarray(space.table(t)[state, token])
    return state * space.actions + token


def _check(instance: Instance, level: int, state: int, rng: np.random.Generator) -> None:
    if not isinstance(instance.space, PrefixTree | Automaton) or instance.batch_shape:
        found = f"found a {instance.space.kind} with batch axes {instance.batch_shape}"
        raise InputError("instance", found, "one instance on a prefix tree or an automaton is required")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: found {rng!r}; a numpy.random.Generator is required")
    for name, value in (("level", level), ("state", state)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name}: found {value!r}; an integer is required")
    if not 0 <= level < instance.horizon:
        raise InputError("level", f"found {level}", f"0..{instance.horizon - 1} is possible")
    if not 0 <= state < instance.space.sizes[level]:
        found, last = f"found {state}", instance.space.sizes[level] - 1
        raise InputError("state", found, f"0..{last} is possible at level {level}")
