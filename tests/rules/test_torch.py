"""Rules on PyTorch: NumPy's decisions, equal bits of packed and padded, one graph, gradients of losses."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

from cppo_theory import schedules
from cppo_theory.rules import RULES, Binary, TokenBatch, TopK, apply, cppo, inverse_gate, kl
from tests.rules import batches
from tests.rules.cases import CASES
from tests.tolerances import RELATIVE, ROUNDING

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
ROWS = batches.ROWS[:15]


def tensor(x: np.ndarray) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x))


def settings_of(name: str) -> list[dict[str, Any]]:
    """The case's parameters at their first and at their last choices."""
    case = CASES[name]
    return [{key: float(values[i]) for key, values in case.numbers.items()} | case.objects for i in (0, -1)]


@pytest.mark.parametrize("name", CASES)
def test_torch_decides_as_numpy_and_packed_as_padded(name):
    for parameters in settings_of(name):
        with np.errstate(over="ignore"):
            expected = RULES[CASES[name].name](batches.padded(ROWS), **parameters)
        wide, flat = (
            apply(CASES[name].name, make(ROWS, change=tensor), check=False, **parameters)
            for make in (batches.padded, batches.packed)
        )
        assert np.array_equal(wide.keep.numpy(), expected.keep)
        assert np.array_equal(wide.reason.numpy(), expected.reason)
        assert wide.g.numpy() == pytest.approx(expected.g, rel=RELATIVE, abs=ROUNDING)
        for key in ("g", "keep", "reason"):
            rows, tokens = (batches.cut(ROWS, getattr(x, key).numpy()) for x in (wide, flat))
            assert all(np.array_equal(x, y) for x, y in zip(rows, tokens, strict=True)), key


@pytest.mark.parametrize(
    "name", ["cppo", "cppo-soft", "dppo", "ppo", "gspo", "trm-max-avg", "kpop", "minpro"]
)
def test_bfloat16_decides_as_its_float32_cast(name):
    generator = torch.Generator().manual_seed(2)
    q = torch.log(torch.rand((6, 50), generator=generator) * 0.9 + 0.05)
    p = (q + 0.2 * torch.randn((6, 50), generator=generator)).clamp(max=0.0)
    q, p = q.bfloat16(), p.bfloat16()
    a = torch.randn((6, 1), generator=generator)
    given = {"eps_low": 0.2, "eps_high": 0.2} if name == "minpro" else {}
    half = RULES[name](TokenBatch(q, p, a), **given)
    single = RULES[name](TokenBatch(q.float(), p.float(), a), **given)
    assert torch.equal(half.reason, single.reason)
    assert torch.equal(half.g, single.g)
    assert half.g.dtype in (torch.float32, torch.float64)


# --- one graph --------------------------------------------------------------------------------------------


def data(b: int = 3, t: int = 40) -> tuple[Any, ...]:
    """log q, log p, A, mask with holes and padding."""
    generator = torch.Generator().manual_seed(7)
    q = torch.log(torch.rand((b, t), generator=generator) * 0.9 + 0.05)
    p = (q + 0.3 * torch.randn((b, t), generator=generator)).clamp(max=0.0)
    mask = torch.rand((b, t), generator=generator) < 0.8
    mask[1, t // 2 :] = False
    return q, p, torch.randn((b, 1), generator=generator), mask


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "soft": {"gate": inverse_gate},
    "adaptive": {"budget": schedules.adaptive},
    "no budget": {"delta_b": inf},
    "KL, horizon": {"divergence": kl, "weights": schedules.Linear(horizon=60)},
    "shuffled": {"weights": schedules.Shuffled(3)},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_compile_traces_cppo_in_one_graph(variant, where):
    given = VARIANTS[variant]

    def inside(q: Any, p: Any, a: Any, mask: Any) -> tuple[Any, ...]:
        found = cppo(TokenBatch(q, p, a, mask), **given)
        return found.g, found.keep, found.reason

    def outside(b: TokenBatch) -> tuple[Any, ...]:
        found = cppo(b, **given)
        return found.g, found.keep, found.reason

    columns = data()
    expected = inside(*columns)
    torch._dynamo.reset()
    if where == "inside":
        found = torch.compile(inside, fullgraph=True, backend="eager")(*columns)
    else:
        found = torch.compile(outside, fullgraph=True, backend="eager")(TokenBatch(*columns))
    assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))


def test_compile_traces_a_packed_batch():
    q, p, a, mask = data()
    lengths = [40, 40, 40]
    flat = (q.flatten(), p.flatten(), a.flatten(), mask.flatten())
    b = TokenBatch(*flat, lengths=lengths)
    expected = cppo(TokenBatch(q, p, a, mask)).g.flatten()
    torch._dynamo.reset()
    found = torch.compile(lambda b: cppo(b).g, fullgraph=True, backend="eager")(b)
    assert torch.equal(found, expected)


def test_top_k_tables_and_devices_of_new_arrays():
    """Tables as tensors; the arrays a batch makes itself are on the device of its data."""
    q, p, a, mask = data()
    q, p = q.double(), p.double().clamp(max=-1e-3)
    listed = [torch.stack([x, torch.log1p(-x.exp())], dim=-1) for x in (q, p)]
    whole = TokenBatch(q, p, a, mask, source=TopK(*listed))
    binary = TokenBatch(q, p, a, mask, source=Binary())
    assert whole.tv.numpy() == pytest.approx(binary.tv.numpy(), abs=ROUNDING)
    assert binary.position.device == binary.count.device == q.device


# --- g_t A_t is the derivative of the objective by log pi -------------------------------------------------


def rollout(seed: int, b: int = 4, t: int = 9) -> dict[str, Any]:
    """Float64 tokens with one advantage per response, of both signs."""
    rng = np.random.default_rng(seed)
    q = np.log(rng.uniform(0.05, 0.95, (b, t)))
    o = np.minimum(q + rng.normal(0, 0.1, q.shape), -1e-3)
    p = np.minimum(o + rng.normal(0, 0.3, q.shape), -1e-3)
    a = np.array([1.5, -1.0, 0.7, -0.4])[:, None] * np.ones((b, t))
    mask = rng.random((b, t)) < 0.85
    mask[:, 0] = True
    return {"q": tensor(q), "o": tensor(o), "p": tensor(p), "a": tensor(a), "mask": tensor(mask)}


def clipped(r: Any, a: Any, low: float, high: float, dual: float = inf) -> Any:
    """PPO's pessimistic objective, with the dual clip where A < 0."""
    pessimistic = torch.minimum(r * a, r.clamp(low, high) * a)
    return torch.where(a < 0, torch.maximum(pessimistic, dual * a), pessimistic)


def mean(x: Any, mask: Any) -> Any:
    return (x * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)


def sequential_mask(d: Any, toward: Any, mask: Any, delta: float, delta_b: float, w_min: float) -> Any:
    """Algorithm 1 with running sums S and W."""
    keep = torch.ones_like(mask)
    for i in range(d.shape[0]):
        last, total, weight = int(mask[i].nonzero()[-1]) + 1, 0.0, 0.0
        for t in range(last):
            if not mask[i, t]:
                continue
            w = 1 - (1 - w_min) * t / max(last - 1, 1)
            z = w * float(d[i, t])
            keep[i, t] = bool(toward[i, t]) or z <= min(delta, delta + delta_b * weight - total)
            total, weight = total + z, weight + w
    return keep


def objective(name: str, x: dict[str, Any]) -> Any:  # noqa: PLR0912, PLR0915 - one case per rule
    """Objective per token, as trainers write it, to be summed over the valid tokens; detached masks."""
    p, q, o, a, mask = (x[key] for key in ("p", "q", "o", "a", "mask"))
    r, rho, correction = (p - q).exp(), (p - o).exp(), (o - q).exp()
    d = (p.exp() - q.exp()).abs().detach()
    toward = a * (r.detach() - 1) <= 0
    plain = clipped(rho, a, 0.8, 1.2)
    whole = (mask * (o - q)).sum(-1, keepdim=True).exp()
    match name:
        case "pg-is":
            return r * a
        case "ppo":
            return clipped(rho, a, 0.8, 1.2, 1.5)
        case "cispo":
            return rho.detach().clamp(max=1.28) * a * p
        case "dppo":
            return (toward | (d <= 0.05)) * r * a
        case "cppo":
            return sequential_mask(d, toward, mask, 0.1, 0.02, 0.8) * r * a
        case "ipo":
            return (d <= 0.1) * r * a
        case "ratio-window":
            return ((r > 0.8) & (r < 1.3)).detach() * r * a
        case "minpro":
            rows = torch.where(mask, rho, torch.inf).detach()
            before = torch.cat([torch.full_like(rows[:, :1], torch.inf), rows[:, :-1].cummin(-1).values], -1)
            before = torch.where(before == torch.inf, 1.0, before)
            return (rho.detach() * before).clamp(0.8, 1.3) * a * p
        case "gspo":
            s = mean(p - o, mask).exp()
            return torch.minimum(s * a, s.clamp(0.95, 1.1) * a)
        case "gmpo":
            sign = a.sign()
            low = torch.minimum(sign * (p - o), sign * (p - o).clamp(-0.2, 0.2))
            return mean(sign * low, mask).exp() * a
        case "sapo":
            tau = torch.where(a > 0, torch.ones_like(a), 1.05)
            return 4 / tau * torch.sigmoid(tau * (rho - 1)) * a
        case "drpo":
            return a * (r - a.sign() * (p.exp() - q.exp()) ** 2 / (2 * 0.3 * q.exp()))
        case "spo":
            return a * (r - a.sign() * (r - 1) ** 2 / (2 * 0.3))
        case "icepop":
            return correction * ((correction >= 0.9) & (correction <= 1.1)) * plain
        case "tis":
            return correction.clamp(max=1.05) * plain
        case "seq-tis":
            return whole.clamp(max=1.1) * plain
        case "seq-mis":
            return whole * (whole <= 1.1) * plain
        case "geometric-mis":
            inside = mean(o - q, mask).exp()
            return ((inside >= 0.98) & (inside <= 1.05)) * plain
        case "trm-max":
            return (((p - q).detach() ** 2 / 2 * mask).amax(-1, keepdim=True) <= 0.2) * r * a
        case "fipo":
            steps = torch.where(mask & (rho <= 1.5), p - o, 0.0).detach()
            ahead = torch.zeros_like(steps)
            rest = torch.zeros_like(steps[:, 0])
            for t in reversed(range(steps.shape[1])):
                rest = steps[:, t] + 2 ** (-1 / 32) * rest
                ahead[:, t] = rest
            factor = ahead.exp().clamp(1.0, 1.2)
            factor = torch.where((a < 0) & (rho.detach() > 1.3), factor.clamp(0.8, 1.0), factor)
            return clipped(rho, a * factor, 0.8, 1.2, 1.5)
    raise AssertionError(name)


OWN: dict[str, dict[str, float]] = {
    "pg-is": {},
    "ppo": {"dual_clip": 1.5},
    "cispo": {},
    "dppo": {"delta": 0.05},
    "cppo": {"delta": 0.1, "delta_b": 0.02},
    "ipo": {},
    "ratio-window": {"low": 0.8, "high": 1.3},
    "minpro": {"eps_low": 0.2, "eps_high": 0.3},
    "gspo": {"eps_low": 0.05, "eps_high": 0.1},
    "gmpo": {"eps_low": 0.2, "eps_high": 0.2},
    "sapo": {},
    "drpo": {"eps": 0.3},
    "spo": {"eps": 0.3},
    "icepop": {"low": 0.9, "high": 1.1},
    "tis": {"cap": 1.05},
    "seq-tis": {"cap": 1.1},
    "seq-mis": {"cap": 1.1},
    "geometric-mis": {"low": 0.98, "high": 1.05},
    "trm-max": {"delta": 0.2},
    "fipo": {"dual_clip": 1.5, "safe": 1.3},
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("seed", range(3))
def test_g_is_the_derivative_of_the_objective(name, seed):
    """g_t A_t = d (sum of objectives) / d log pi(y_t|s_t), away from kinks (random data meet none)."""
    x = rollout(seed)
    x["p"].requires_grad_()
    total = torch.where(x["mask"], objective(name, x), 0.0).sum()
    total.backward()
    b = TokenBatch(x["q"], x["p"].detach(), x["a"], x["mask"], x["o"])
    found = RULES[name](b, **OWN[name]).g * x["a"]
    derivative: Callable[[], Any] = x["p"].grad.numpy
    assert found.numpy() == pytest.approx(derivative(), rel=RELATIVE, abs=ROUNDING)
