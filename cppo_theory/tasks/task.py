"""What a task is: an automaton with a verifier's reward, prompts, and words for states and tokens.

Source: the setting of arXiv:2606.10968v2, Section 1: prompt x, response y of at most T tokens, a
terminal reward R(x, y), here in [0, 1]; a response ends at an end token or at the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers
from cppo_theory.errors import InputError, indexed
from cppo_theory.instance import Instance
from cppo_theory.policy import Policy, with_rows
from cppo_theory.spaces import Automaton

MAX_ACTIONS, MAX_HORIZON = 64, 16_384
MAX_STATES, MAX_SUCCESSORS = 2**18, 2**25
"""Most states of a level, and most entries of all distinct successor tables (256 MiB)."""


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """A verifiable task as a deterministic machine.

    Attributes
    ----------
    name : str
    statement : str
        What a response must be to earn the reward, in one sentence.
    space : Automaton
        n_t states at level t, V actions.
    initial : array (n_0,)
        Law of the prompt, on the prompts' states; exact.
    reward : array (n_T,)
        Reward of each final state, in [0, 1]; exact.
    alphabet : tuple of V str
        What each action writes.
    prompts : dict of state to str
        The states of positive initial probability, and what is asked there.
    describe : function of (level, state) to str
        A state in words.
    ended : sequence of T bool arrays (n_t,)
        States whose response is over; every token is padding there and a policy must not differ.
    parameters : dict
        What the task was made from.
    """

    name: str
    statement: str
    space: Automaton
    initial: Array
    reward: Array
    alphabet: tuple[str, ...]
    prompts: dict[int, str]
    describe: Callable[[int, int], str]
    ended: Sequence[Array]
    parameters: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Task({self.name}, {', '.join(f'{key}={value!r}' for key, value in self.parameters.items())})"

    @property
    def horizon(self) -> int:
        return self.space.horizon

    @property
    def actions(self) -> int:
        return self.space.actions

    @property
    def padding(self) -> int:
        """The token written after the end."""
        return self.actions - 1

    def padded(self, policy: Policy | Array, field: str = "policy") -> Policy:
        """The policy with probability one on the padding token wherever the response is over."""
        return with_rows(self.tables(policy, field), self.ended, self.padding)

    def instance(self, mu: Policy | Array, pi: Policy | Array) -> Instance:
        """The task with two policies, padded after the end; one array (S, V) is used at every level."""
        tables = self.padded(mu, "mu"), self.padded(pi, "pi")
        return Instance(self.space, self.initial, *tables, self.reward, name=self.name)

    def tables(self, given: Sequence[Array] | Array, field: str) -> list[Array]:
        """One table of numbers (..., n_t, V) per level, checked; equal objects stay one object.

        Raises
        ------
        InputError, TypeError
            Not one table per level, or a table of another shape; the message names ``field``.
        """
        if isinstance(given, np.ndarray) and given.ndim == 2:
            given = [given] * self.horizon
        if not isinstance(given, Sequence):
            found = f"{type(given).__name__} of shape {np.shape(given)}"
            remedy = f"a list of {self.horizon} tables, or one array (states, actions), is required"
            raise TypeError(f"{field}: found {found}; {remedy}")
        if len(given) != self.horizon:
            found = f"found {len(given)} levels"
            raise InputError(field, found, f"the horizon {self.horizon} needs {self.horizon}")
        made: dict[int, Array] = {}
        for t, table in enumerate(given):
            if id(table) not in made:
                made[id(table)] = as_numbers(indexed(field, (t,)), table)
            shape, needed = made[id(table)].shape, (self.space.sizes[t], self.actions)
            if shape[-2:] != needed:
                remedy = f"the last axes must be {needed} (states, actions) in the task {self.name}"
                raise InputError(indexed(field, (t,)), f"found shape {shape}", remedy)
        return [made[id(table)] for table in given]


def uniform_law(size: int, states: Sequence[int]) -> Array:
    """Equal probability on the given states; (size,), exact."""
    law = np.full(size, Fraction(0), dtype=object)
    law[list(states)] = Fraction(1, len(states))
    return law


def exact_rewards(rewards: Sequence[Any]) -> Array:
    """Rewards as Fractions; (n,)."""
    out = np.empty(len(rewards), dtype=object)
    out[:] = [Fraction(reward) for reward in rewards]
    return out


def check_within(field_name: str, value: Any, low: int, high: int, why: str = "") -> None:
    """Raise unless value is an integer in low..high."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{field_name}: found {value!r}; an integer is required")
    if not low <= value <= high:
        reason = f" ({why})" if why else ""
        raise InputError(field_name, f"found {value}", f"{low}..{high} is possible{reason}")


def check_sizes(horizon: int, actions: int, least_actions: int = 2, least_horizon: int = 2) -> None:
    """Raise unless T is in least_horizon..16384 and V in least_actions..64."""
    check_within("horizon", horizon, least_horizon, MAX_HORIZON)
    check_within("actions", actions, least_actions, MAX_ACTIONS)


def check_states(field: str, value: Any, states: int, actions: int, tables: int = 1) -> None:
    """Raise if a machine of that many states per level, with that many distinct tables, is too large."""
    entries = states * actions * tables
    if states > MAX_STATES or entries > MAX_SUCCESSORS:
        found = f"found {value}, which makes {states:,} states and {entries:,} successors"
        raise InputError(field, found, f"at most {MAX_STATES:,} and {MAX_SUCCESSORS:,} are possible")


def check_seed(seed: Any) -> None:
    """Raise unless the seed is an integer of at least 0."""
    check_within("seed", seed, 0, 2**63 - 1)
