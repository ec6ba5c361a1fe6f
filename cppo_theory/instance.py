"""An instance: state space, initial law, behaviour policy mu, target policy pi and reward.

Source: arXiv:2606.10968v2, Section 1.  Rewards are per final state, or per (level, state, action),
or both; the return R is their sum.  Only pi << mu is needed (the paper asks for common support).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers, is_exact, one_tier, to_exact, to_float
from cppo_theory.checks import check_rows
from cppo_theory.constraints import Constraints
from cppo_theory.documents import read_document
from cppo_theory.errors import InputError, indexed
from cppo_theory.files import write_text
from cppo_theory.instance_files import encode_instance, instance_arguments, warn_if_mixed
from cppo_theory.spaces import Kernel, PrefixTree, Space


@dataclass(frozen=True, eq=False, repr=False)
class Instance:
    """One decision problem with two policies; with leading batch axes, many on one space.

    Parameters
    ----------
    space : PrefixTree, Automaton or Kernel
    initial : array (..., n_0)
        Law of the prompt (of the first state).
    mu, pi : sequence of T arrays (..., n_t, V), or one array (..., S, V)
        Behaviour and target policy; one array is used at every level.  pi << mu is required.
    reward : array (..., n_T), optional
        Reward of each final state; 0 when absent.
    step_reward : sequence of T arrays (..., n_t, V), or one array, optional
        Reward of each step; on kernels also (..., n_t, V, K), one per successor.
    constraints : Constraints, optional
        Constraints of Eq. (5) to be used with this instance.
    name : str
        Free text.

    Notes
    -----
    The instance is exact (Fractions throughout) if and only if every number given is an integer or
    a rational; one float makes all of it float64.

    Raises
    ------
    InputError
        Wrong shape, a row that is no distribution, mu = 0 < pi, or an end token that is not
        absorbing; the message names the first place.
    """

    space: Space
    initial: Array
    mu: Sequence[Array]
    pi: Sequence[Array]
    reward: Array = None  # type: ignore[assignment]  # zeros of shape (n_T,) when absent
    step_reward: Sequence[Array] | None = None
    constraints: Constraints | None = None
    name: str = ""

    def __post_init__(self) -> None:
        levels = {"mu": self.mu, "pi": self.pi}
        if self.step_reward is not None:
            levels["step_reward"] = self.step_reward
        per_successor = isinstance(self.space, Kernel)
        tables = {
            field: _levels(field, given, self.space.horizon, per_successor and field == "step_reward")
            for field, given in levels.items()
        }
        initial = as_numbers("initial", self.initial)
        reward = _reward(self.reward, self.space.sizes[-1])
        given_tables = distinct(table for levels_ in tables.values() for table in levels_)
        exact = one_tier([initial, reward, *given_tables]) and getattr(self.space, "exact", True)
        convert = (lambda array: array) if exact else to_float
        fix = _ByIdentity(lambda _, array: convert(array))
        object.__setattr__(self, "initial", convert(initial))
        object.__setattr__(self, "reward", reward if exact else to_float(reward, "reward"))
        for field, table in tables.items():
            object.__setattr__(self, field, [fix(0, array) for array in table])
        if isinstance(self.space, Kernel):
            self._settle_kernel(exact)
        batch = self._common_batch()
        self._check()
        self._spread(batch)

    def __repr__(self) -> str:
        tier = "exact" if self.exact else "float64"
        words = [self.space.kind, f"V={self.actions}", f"T={self.horizon}", tier]
        words += [f"batch={self.batch_shape}"] if self.batch_shape else []
        return f"Instance({', '.join([*words, *([repr(self.name)] if self.name else [])])})"

    def _settle_kernel(self, exact: bool) -> None:
        """Bring a kernel to the tier of the instance and its step rewards to (..., n_t, V, K or 1)."""
        assert isinstance(self.space, Kernel)
        if not exact and self.space.exact:
            object.__setattr__(self, "space", self.space.in_floats())
        if self.step_reward is None:
            return
        fixed = _ByIdentity(self._per_successor)
        object.__setattr__(self, "step_reward", [fixed(t, r) for t, r in enumerate(self.step_reward)])

    def _per_successor(self, t: int, table: Array) -> Array:
        assert isinstance(self.space, Kernel)
        shape = self.space.table(t)[0].shape
        return table if table.shape[-3:] in (shape, (*shape[:2], 1)) else table[..., None]

    def _axes(self) -> dict[str, int]:
        """Number of axes after the batch axes, by field."""
        per_step = 3 if isinstance(self.space, Kernel) else 2
        axes = {"initial": 1, "reward": 1, "mu": 2, "pi": 2, "step_reward": per_step}
        return {field: n for field, n in axes.items() if getattr(self, field) is not None}

    def _common_batch(self) -> tuple[int, ...]:
        batch: tuple[int, ...] = ()
        for field, axes in self._axes().items():
            given = getattr(self, field)
            for table in distinct(given) if isinstance(given, list) else [given]:
                own = table.shape[:-axes]
                try:
                    batch = np.broadcast_shapes(batch, own)
                except ValueError:
                    remedy = f"the tables before it have {batch}"
                    raise InputError(field, f"found batch axes {own}", remedy) from None
        return batch

    def _spread(self, batch: tuple[int, ...]) -> None:
        """Give every table all batch axes, as views: the passes rely on it."""
        for field, axes in self._axes().items():
            given = getattr(self, field)

            def spread(_: int, table: Array, axes: int = axes) -> Array:
                shape = (*batch, *table.shape[-axes:])
                return table if table.shape == shape else np.broadcast_to(table, shape)

            once = _ByIdentity(spread)
            whole = [once(0, table) for table in given] if isinstance(given, list) else spread(0, given)
            object.__setattr__(self, field, whole)

    @property
    def horizon(self) -> int:
        return self.space.horizon

    @property
    def actions(self) -> int:
        return self.space.actions

    @property
    def exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return is_exact(self.initial)

    @property
    def is_tree(self) -> bool:
        return isinstance(self.space, PrefixTree)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading batch axes, () for a single instance."""
        return self.initial.shape[:-1]

    def in_floats(self) -> Instance:
        """The same instance in float64."""
        constraints = None if self.constraints is None else self.constraints.in_floats()
        return self._mapped(to_float, constraints=constraints)

    def in_fractions(self) -> Instance:
        """The same instance in Fractions; every float is taken at its exact binary value.

        Raises
        ------
        InputError
            If a row of floats does not sum to exactly one.
        """
        space = self.space
        if isinstance(space, Kernel) and not space.exact:
            prob = [to_exact(table) for table in space.prob]
            next_ = space.next[0] if space.stationary else space.next
            last = None if space.stationary else space.sizes[-1]
            space = Kernel(next_, prob[0] if space.stationary else prob, space.horizon, last)
        constraints = None if self.constraints is None else self.constraints.in_fractions()
        return self._mapped(to_exact, space=space, constraints=constraints)

    def _mapped(self, change: Any, **others: Any) -> Instance:
        """Every table changed by one function of an array, and other fields replaced."""
        once = _ByIdentity(lambda _, table: change(table))
        tables: dict[str, Any] = {
            field: None if given is None else [once(0, table) for table in given]
            for field, given in (("mu", self.mu), ("pi", self.pi), ("step_reward", self.step_reward))
        }
        return replace(self, initial=change(self.initial), reward=change(self.reward), **tables, **others)

    def batched(self) -> Instance:
        """The same instance with at least one batch axis."""
        return self if self.batch_shape else self._mapped(lambda array: array[None])

    def element(self, *index: int) -> Instance:
        """One instance of a batch."""
        if len(index) != len(self.batch_shape):
            found = f"found {len(index)} indices"
            raise InputError("index", found, f"the batch has {len(self.batch_shape)} axes")
        return self._mapped(lambda array: array[index])

    def _check(self) -> None:
        sizes, actions = self.space.sizes, self.actions
        _check_shape("initial", self.initial, (sizes[0],))
        check_rows("initial", self.initial)
        _check_shape("reward", self.reward, (sizes[-1],))
        check = _ByIdentity(lambda t, pair: self._check_level(t))
        for t, pair in enumerate(zip(self.mu, self.pi, strict=True)):
            check(t, pair)
            for field in ("mu", "pi"):
                _check_shape(indexed(field, (t,)), getattr(self, field)[t], (sizes[t], actions))
        for t, table in enumerate(self.step_reward or []):
            trailing: tuple[int, ...] = (sizes[t], actions)
            if isinstance(self.space, Kernel):
                branches = self.space.table(t)[0].shape[-1]
                trailing = (*trailing, 1 if table.shape[-1] == 1 else branches)
            _check_shape(indexed("step_reward", (t,)), table, trailing)
        if self.constraints is not None and self.constraints.horizon != self.horizon:
            found = f"found {self.constraints.horizon} weights"
            raise InputError("constraints.weights", found, f"the horizon {self.horizon} needs {self.horizon}")

    def _check_level(self, t: int) -> None:
        """Rows are distributions, pi << mu, and end tokens absorb."""
        for field in ("mu", "pi"):
            table = getattr(self, field)[t]
            _check_shape(indexed(field, (t,)), table, (self.space.sizes[t], self.actions))
            check_rows(indexed(field, (t,)), table)
        mu, pi = self.mu[t], self.pi[t]
        bad = np.argwhere((mu == 0) & (pi > 0))
        if len(bad):
            found = f"mu is 0 where pi is {np.broadcast_arrays(mu, pi)[1][tuple(bad[0])]}"
            remedy = "pi must be absolutely continuous with respect to mu (give mu some mass, or pi none)"
            raise InputError(indexed(f"mu[{t}]", bad[0]), found, remedy)
        if isinstance(self.space, PrefixTree) and self.space.end:
            ended = self.space.ended(t)
            for field, table in (("mu", mu), ("pi", pi)):
                one_hot = (table[..., list(self.space.end)] == 1).any(-1)
                bad = np.argwhere(ended & np.logical_not(one_hot))
                if len(bad):
                    found = "the prefix has ended, but the row goes on"
                    remedy = "after an end token put probability 1 on one end token"
                    raise InputError(indexed(f"{field}[{t}]", bad[0]), found, remedy)

    @classmethod
    def load(cls, path: str | Path) -> Instance:
        """Read an instance file (schema ``cppo-instance/1``, see the README).

        Raises
        ------
        InputError
            The content is wrong; the message names the field and the first bad index.
        OSError
            The file cannot be read.
        """
        document = read_document(Path(path))
        instance = cls(**instance_arguments(document))
        warn_if_mixed(document)
        return instance

    def save(self, path: str | Path) -> None:
        """Write the instance so that `load` gives the same numbers.

        Raises
        ------
        InputError
            If it is a batch: a file holds one instance (take an `element`).
        """
        if self.batch_shape:
            remedy = "save one instance of the batch: instance.element(i).save(path)"
            raise InputError("batch", f"found batch axes {self.batch_shape}", remedy)
        fields = {name: getattr(self, name) for name in ("initial", "mu", "pi", "reward", "step_reward")}
        constraints = self.constraints
        if constraints is not None and not self.exact:
            constraints = constraints.in_floats()
        document = encode_instance(self.space, fields, constraints, self.name)
        write_text(Path(path), json.dumps(document, indent=1) + "\n")


class _ByIdentity:
    """Calls a function once per distinct object: stationary tables are one object at every level."""

    def __init__(self, function: Callable[[int, Any], Any]) -> None:
        self.function = function
        self.last: tuple[Any, Any] | None = None

    def __call__(self, t: int, item: Any) -> Any:
        if self.last is None or not _same(self.last[0], item):
            self.last = item, self.function(t, item)
        return self.last[1]


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, tuple):
        return all(a is b for a, b in zip(x, y, strict=True))
    return x is y


def distinct(tables: Iterable[Array]) -> list[Array]:
    """The tables without repetitions of one object."""
    return list({id(table): table for table in tables}.values())


def _levels(field: str, given: Any, horizon: int, per_successor: bool = False) -> list[Array]:
    """One table per level as number arrays; one array stands for every level."""
    if isinstance(given, np.ndarray) and given.dtype.kind in "iufO" and given.ndim >= 2:
        if given.ndim == 3 and len(given) == horizon and not per_successor:
            found = f"found one array of shape {given.shape}, which could be levels or a batch"
            raise InputError(field, found, "give list(array) for levels, [array] * horizon for a batch")
        return [as_numbers(field, given)] * horizon
    if not isinstance(given, Sequence):
        raise TypeError(
            f"{field}: found {type(given).__name__}; a sequence of tables, or one array, is required"
        )
    if len(given) != horizon:
        raise InputError(field, f"found {len(given)} levels", f"the horizon {horizon} needs {horizon}")
    read = _ByIdentity(lambda t, table: as_numbers(indexed(field, (t,)), table))
    return [read(t, table) for t, table in enumerate(given)]


def _reward(given: Any, states: int) -> Array:
    """Final rewards as numbers; zeros where none are given."""
    if given is None:
        return np.full(states, Fraction(0), dtype=object)
    return as_numbers("reward", given)


def _check_shape(field: str, array: Array, trailing: tuple[int, ...]) -> None:
    if array.shape[array.ndim - len(trailing) :] != trailing or array.ndim < len(trailing):
        raise InputError(field, f"found shape {array.shape}", f"the last axes must be {trailing}")
