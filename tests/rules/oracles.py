"""Per-token references of every trust-region rule, one plain loop over one response; no code of the package.

Ratios, TV, weights and budgets are Fractions, hence their comparisons exact; what needs a logarithm or an
exponential is computed in 50 digits.  Written from arXiv:2606.10968v2, Section 3 and Algorithm 1 (running
sums S and W), and from the formulas of the baselines.  A `Test` keeps its margin, the distance from equality,
so that a caller who works in floats knows which decisions rounding may turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any, NamedTuple

import mpmath

F = Fraction
FIFTH, ONE, TEN = F(1, 5), F(1), F(10)
CISPO, TAU_DOWN, HIGH = F(7, 25), F(21, 20), F(6, 5)
"""Defaults of the rules."""
DIGITS = mpmath.MPContext()
DIGITS.dps = 50

KEPT, TOKEN, BUDGET, SEQUENCE, CLIP, HOLE = range(6)
Number = Any  # Fraction, int, inf, or a number of 50 digits


def real(x: Number) -> Any:
    """A number in 50 digits."""
    if isinstance(x, F):
        return DIGITS.mpf(x.numerator) / x.denominator
    return DIGITS.mpf(x)


def log(x: Number) -> Any:
    return DIGITS.log(real(x))


def exp(x: Number) -> Any:
    return DIGITS.exp(real(x))


def sign(x: Number) -> int:
    return (x > 0) - (x < 0)


@dataclass(frozen=True)
class Response:
    """One response: probabilities p, q, o of its tokens, advantages, valid flags; divergences if measured."""

    p: tuple[F, ...]
    q: tuple[F, ...]
    o: tuple[F, ...]
    advantage: tuple[F, ...]
    valid: tuple[bool, ...]
    tv: tuple[Number, ...] | None = None
    kl: tuple[Number, ...] | None = None

    @property
    def tokens(self) -> list[int]:
        return [t for t, valid in enumerate(self.valid) if valid]

    @property
    def length(self) -> int:
        """Position of the last valid token, holes counted."""
        return self.tokens[-1] + 1

    def r(self, t: int) -> F:
        return self.p[t] / self.q[t]

    def rho(self, t: int) -> F:
        return self.p[t] / self.o[t]

    def correction(self, t: int) -> F:
        return self.o[t] / self.q[t]

    def toward(self, t: int) -> bool:
        return self.advantage[t] * (self.p[t] - self.q[t]) <= 0


class Test(NamedTuple):
    """Whether a condition holds, and how far it is from equality."""

    holds: bool
    margin: float = inf

    __test__ = False


class Token(NamedTuple):
    keep: bool
    reason: int
    g: Number
    margin: float


def at_most(x: Number, bound: Number) -> Test:
    """Both as Fractions, or both in 50 digits."""
    if DIGITS.mpf in (type(x), type(bound)):
        x, bound = real(x), real(bound)
    return Test(x <= bound, 0.0 if x == bound else float(abs(x - bound)))


def at_least(x: Number, bound: Number) -> Test:
    return at_most(-x, -bound)


def both(*tests: Test) -> Test:
    return Test(all(test.holds for test in tests), min(test.margin for test in tests))


def unless(waived: bool, test: Test) -> Test:
    """The condition of tokens that are not excused from it."""
    return Test(True) if waived else test


def within(a: Number, x: Number, low: Number, high: Number) -> Test:
    """PPO's interval: only its upper end binds if A > 0, only its lower end if A < 0."""
    if a > 0:
        return at_most(x, high)
    return at_least(x, low) if a < 0 else Test(True)


def decided(
    response: Response, g: Callable[[int], Number], *conditions: tuple[int, Callable[[int], Test]]
) -> list[Token]:
    """Tokens kept if they meet every condition; the first that fails gives the reason."""
    answer = []
    for t, valid in enumerate(response.valid):
        if not valid:
            answer.append(Token(False, HOLE, 0, inf))
            continue
        tests = [(code, condition(t)) for code, condition in conditions]
        failed = [code for code, test in tests if not test.holds]
        margin = min([inf, *(test.margin for _, test in tests)])
        answer.append(Token(not failed, failed[0] if failed else KEPT, 0 if failed else g(t), margin))
    return answer


def over(
    base: Sequence[Token],
    factor: Callable[[int], Number] = lambda t: 1,
    *conditions: tuple[int, Callable[[int], Test]],
) -> list[Token]:
    """A base rule under further conditions, which are named first, its coefficients multiplied."""
    answer = []
    for t, token in enumerate(base):
        if token.reason == HOLE:
            answer.append(token)
            continue
        tests = [(code, condition(t)) for code, condition in conditions]
        failed = [code for code, test in tests if not test.holds]
        reason = failed[0] if failed else token.reason
        margin = min([token.margin, *(test.margin for _, test in tests)])
        kept = reason == KEPT
        answer.append(Token(kept, reason, real(token.g) * real(factor(t)) if kept else 0, margin))
    return answer


# --- divergences of one token -----------------------------------------------------------------------------


def kl_of(p: Sequence[Number], q: Sequence[Number]) -> Any:
    """sum p log(p / q), 0 log 0 = 0."""
    return DIGITS.fsum(real(x) * (log(x) - log(y)) for x, y in zip(p, q, strict=True) if x > 0)


def tv_of(p: Sequence[F], q: Sequence[F]) -> F:
    return sum((abs(x - y) for x, y in zip(p, q, strict=True)), F(0)) / 2


def partition(row: Sequence[F], listed: Sequence[int]) -> list[F]:
    """Probabilities of the listed tokens, each once, and of all others together."""
    own = [row[i] for i in sorted(set(listed))]
    return [*own, 1 - sum(own, F(0))]


def binary_kl(p: F, q: F) -> Any:
    """KL(Bern(p) || Bern(q)); infinite where q = 1 > p."""
    return DIGITS.inf if q == 1 != p else kl_of((p, 1 - p), (q, 1 - q))


def tv(response: Response, t: int) -> Number:
    return abs(response.p[t] - response.q[t]) if response.tv is None else response.tv[t]


def kl(response: Response, t: int) -> Number:
    return binary_kl(response.q[t], response.p[t]) if response.kl is None else real(response.kl[t])


# --- weights and budgets ----------------------------------------------------------------------------------


def linear(response: Response, w_min: F, horizon: int | None = None) -> list[F]:
    """1 - (1 - w_min) (t - 1)/(T - 1), Eq. (9); 1 at T = 1; w_min beyond T."""
    last = response.length if horizon is None else horizon
    drop = (1 - w_min) / max(last - 1, 1)
    return [1 - drop * (min(t, last) - 1) for t in range(1, len(response.p) + 1)]


def reversed_(response: Response, w_min: F) -> list[F]:
    """The weights of Eq. (9) read from the end of the response."""
    forward = linear(response, w_min)[: response.length]
    return forward[::-1] + [F(0)] * (len(response.p) - response.length)


def remaining(response: Response, w_min: F) -> list[F]:
    """(T - t)/(T - 1), Eq. (18); 1 at T = 1."""
    last = response.length
    if last == 1:
        return [F(1)] * len(response.p)
    return [F(last - t, last - 1) for t in range(1, len(response.p) + 1)]


def uniform(response: Response, w_min: F) -> list[F]:
    return [F(1)] * len(response.p)


def fixed(divergences: Sequence[Number], delta_b: Number) -> Number:
    return delta_b


def quantile(numbers: Sequence[Number], share: F) -> Number:
    """Linear interpolation between the order statistics around 1 + share (n - 1)."""
    ordered, place = sorted(numbers), share * (len(numbers) - 1)
    low = int(place)
    below, above = ordered[low], ordered[min(low + 1, len(ordered) - 1)]
    if place == low or below == above:  # two infinite divergences have no difference
        return below
    rest = place - low if isinstance(below, F) else real(place - low)
    return below + rest * (above - below)


def adaptive(divergences: Sequence[Number], delta_b: Number, ceiling: int = 2) -> Number:
    """Eq. (22): the 90th percentile of the divergences, between delta_b and `ceiling` times it."""
    delta_b = delta_b if isinstance(divergences[0], F) else real(delta_b)
    return max(delta_b, min(quantile(divergences, F(9, 10)), ceiling * delta_b))


# --- rules ------------------------------------------------------------------------------------------------


def pg_is(response: Response) -> list[Token]:
    return decided(response, response.r)


def ppo(
    response: Response, eps_low: Number = FIFTH, eps_high: Number = FIFTH, dual_clip: Number = inf
) -> list[Token]:
    def inside(t: int) -> Test:
        a, rho = response.advantage[t], response.rho(t)
        capped = unless(a >= 0, at_most(rho, dual_clip))
        return both(within(a, rho, 1 - eps_low, 1 + eps_high), capped)

    return decided(response, response.rho, (CLIP, inside))


def cispo(response: Response, eps_low: Number = inf, eps_high: Number = CISPO) -> list[Token]:
    return decided(response, lambda t: max(1 - eps_low, min(response.rho(t), 1 + eps_high)))


def dppo(response: Response, delta: Number, divergence: Callable[..., Number] = tv) -> list[Token]:
    def close(t: int) -> Test:
        return unless(response.toward(t), at_most(divergence(response, t), delta))

    return decided(response, response.r, (TOKEN, close))


class Ledger(NamedTuple):
    """Algorithm 1 at one token: Z_t, S_{t-1}, delta_b W_{t-1} (infinite without a budget)."""

    spent: Number
    before: Number
    allowed: Number


def algorithm_1(
    response: Response,
    delta_b: Number,
    w_min: F,
    weights: Callable[[Response, F], list[F]],
    budget: Callable[[Sequence[Number], Number], Number],
    divergence: Callable[..., Number],
) -> dict[int, Ledger]:
    """S and W along the response: every valid token counts, kept or not; holes only take a position."""
    w: list[Number] = list(weights(response, w_min))
    d = {t: divergence(response, t) for t in response.tokens}
    per_token = budget(list(d.values()), delta_b)
    if not all(isinstance(x, F) for x in d.values()):
        w, per_token = [real(x) for x in w], real(per_token)
    rows, total, weight = {}, w[0] * 0, w[0] * 0
    for t in response.tokens:
        rows[t] = Ledger(w[t] * d[t], total, inf if per_token == inf else per_token * weight)
        total, weight = total + rows[t].spent, weight + w[t]
    return rows


def cppo(
    response: Response,
    delta: Number,
    delta_b: Number,
    w_min: F,
    *,
    weights: Callable[[Response, F], list[F]] = linear,
    budget: Callable[[Sequence[Number], Number], Number] = fixed,
    divergence: Callable[..., Number] = tv,
) -> list[Token]:
    """Keep iff toward or Z_t <= min(delta, delta + delta_b W_{t-1} - S_{t-1}), Eqs. (8)-(10)."""
    rows = algorithm_1(response, delta_b, w_min, weights, budget, divergence)
    delta = delta if isinstance(next(iter(rows.values())).spent, F) else real(delta)

    def token(t: int) -> Test:
        return unless(response.toward(t), at_most(rows[t].spent, delta))

    def prefix(t: int) -> Test:
        row = rows[t]
        return unless(response.toward(t), at_most(row.spent, delta + row.allowed - row.before))

    return decided(response, response.r, (TOKEN, token), (BUDGET, prefix))


def gate_inverse(x: Any) -> Any:
    return min(real(1), 1 / x) if x > 0 else real(1)


def gate_sapo(x: Any) -> Any:
    return 1 / (x * DIGITS.cosh((x - 1) / 2) ** 2) if x > 1 else real(1)


def gate_hard(x: Any) -> Any:
    return real(int(x <= 1))


def cppo_soft(
    response: Response,
    delta: Number,
    delta_b: Number,
    w_min: F,
    *,
    gate: Callable[[Any], Any] = gate_inverse,
    weights: Callable[[Response, F], list[F]] = linear,
    budget: Callable[[Sequence[Number], Number], Number] = fixed,
    divergence: Callable[..., Number] = tv,
) -> list[Token]:
    """r gate(max(Z_t / delta, S_t / (delta + delta_b W_{t-1}))) on away tokens, Eqs. (19), (20)."""
    rows = algorithm_1(response, delta_b, w_min, weights, budget, divergence)

    def overrun(t: int) -> Any:
        spent, before, allowed = (real(x) for x in rows[t])
        return max(spent / real(delta), (before + spent) / (real(delta) + allowed))

    def g(t: int) -> Number:
        return response.r(t) if response.toward(t) else real(response.r(t)) * gate(overrun(t))

    def sure(t: int) -> Test:  # a gate may jump at x = 1
        return unless(response.toward(t), Test(True, at_most(overrun(t), 1).margin))

    return decided(response, g, (TOKEN, sure))


def trm(
    response: Response,
    delta: Number = inf,
    delta_avg: Number = inf,
    *,
    base: Callable[[Response], list[Token]] = pg_is,
    anchor: bool = False,
) -> list[Token]:
    """Both conditions of TRM; inf leaves one out.  Sampled: k2 for the max, k3 for the mean."""
    largest, total = real(0), real(0)
    for t in response.tokens:
        if response.kl is not None and not anchor:
            k2 = k3 = kl(response, t)
        else:
            ratio = response.correction(t) if anchor else response.r(t)
            k2, k3 = log(ratio) ** 2 / 2, real(ratio) - 1 - log(ratio)
        largest, total = max(largest, k2), total + k3
    mean = total / len(response.tokens)
    test = both(at_most(largest, real(delta)), at_most(mean, real(delta_avg)))
    return over(base(response), lambda t: 1, (SEQUENCE, lambda t: test))


def trm_max(response: Response, delta: Number, **objects: Any) -> list[Token]:
    return trm(response, delta=delta, **objects)


def trm_avg(response: Response, delta_avg: Number, **objects: Any) -> list[Token]:
    return trm(response, delta_avg=delta_avg, **objects)


def minpro(response: Response, eps_low: Number, eps_high: Number) -> list[Token]:
    def g(t: int) -> Number:
        earlier = [response.rho(i) for i in response.tokens if i < t]
        return max(1 - eps_low, min(response.rho(t) * min(earlier, default=1), 1 + eps_high))

    return decided(response, g)


def geometric_mean(response: Response, ratio: Callable[[int], F]) -> Any:
    return exp(DIGITS.fsum(log(ratio(t)) for t in response.tokens) / len(response.tokens))


def product(response: Response, ratio: Callable[[int], F]) -> F:
    result = F(1)
    for t in response.tokens:
        result *= ratio(t)
    return result


def gspo(response: Response, eps_low: Number, eps_high: Number, *, mean: bool = False) -> list[Token]:
    s = geometric_mean(response, response.rho)
    average = sum(response.advantage[t] for t in response.tokens)

    def inside(t: int) -> Test:
        a = average if mean else response.advantage[t]
        return within(a, s, real(1 - eps_low), real(1 + eps_high))

    return decided(response, lambda t: s, (SEQUENCE, inside))


def gmpo(response: Response, eps_low: Number, eps_high: Number) -> list[Token]:
    low, high = -real(eps_low), real(eps_high)
    total = real(0)
    for t in response.tokens:
        x, side = log(response.rho(t)), sign(response.advantage[t])
        total += side * min(side * x, side * max(low, min(x, high)))
    root = exp(total / len(response.tokens))

    def inside(t: int) -> Test:
        return within(response.advantage[t], log(response.rho(t)), low, high)

    return decided(response, lambda t: root, (CLIP, inside))


def sapo(response: Response, tau_up: Number = ONE, tau_down: Number = TAU_DOWN) -> list[Token]:
    def g(t: int) -> Number:
        tau = tau_up if response.advantage[t] > 0 else tau_down
        rho = real(response.rho(t))
        return rho / DIGITS.cosh(real(tau) * (rho - 1) / 2) ** 2

    return decided(response, g)


def drpo(response: Response, eps: Number) -> list[Token]:
    def g(t: int) -> Number:
        return response.r(t) * (1 - sign(response.advantage[t]) * (response.p[t] - response.q[t]) / eps)

    return decided(response, g)


def spo(response: Response, eps: Number) -> list[Token]:
    def g(t: int) -> Number:
        return response.r(t) * (1 - sign(response.advantage[t]) * (response.r(t) - 1) / eps)

    return decided(response, g)


def tis(response: Response, cap: Number, *, base: Callable[[Response], list[Token]] = ppo) -> list[Token]:
    return over(base(response), lambda t: min(response.correction(t), cap))


def icepop(
    response: Response, low: Number, high: Number, *, base: Callable[[Response], list[Token]] = ppo
) -> list[Token]:
    def inside(t: int) -> Test:
        c = response.correction(t)
        return both(at_least(c, low), at_most(c, high))

    return over(base(response), response.correction, (CLIP, inside))


def fipo(
    response: Response,
    eps_low: Number = FIFTH,
    eps_high: Number = FIFTH,
    dual_clip: Number = TEN,
    *,
    low: Number = ONE,
    high: Number = HIGH,
    discount: Number = None,
    safe: Number = TEN,
) -> list[Token]:
    gamma = DIGITS.mpf(2) ** (-DIGITS.mpf(1) / 32) if discount is None else real(discount)
    doubt = min(at_most(response.rho(t), dual_clip).margin for t in response.tokens)

    def factor(t: int) -> Number:
        ahead = real(0)
        for k in response.tokens:
            if k >= t and response.rho(k) <= dual_clip:
                ahead += gamma ** (k - t) * log(response.rho(k))
        f = max(real(low), min(exp(ahead), real(high)))
        if response.advantage[t] < 0 and response.rho(t) > safe:
            f = max(real(F(4, 5)), min(f, real(1)))
        return f

    def sure(t: int) -> Test:
        return Test(True, min(doubt, at_most(response.rho(t), safe).margin))

    return over(ppo(response, eps_low, eps_high, dual_clip), factor, (CLIP, sure))


def opsm(
    response: Response, delta: Number, *, base: Callable[[Response], list[Token]] = pg_is
) -> list[Token]:
    mean = -log(geometric_mean(response, response.r))

    def condition(t: int) -> Test:
        return unless(response.advantage[t] >= 0, at_most(mean, real(delta)))

    return over(base(response), lambda t: 1, (SEQUENCE, condition))


def ipo(response: Response, delta: Number) -> list[Token]:
    return decided(
        response, response.r, (TOKEN, lambda t: at_most(abs(response.p[t] - response.q[t]), delta))
    )


def kpop(response: Response, phi: Number) -> list[Token]:
    def close(t: int) -> Test:
        p, q = response.p[t], response.q[t]
        return at_most(max(binary_kl(q, p), binary_kl(p, q)), real(phi))

    return decided(response, response.r, (TOKEN, close))


def ratio_window(response: Response, low: Number, high: Number) -> list[Token]:
    def inside(t: int) -> Test:
        r = response.r(t)
        return Test(low < r < high, min(at_most(r, low).margin, at_most(r, high).margin))

    return decided(response, response.r, (CLIP, inside))


def seq_tis(response: Response, cap: Number, *, base: Callable[[Response], list[Token]] = ppo) -> list[Token]:
    w = product(response, response.correction)
    return over(base(response), lambda t: min(w, cap))


def seq_mis(response: Response, cap: Number, *, base: Callable[[Response], list[Token]] = ppo) -> list[Token]:
    w = product(response, response.correction)
    return over(base(response), lambda t: w, (SEQUENCE, lambda t: at_most(w, cap)))


def geometric_mis(
    response: Response, low: Number, high: Number, *, base: Callable[[Response], list[Token]] = ppo
) -> list[Token]:
    mean = geometric_mean(response, response.correction)
    test = both(at_least(mean, real(low)), at_most(mean, real(high)))
    return over(base(response), lambda t: 1, (SEQUENCE, lambda t: test))


def vespo(
    response: Response,
    k_up: Number = 2,
    l_up: Number = 3,
    k_down: Number = 3,
    l_down: Number = 2,
) -> list[Token]:
    w = product(response, response.r)

    def g(t: int) -> Number:
        k, l_ = (k_up, l_up) if response.advantage[t] >= 0 else (k_down, l_down)
        return exp(real(l_) + real(k) * log(w) - real(l_) * real(w))

    return decided(response, g)


def topr(response: Response) -> list[Token]:
    tapered = min(geometric_mean(response, response.r), real(1))
    return decided(response, lambda t: 1 if response.advantage[t] >= 0 else tapered)
