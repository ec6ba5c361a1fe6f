"""Responses with rational probabilities for the tests of rules, and the batches made of them.

What lies at holes and in padding is garbage on purpose: no test may notice it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import inf, nan
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cppo_theory.rules import Measured, TokenBatch
from tests.rules import oracles
from tests.rules.oracles import Response

F = Fraction
GARBAGE = (nan, inf, -inf, 7.0, -1.0)
LONGEST = 12


@cache
def log(p: F) -> float:
    """log p rounded once: float(p) first would lose the digits of 1 - p."""
    return float(oracles.log(p))


# --- responses --------------------------------------------------------------------------------------------

Draw = tuple[F, F, F, F, bool]
"""p, q, o, A and whether the token is valid."""


def _pool(size: int, seed: int = 0) -> list[Draw]:
    """Tokens of every kind: close, far, equal, nearly impossible, nearly sure; one in six is a hole."""
    random = Random(seed)

    def close(x: F) -> F:
        return min(F(1), x * random.choice([F(random.randint(7, 14), 10), F(random.randint(88, 114), 100)]))

    pool: list[Draw] = []
    for i in range(size):
        q = F(random.randint(1, 40), 40)
        kind = i % 8
        p = close(q) if kind < 5 else F(random.randint(1, 40), 40)
        if kind == 5:
            p = q
        elif kind == 6:
            p, q = random.choice([(F(1, 10**6), q), (p, F(1, 10**6)), (F(1, 10**5), F(2, 10**5))])
        elif kind == 7:
            near = 1 - F(1, 10**9)
            p, q = random.choice([(near, F(1, 2)), (F(1, 2), near), (near, F(9, 10)), (F(1), F(4, 5))])
        o = random.choice([q, p, close(q), close(p)])
        pool.append((p, q, o, random.choice([F(1), F(-1), F(3, 2), F(-1, 4), F(0)]), random.random() < 5 / 6))
    return pool


POOL = _pool(480)


def response_of(tokens: Sequence[Draw], advantage: F | None = None) -> Response:
    """A response of these tokens; an advantage given holds for all of them; the first token is valid if no
    other is."""
    p, q, o, a, valid = zip(*tokens, strict=True)
    a = a if advantage is None else (advantage,) * len(p)
    return Response(p, q, o, a, valid if any(valid) else (True, *valid[1:]))


def responses(pool: Sequence[Draw] = POOL, longest: int = LONGEST) -> st.SearchStrategy[Response]:
    """A response whose advantage is per token or one number."""
    advantages = st.sampled_from([None, F(1), F(-1), F(0), F(1, 2)])
    tokens = st.lists(st.sampled_from(pool), min_size=1, max_size=longest)
    return st.builds(response_of, tokens, advantages)


def several(pool: Sequence[Draw] = POOL, most: int = 3) -> st.SearchStrategy[list[Response]]:
    return st.lists(responses(pool), min_size=1, max_size=most)


_random = Random(1)
ROWS = [
    response_of(_random.choices(POOL, k=_random.randint(1, 8)), advantage)
    for advantage in [None, F(1), F(-1)] * 20
]
"""Sixty responses for tests that draw nothing."""

AWAY = [(F(1, 2), F(1, 4), F(1, 4), F(1), True), (F(1, 4), F(1, 2), F(1, 2), F(-1), True)]
TOWARD = [(F(1, 4), F(1, 2), F(1, 2), F(1), True)]
TOWARD += [(F(1, 2), F(1, 2), F(1, 2), a, True) for a in (F(1), F(-1))]
HOLES = [(F(1, 2), F(1, 4), F(1, 4), F(1), False)]
POWERS = (1, 2, 3, 5, 9)
"""Lengths T with T - 1 a power of two (or 0), so that the weights of Eq. (9) are dyadic."""


@st.composite
def dyadic(draw: Callable[..., Any]) -> tuple[Response, dict[str, F]]:
    """A response whose divergences, weights and thresholds are multiples of 2^-12, with many exact ties.

    Every sum and product of them is then exact in floats, so that nothing is left to rounding.  Divergences
    are 0, delta_b, delta, their sum and neighbours, or spend exactly what the budget still allows (w = 1).
    """
    length = draw(st.sampled_from(POWERS))
    delta = F(draw(st.sampled_from([4, 8, 16])), 64)
    delta_b = F(draw(st.sampled_from([0, 1, 2, 8])), 64)
    w_min = draw(st.sampled_from([F(1), F(1, 2)]))
    tokens = draw(st.lists(st.sampled_from(AWAY * 3 + TOWARD + HOLES), min_size=length, max_size=length))
    tokens[-1] = (*tokens[-1][:4], True)  # the length is that of the last valid token
    choice = st.sampled_from(
        [F(0), F(1, 64), F(2, 64), delta_b, 2 * delta_b, delta, delta, delta - delta_b, delta + F(1, 64)]
    )
    if w_min == 1 and draw(st.booleans()):
        tv, total, weight = [], F(0), F(0)
        for *_, valid in tokens:
            tv.append(max(F(0), min(delta, delta + delta_b * weight - total)))
            if valid:
                total, weight = total + tv[-1], weight + 1
    else:
        tv = draw(st.lists(choice, min_size=length, max_size=length))
    found = replace(response_of(tokens), tv=tuple(tv), kl=tuple(tv))
    return found, {"delta": delta, "delta_b": delta_b, "w_min": w_min}


# --- batches ----------------------------------------------------------------------------------------------


def with_anchor(rows: Sequence[Response], anchored: bool) -> list[Response]:
    """The responses as the package reads them if no anchor is given: o = q."""
    return list(rows) if anchored else [replace(row, o=row.q) for row in rows]


def columns(rows: Sequence[Response], garbage: Sequence[float] = GARBAGE) -> list[dict[str, np.ndarray]]:
    """The float columns of each response, garbage at its holes."""
    answer = []
    for row in rows:
        n = len(row.p)
        table = {
            "logp_rollout": np.array([log(x) for x in row.q]),
            "logp_current": np.array([log(x) for x in row.p]),
            "logp_anchor": np.array([log(x) for x in row.o]),
            "advantage": np.array([float(x) for x in row.advantage]),
        }
        for name, values in (("tv", row.tv), ("kl", row.kl)):
            if values is not None:
                table[name] = np.array([float(x) for x in values])
        holes = ~np.array(row.valid)
        for x in table.values():
            x[holes] = np.resize(garbage, n)[holes]
        answer.append({**table, "mask": np.array(row.valid)})
    return answer


def source_of(table: dict[str, np.ndarray]) -> Measured | None:
    return Measured(table.get("tv"), table.get("kl")) if "tv" in table or "kl" in table else None


def padded(
    rows: Sequence[Response],
    *,
    extra: int = 0,
    anchored: bool = True,
    garbage: Sequence[float] = GARBAGE,
    change: Callable[[np.ndarray], Any] = lambda x: x,
    **given: Any,
) -> TokenBatch:
    """Responses as rows, as wide as the longest and `extra` more; `change` turns arrays into another kind."""
    width = max(len(row.p) for row in rows) + extra
    tables = columns(rows, garbage)
    whole = {}
    for name in tables[0]:
        blank = (
            np.resize(garbage, (len(rows), width)) if name != "mask" else np.zeros((len(rows), width), bool)
        )
        for i, table in enumerate(tables):
            blank[i, : len(table[name])] = table[name]
        whole[name] = change(blank)
    return _batch(whole, anchored, given)


def packed(
    rows: Sequence[Response],
    *,
    anchored: bool = True,
    garbage: Sequence[float] = GARBAGE,
    change: Callable[[np.ndarray], Any] = lambda x: x,
    **given: Any,
) -> TokenBatch:
    """Responses one after the other."""
    tables = columns(rows, garbage)
    whole = {name: change(np.concatenate([table[name] for table in tables])) for name in tables[0]}
    return _batch(whole, anchored, {"lengths": [len(row.p) for row in rows], **given})


def _batch(whole: dict[str, Any], anchored: bool, given: dict[str, Any]) -> TokenBatch:
    return TokenBatch(
        whole["logp_rollout"],
        whole["logp_current"],
        given.pop("advantage", whole["advantage"]),
        whole["mask"],
        whole["logp_anchor"] if anchored else None,
        **{"source": source_of(whole), **given},
    )


def cut(rows: Sequence[Response], x: Any) -> list[np.ndarray]:
    """The tokens of each response of a padded (B, T) or packed (N,) answer."""
    x = np.asarray(x)
    if x.ndim == 2:
        return [x[i, : len(row.p)] for i, row in enumerate(rows)]
    ends = np.cumsum([len(row.p) for row in rows])
    return np.split(x, ends[:-1])
