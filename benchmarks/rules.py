"""Trust-region rules on a large batch against straightforward transcriptions, in time and in memory.

A transcription here is what one writes from the formula without further thought: whole arrays (B, T), one
temporary per operation, np.where and np.cumsum.  It returns the same three arrays as
`cppo_theory.rules.apply`: coefficients, keep flags, reasons.  Probabilities, divergences and sums are in
float64, as the rules have them; "given precision" is CPPO in that of the input, faster and less exact.
CPPO keeps the form of Algorithm 1 with S and W, as public code does; the rules that read tables are timed
with their sampled-token forms.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.timing import Row, peak_bytes, speedup
from cppo_theory import schedules
from cppo_theory.rules import TokenBatch, apply, compiled

Array = Any
Answer = tuple[Array, Array, Array]

SIZE = (256, 16_384)
SETTINGS = [(dtype, form) for dtype in ("float32", "float64") for form in ("full", "ragged")]
TOKEN, BUDGET, SEQUENCE, CLIP, HOLE = 1, 2, 3, 4, 5

REQUIRED = {"minpro": {"eps_low": 0.2, "eps_high": 0.2}, "drpo": {"eps": 0.2}, "spo": {"eps": 0.2}}
"""Parameters of rules that have no default for them."""

ASKED = {"float32": ">= 2", "float64": ">= 3"}


@dataclass(frozen=True, eq=False)
class Data:
    """log q, log p, log o (B, T); A (B, 1); the mask (B, T), True up to each response's end."""

    lq: Array
    lp: Array
    lo: Array
    a: Array
    mask: Array

    def batch(self) -> TokenBatch:
        return TokenBatch(self.lq, self.lp, self.a, self.mask, self.lo)


def data(dtype: str, form: str, size: tuple[int, int] = SIZE) -> Data:
    """Random log-probabilities; ``ragged``: lengths from T/10 to T.  The seed is fixed.

    No probability is 1, where the transcription of a Binary-KL would give NaN.
    """
    rng = np.random.default_rng(0)
    lq = -rng.exponential(1.0, size).astype(dtype)
    lo, lp = (np.minimum(lq + rng.normal(0, s, size).astype(dtype), -1e-3) for s in (0.03, 0.1))
    lengths = np.full(size[0], size[1])
    if form == "ragged":
        lengths = rng.integers(size[1] // 10, size[1] + 1, size[0])
    a = rng.normal(size=(size[0], 1)).astype(dtype)
    return Data(lq, lp, lo, a, np.arange(size[1]) < lengths[:, None])


# --- the transcriptions -----------------------------------------------------------------------------------


def answer(d: Data, g: Array, kept: Array, reason: int = TOKEN) -> Answer:
    keep = d.mask & kept
    inner = np.where(keep, np.int8(0), np.where(d.mask, np.int8(reason), np.int8(HOLE)))
    return np.where(keep, g, np.zeros((), d.lq.dtype)).astype(d.lq.dtype, copy=False), keep, inner


def within(d: Data, x: Array, low: float, high: float) -> Array:
    return np.where(d.a > 0, x <= high, np.where(d.a < 0, x >= low, True))


def mean(d: Data, x: Array) -> Array:
    return total(d, x) / d.mask.sum(1, keepdims=True)


def total(d: Data, x: Array) -> Array:
    return np.where(d.mask, x, 0).sum(1, keepdims=True, dtype=np.float64)


def probabilities(d: Data) -> tuple[Array, Array]:
    """p and q in float64."""
    return np.exp(d.lp.astype(np.float64)), np.exp(d.lq.astype(np.float64))


def largest(d: Data, x: Array) -> Array:
    return np.where(d.mask, x, -np.inf).max(1, keepdims=True)


def pg_is(d: Data) -> Answer:
    return answer(d, np.exp(d.lp - d.lq), d.mask)


def ppo(d: Data, eps_low: float = 0.2, eps_high: float = 0.2, cap: float = np.inf) -> Answer:
    r = np.exp(d.lp - d.lo)
    return answer(d, r, within(d, r, 1 - eps_low, 1 + eps_high) & ((d.a >= 0) | (r <= cap)), CLIP)


def cispo(d: Data) -> Answer:
    return answer(d, np.minimum(np.exp(d.lp - d.lo), 1.28), d.mask)


def dppo(d: Data) -> Answer:
    p, q = probabilities(d)
    r = np.exp(d.lp - d.lq)
    return answer(d, r, (d.a * (r - 1) <= 0) | (np.abs(p - q) <= 0.15))


def weights(d: Data, w_min: float = 0.8) -> Array:
    positions = np.arange(d.mask.shape[1])
    length = (d.mask * (positions + 1)).max(1, keepdims=True)
    return (1 - (1 - w_min) * positions / np.maximum(length - 1, 1)).astype(d.lq.dtype)


def sums(d: Data, z: Array, w: Array) -> tuple[Array, Array]:
    """S_{t-1} and W_{t-1}."""
    z, w = np.where(d.mask, z, 0), np.where(d.mask, w, 0)
    return np.cumsum(z, axis=1) - z, np.cumsum(w, axis=1) - w


def p90(d: Data, x: Array) -> Array:
    return np.nanquantile(np.where(d.mask, x, np.nan), 0.9, axis=1, keepdims=True)


def cppo(
    d: Data,
    delta: float = 0.15,
    delta_b: Any = 0.015,
    adaptive: bool = False,
    given_precision: bool = False,
) -> Answer:
    r = np.exp(d.lp - d.lq)
    p, q = (np.exp(d.lp), np.exp(d.lq)) if given_precision else probabilities(d)
    tv, w = np.abs(p - q), weights(d)
    if adaptive:
        delta_b = np.clip(p90(d, tv), delta_b, 2 * delta_b)
    z = w * tv
    spent, earned = sums(d, z, w)
    threshold = np.minimum(delta, delta + delta_b * earned - spent)
    keep = d.mask & ((d.a * (r - 1) <= 0) | (z <= threshold))
    code = np.where(z > delta, np.int8(TOKEN), np.int8(BUDGET))
    reason = np.where(keep, np.int8(0), np.where(d.mask, code, np.int8(HOLE)))
    return np.where(keep, r, np.zeros((), r.dtype)), keep, reason


def cppo_soft(d: Data, delta: float = 0.15, delta_b: float = 0.015) -> Answer:
    p, q = probabilities(d)
    r, w = np.exp(d.lp - d.lq), weights(d)
    z = w * np.abs(p - q)
    spent, earned = sums(d, z, w)
    x = np.maximum(z / delta, (spent + z) / (delta + delta_b * earned))
    gate = np.where(d.a * (r - 1) <= 0, 1.0, np.minimum(1.0, 1 / np.maximum(x, 1.0)))
    return answer(d, (r * gate).astype(r.dtype), d.mask)


def k3(x: Array) -> Array:
    return np.expm1(x) - x


def trm(d: Data, max_kl: float, mean_kl: float) -> Answer:
    x = d.lp - d.lq
    wide = x.astype(np.float64)
    kept = np.full(d.mask.shape, True)
    if max_kl < np.inf:
        kept &= largest(d, wide * wide / 2) <= max_kl
    if mean_kl < np.inf:
        kept &= mean(d, k3(wide)) <= mean_kl
    return answer(d, np.exp(x), kept, SEQUENCE)


def minpro(d: Data) -> Answer:
    x = d.lp - d.lo
    least = np.minimum.accumulate(np.where(d.mask, x, np.inf), axis=1)
    least = np.concatenate([np.zeros_like(x[:, :1]), least[:, :-1]], axis=1)
    return answer(d, np.clip(np.exp(x + least), 0.8, 1.2), d.mask)


def gspo(d: Data) -> Answer:
    s = np.exp(mean(d, d.lp - d.lo))
    return answer(d, s, within(d, s, 1 - 3e-4, 1 + 4e-4), SEQUENCE)


def gmpo(d: Data) -> Answer:
    x = d.lp - d.lo
    s = np.sign(d.a)
    clipped = s * np.minimum(s * x, s * np.clip(x, -0.4, 0.4))
    return answer(d, np.exp(mean(d, clipped)), within(d, x, -0.4, 0.4), CLIP)


def sapo(d: Data) -> Answer:
    r = np.exp(d.lp - d.lo)
    gate = 1 / np.cosh(np.where(d.a > 0, 1.0, 1.05).astype(r.dtype) * (r - 1) / 2) ** 2
    return answer(d, r * gate, d.mask)


def drpo(d: Data) -> Answer:
    p, q = probabilities(d)
    r = np.exp(d.lp - d.lq)
    return answer(d, r * (1 - np.sign(d.a) * (p - q) / 0.2), d.mask)


def spo(d: Data) -> Answer:
    r = np.exp(d.lp - d.lq)
    return answer(d, r * (1 - np.sign(d.a) * (r - 1) / 0.2), d.mask)


def times(d: Data, base: Answer, c: Array, kept: Array, reason: int = CLIP) -> Answer:
    """A base rule times a correction where ``kept``."""
    g, keep, base_reason = base
    both = keep & kept
    inner = np.where(d.mask & ~kept, np.int8(reason), base_reason)
    return np.where(both, g * c, 0).astype(g.dtype), both, inner


def icepop(d: Data) -> Answer:
    c = np.exp(d.lo - d.lq)
    return times(d, ppo(d), c, (c >= 0.5) & (c <= 5))


def tis(d: Data) -> Answer:
    return times(d, ppo(d), np.minimum(np.exp(d.lo - d.lq), 2.0), d.mask)


def seq_tis(d: Data) -> Answer:
    return times(d, ppo(d), np.minimum(np.exp(total(d, d.lo - d.lq)), 3.0), d.mask)


def seq_mis(d: Data) -> Answer:
    w = np.exp(total(d, d.lo - d.lq))
    return times(d, ppo(d), w, w <= 3, SEQUENCE)


def geometric_mis(d: Data) -> Answer:
    w = np.exp(mean(d, d.lo - d.lq))
    return times(d, ppo(d), np.ones_like(w), (w >= 0.999) & (w <= 1.002), SEQUENCE)


def fipo(d: Data) -> Answer:
    x = d.lp - d.lo
    r, discount = np.exp(x), 2 ** (-1 / 32)
    x = np.where(d.mask & (r <= 10), x, 0).astype(np.float64)
    ahead = np.empty_like(x)
    rest = np.zeros(len(x))
    for t in reversed(range(x.shape[1])):
        rest = x[:, t] + discount * rest
        ahead[:, t] = rest
    f = np.clip(np.exp(ahead), 1.0, 1.2)
    f = np.where((d.a < 0) & (r > 10), np.clip(f, 0.8, 1.0), f)
    return times(d, ppo(d, cap=10.0), f, d.mask)


def opsm(d: Data) -> Answer:
    x = d.lp - d.lq
    kept = (d.a >= 0) | (mean(d, -x) <= 1e-4)
    return answer(d, np.exp(x), kept, SEQUENCE)


def ipo(d: Data) -> Answer:
    p, q = probabilities(d)
    return answer(d, np.exp(d.lp - d.lq), np.abs(p - q) <= 0.1)


def log_complement(log_p: Array) -> Array:
    """log(1 - p), near p = 1 as well."""
    return np.where(log_p > -np.log(2), np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))


def bernoulli_kl(log_p: Array, log_q: Array) -> Array:
    p = np.exp(log_p)
    return p * (log_p - log_q) + (1 - p) * (log_complement(log_p) - log_complement(log_q))


def kpop(d: Data) -> Answer:
    lp, lq = d.lp.astype(np.float64), d.lq.astype(np.float64)
    kl = np.maximum(bernoulli_kl(lq, lp), bernoulli_kl(lp, lq))
    return answer(d, np.exp(d.lp - d.lq), kl <= 0.1)


def ratio_window(d: Data) -> Answer:
    r = np.exp(d.lp - d.lq)
    return answer(d, r, (r > 0.5) & (r < 2), CLIP)


def vespo(d: Data) -> Answer:
    log_w = total(d, d.lp - d.lq)
    w = np.exp(log_w)
    return answer(d, np.exp(np.where(d.a >= 0, 3 + 2 * log_w - 3 * w, 2 + 3 * log_w - 2 * w)), d.mask)


def topr(d: Data) -> Answer:
    tapered = np.minimum(np.exp(mean(d, d.lp - d.lq)), 1.0)
    return answer(d, np.where(d.a >= 0, 1.0, tapered), d.mask)


PLAIN: dict[str, Callable[[Data], Answer]] = {
    "pg-is": pg_is,
    "ppo": ppo,
    "grpo": ppo,
    "dapo": partial(ppo, eps_high=0.28),
    "cispo": cispo,
    "dppo": dppo,
    "cppo": cppo,
    "cppo-soft": cppo_soft,
    "trm-max": partial(trm, max_kl=0.1, mean_kl=np.inf),
    "trm-avg": partial(trm, max_kl=np.inf, mean_kl=0.002),
    "trm-max-avg": partial(trm, max_kl=0.1, mean_kl=0.002),
    "minpro": minpro,
    "gspo": gspo,
    "gmpo": gmpo,
    "sapo": sapo,
    "drpo": drpo,
    "spo": spo,
    "icepop": icepop,
    "tis": tis,
    "fipo": fipo,
    "opsm": opsm,
    "ipo": ipo,
    "kpop": kpop,
    "ratio-window": ratio_window,
    "seq-tis": seq_tis,
    "seq-mis": seq_mis,
    "geometric-mis": geometric_mis,
    "vespo": vespo,
    "topr": topr,
}
"""The straightforward form of every rule, by its name."""


def torch_cppo(d: Data, delta: float = 0.15, delta_b: float = 0.015, w_min: float = 0.8) -> Any:
    """`cppo` in PyTorch, batched."""
    import torch

    lq, lp, a, mask = (torch.from_numpy(x) for x in (d.lq, d.lp, d.a, d.mask))
    positions = torch.arange(mask.shape[1])
    length = (mask * (positions + 1)).amax(1, keepdim=True)
    w = (1 - (1 - w_min) * positions / torch.clamp(length - 1, min=1)).to(lq.dtype)
    p, q, r = torch.exp(lp), torch.exp(lq), torch.exp(lp - lq)
    z, earned = torch.where(mask, w * (p - q).abs(), 0.0), torch.where(mask, w, 0.0)
    spent, earned = torch.cumsum(z, 1) - z, torch.cumsum(earned, 1) - earned
    threshold = torch.clamp(delta + delta_b * earned - spent, max=delta)
    keep = mask & ((a * (r - 1) <= 0) | (z <= threshold))
    code = torch.where(z > delta, TOKEN, BUDGET)
    reason = torch.where(keep, 0, torch.where(mask, code, HOLE)).to(torch.int8)
    return torch.where(keep, r, 0.0), keep, reason


# --- rows of the table ------------------------------------------------------------------------------------


def applied(name: str, d: Data, **given: Any) -> Callable[[], object]:
    return lambda: apply(name, d.batch(), check=False, **REQUIRED.get(name, {}), **given)


def _cppo_rows(dtype: str, form: str, d: Data) -> Iterator[Row]:
    name, fast, plain = f"cppo, {form} {dtype}", applied("cppo", d), partial(cppo, d, given_precision=True)
    yield Row(name, "plain NumPy, given precision", *speedup(fast, plain, 5), ASKED[dtype])
    if dtype != "float64":
        yield Row(name, "plain NumPy, CPU time", *speedup(fast, partial(cppo, d), 5), ASKED[dtype])
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        yield Row(name, "PyTorch, one thread", *speedup(fast, lambda: torch_cppo(d), 5), ">= 1")
    if importlib.util.find_spec("numba"):
        kernel = lambda: compiled.cppo(d.batch(), check=False)  # noqa: E731 - a thunk, like the others
        yield Row(f"{name}, numba", "plain NumPy, given precision", *speedup(kernel, plain, 5), ">= 3")
        yield Row(f"{name}, numba", "apply", *speedup(kernel, fast, 5))
    fast, slow = applied("cppo", d, budget=schedules.adaptive), partial(cppo, d, adaptive=True)
    yield Row(f"cppo, adaptive, {form} {dtype}", "plain NumPy, CPU time", *speedup(fast, slow, 1), ">= 1")


def _memory(dtype: str, form: str, d: Data) -> Iterator[Row]:
    outputs = d.lq.nbytes + 2 * d.mask.nbytes
    extra = {name: (peak_bytes(applied(name, d)) - outputs) / d.lq.nbytes for name in PLAIN}
    most = max(extra, key=lambda name: extra[name])
    found = extra[most]
    yield Row(f"{most}, {form} {dtype}", "one array, peak beside outputs", found, found, found, "<= 2")


def check_plain() -> None:
    """Raise unless the transcriptions and the rules decide alike on a small batch."""
    d = data("float64", "ragged", (16, 640))
    for name, plain in PLAIN.items():
        found = apply(name, d.batch(), check=False, **REQUIRED.get(name, {}))
        g, keep, reason = plain(d)
        np.testing.assert_allclose(found.g, g, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_array_equal(found.keep, keep, err_msg=name)
        np.testing.assert_array_equal(found.reason, reason, err_msg=name)


def rows() -> Iterator[Row]:
    """Speed of every rule in four settings; memory in the widest and the most irregular one.

    Each rule has a process of its own in each setting: how fast whole arrays are depends on what was freed
    before.
    """
    check_plain()
    names = [name for name in PLAIN if name != "grpo"]  # grpo is ppo
    tasks = [(name, *setting) for setting in SETTINGS for name in ("cppo", *sorted({*names} - {"cppo"}))]
    tasks += [("memory", "float32", "ragged"), ("memory", "float64", "full")]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for found in pool.map(rows_of, *zip(*tasks, strict=True)):
            yield from found


def rows_of(name: str, dtype: str, form: str) -> list[Row]:
    """The rows of one rule in one setting, or of the memory of all."""
    d = data(dtype, form)
    if name == "cppo":
        return list(_cppo_rows(dtype, form, d))
    if name == "memory":
        return list(_memory(dtype, form, d))
    ratio = speedup(applied(name, d), partial(PLAIN[name], d), 3)
    return [Row(f"{name}, {form} {dtype}", "plain NumPy, CPU time", *ratio, ">= 1")]
