"""The laws that a rule of this kind obeys, tried on small random batches.

Used by the tests on every rule of the package, and by users on theirs.  A law is broken by a
counterexample only; passing proves nothing beyond the batches tried.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .batch import TokenBatch
from .named import Rule
from .registry import rule

Array = Any
Columns = dict[str, Array]


NUDGE = 1e-9
"""How far a tie is moved to see what a step towards mu would get."""


@dataclass(frozen=True)
class Broken:
    """A law that a rule broke, and on what."""

    law: str
    detail: str

    def __str__(self) -> str:
        return f"{self.law}: {self.detail}"


def broken(
    chosen: str | Callable[..., Any], *, batches: int = 20, seed: int = 0, **given: Any
) -> list[Broken]:
    """The laws that a rule breaks on random batches, each at most once; empty if none.

    Parameters
    ----------
    chosen : str or callable
        Name of a rule, ``module:function``, or a function of a batch.
    batches, seed : int
        How many random batches are tried, and from which seed.
    **given
        Parameters of the rule; a required threshold that is missing is set to .2.

    Raises
    ------
    ValueError
        As `Rule.with_parameters`.
    """
    found = rule(chosen)
    given = {name: 0.2 for name, p in found.parameters.items() if p.required and p.is_number} | given
    found.with_parameters(**given)  # a wrong name is the caller's mistake, not the rule's
    out: dict[str, Broken] = {}
    for index in range(batches):
        columns = random_columns(np.random.default_rng((seed, index)))
        for law in (*LAWS, monotone):
            if law.__name__ not in out:
                detail = _tried(law, found, given, {name: x.copy() for name, x in columns.items()})
                if detail is not None:
                    name = (law.__doc__ or law.__name__).split(".")[0].lower()
                    out[law.__name__] = Broken(name, detail)
    return list(out.values())


def random_columns(rng: np.random.Generator, responses: int = 5, longest: int = 9) -> Columns:
    """Columns of a padded batch with holes, ties (p = q), A = 0, and advantages of both signs."""
    shape = (responses, longest)
    rollout = -rng.exponential(1.0, shape)
    current = np.minimum(rollout + rng.normal(0, 0.4, shape), 0.0)
    anchor = np.minimum(rollout + rng.normal(0, 0.2, shape), 0.0)
    current = np.where(rng.random(shape) < 0.15, rollout, current)
    advantage = rng.choice([-1.0, 0.0, 0.5, 2.0], (responses, 1), p=[0.4, 0.1, 0.25, 0.25])
    mask = np.arange(longest) < rng.integers(1, longest + 1, (responses, 1))
    mask[:, 1:] &= rng.random((responses, longest - 1)) < 0.9
    return {
        "logp_rollout": rollout,
        "logp_current": current,
        "advantage": np.broadcast_to(advantage, shape).copy(),
        "mask": mask,
        "logp_anchor": anchor,
    }


def runs(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Answers on every batch. The coefficients are finite, and 0 where a token is dropped."""
    decision = decide(columns)
    g, keep, reason, mask = (np.asarray(x) for x in (*_answer(decision), columns["mask"]))
    if not np.isfinite(g[mask]).all():
        return f"g is {g[mask][~np.isfinite(g[mask])][0]} at a valid token"
    if (keep & ~mask).any() or g[~keep].any():
        return "a token is kept at a hole, or dropped with g not 0"
    return None if ((reason == 0) == keep).all() else "a dropped token has reason 0, or a kept one another"


def pure(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Changes nothing. The inputs stay as they are, and the same batch gets the same answer."""
    columns = {name: x.copy() for name, x in columns.items() if name != "mask"}  # nothing is copied then
    before = {name: x.copy() for name, x in columns.items()}
    first = _answer(decide(columns))
    for name, x in columns.items():
        if not np.array_equal(x, before[name]):
            return f"{name} was modified"
    return _differ(first, _answer(decide(columns)), "asked twice, it answers differently")


def padding(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Padding is inert. Neither its width nor its values matter, NaN included."""
    width = columns["mask"].shape[1]
    wider = {name: np.pad(x, ((0, 0), (0, 3))) for name, x in columns.items()}
    for name in ("logp_rollout", "logp_current", "logp_anchor", "advantage"):
        wider[name] = np.where(wider["mask"], wider[name], np.nan)
    answer = tuple(x[:, :width] for x in _answer(decide(wider)))
    return _differ(_answer(decide(columns)), answer, "three columns of padding change the answer")


def responses_alone(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Responses do not see each other. Neither their order nor their neighbours matter."""
    whole = _answer(decide(columns))
    backwards = tuple(x[::-1] for x in _answer(decide({name: x[::-1] for name, x in columns.items()})))
    alone = _answer(decide({name: x[:1] for name, x in columns.items()}))
    return _differ(whole, backwards, "the order of the responses changes the answer") or _differ(
        tuple(x[:1] for x in whole), alone, "the neighbours of a response change its answer"
    )


def forms(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Packed equals padded. The two forms of a batch give the same bits."""
    mask = columns["mask"]
    lengths = [int(np.flatnonzero(row)[-1]) + 1 for row in mask]
    inside = np.arange(mask.shape[1]) < np.array(lengths)[:, None]
    packed = _answer(decide({name: x[inside] for name, x in columns.items()}, lengths=lengths))
    padded = tuple(x[inside] for x in _answer(decide(columns)))
    return _differ(padded, packed, "the packed form gets another answer")


def ties(decide: Callable[..., Any], columns: Columns) -> str | None:
    """Ties count as toward. Where a step towards mu would be kept, p = q is kept, and A = 0 too."""
    rollout, current, a = (columns[name] for name in ("logp_rollout", "logp_current", "advantage"))
    x = current - rollout
    tied = columns["mask"] & (a * x == 0)
    nudged = {
        **columns,
        "logp_current": np.where(x == 0, rollout - NUDGE * np.sign(a), current),
        "advantage": np.where(a == 0, -NUDGE * np.sign(x), a),
    }
    keep, kept_toward = (np.asarray(decide(c).rows_keep) for c in (columns, nudged))
    if (tied & kept_toward & ~keep).any():
        return "it drops a token with A (p/q - 1) = 0 that it keeps once A (p/q - 1) < 0"
    return None


LAWS = (runs, pure, padding, responses_alone, forms, ties)


def monotone(found: Rule, given: dict[str, Any], columns: Columns) -> str | None:
    """Thresholds are monotone. A larger `Threshold` keeps no token less, a larger `Floor` none more."""
    for name, p in found.parameters.items():
        value = given.get(name, p.default)
        if p.direction == 0 or not isinstance(value, int | float) or not np.isfinite(value):
            continue
        smaller, larger = (
            np.asarray(_decider(found, {**given, name: value * factor})(columns).rows_keep)
            for factor in ((0.5, 2.0) if p.direction > 0 else (2.0, 0.5))
        )
        if (smaller & ~larger).any():
            verb, before, after = ("raised", 0.5, 2.0) if p.direction > 0 else ("lowered", 2.0, 0.5)
            return f"with {name} {verb} from {value * before:g} to {value * after:g} a token is lost"
    return None


def _tried(law: Callable[..., Any], found: Rule, given: dict[str, Any], columns: Columns) -> str | None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            if law is monotone:
                return monotone(found, given, columns)
            detail: str | None = law(_decider(found, given), columns)
            return detail
        except (Exception, SystemExit) as error:  # a user's rule may fail in any way; that is reported
            return f"it raised {type(error).__name__}: {error}"


def _decider(found: Rule, given: dict[str, Any]) -> Callable[..., Any]:
    bound = found.with_parameters(**given)
    return lambda columns, lengths=None: bound(TokenBatch(**columns, lengths=lengths))


def _answer(decision: Any) -> tuple[Array, Array, Array]:
    return decision.g, decision.keep, decision.reason


def _differ(one: tuple[Array, ...], other: tuple[Array, ...], detail: str) -> str | None:
    same = all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(one, other, strict=True))
    return None if same else detail


def law_names() -> Iterator[str]:
    """Name of every law, as it is reported."""
    for law in (*LAWS, monotone):
        yield (law.__doc__ or law.__name__).split(".")[0].lower()
