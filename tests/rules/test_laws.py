"""The laws of a rule: every rule of the package keeps them, and a rule that breaks one is told which."""

from dataclasses import replace
from math import fsum, inf, nan

import numpy as np
import pytest

from cppo_theory import schedules
from cppo_theory.rules import RULES, Broken, Floor, Threshold, broken, hard_gate, kl, sapo_gate
from cppo_theory.rules.laws import LAWS, law_names, random_columns

RUNS, PURE, PADDING, ALONE, FORMS, TIES, MONOTONE = law_names()

VARIANTS = {
    "adaptive": {"budget": schedules.adaptive},
    "ceiling 5": {"budget": schedules.Adaptive(5.0)},
    "shuffled": {"weights": schedules.Shuffled(7)},
    "remaining": {"weights": schedules.Remaining()},
    "remaining, no budget": {"weights": schedules.Remaining(), "delta_b": inf},
    "reversed": {"weights": schedules.Reversed()},
    "uniform": {"weights": schedules.uniform},
    "horizon 4": {"weights": schedules.Linear(4)},
    "KL": {"divergence": kl, "delta": 0.1, "delta_b": 0.002},
    "delta_b = inf": {"delta_b": inf},
    "no budget": {"budget": schedules.no_budget},
    "delta_b = 0": {"delta_b": 0.0},
    "delta = 0": {"delta": 0.0},
    "hard gate": {"gate": hard_gate},
    "sapo gate": {"gate": sapo_gate, "budget": schedules.adaptive},
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_of_the_package_breaks_no_law(name):
    assert broken(name) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_of_cppo_breaks_no_law(name):
    assert broken("cppo", **VARIANTS[name]) == []


@pytest.mark.parametrize("name", ["trm-max-avg", "opsm", "tis", "icepop", "seq-mis", "geometric-mis"])
def test_a_base_rule_keeps_the_laws_it_kept(name):
    assert broken(name, base=RULES["cppo"]) == []


def test_the_random_batches_hold_what_the_laws_need():
    drawn = [random_columns(np.random.default_rng((0, i))) for i in range(20)]
    x = {name: np.concatenate([columns[name] for columns in drawn]) for name in drawn[0]}
    mask, a, log_ratio = x["mask"], x["advantage"], x["logp_current"] - x["logp_rollout"]
    assert mask.any(-1).all()
    assert (mask[:, 1:] & ~mask[:, :-1]).any()  # holes
    assert (~mask[:, -1]).any()  # padding
    assert (mask & (log_ratio == 0) & (a != 0)).any()
    assert (mask & (log_ratio > 0) & (a > 0)).any()
    assert (mask & (log_ratio < 0) & (a < 0)).any()
    assert (a == 0).any()
    assert max(x[name].max() for name in x if name.startswith("logp")) <= 0


# --- rules that break one law -----------------------------------------------------------------------------


def returns_nan(b):
    return b.keep(b.ratio * nan)


def keeps_holes(b):
    decision = b.keep(b.ratio)
    return replace(decision, rows_keep=decision.rows_keep | True)


def drops_without_zero(b):
    decision = b.keep(b.ratio, token=b.ratio < 1.5)
    return replace(decision, rows_g=b.spread(b.ratio))


def gives_no_reason(b):
    decision = b.keep(b.ratio, token=b.ratio < 1.5)
    return replace(decision, rows_reason=0 * decision.rows_reason)


def modifies_its_input(b):
    np.minimum(b.raw("logp_current"), -0.01, out=b.raw("logp_current"))
    return b.keep(b.ratio)


def reads_padding(b):
    return b.keep(b.ratio + np.isnan(b.raw("advantage")).any())


def uses_the_batch_mean(b):
    return b.keep(b.ratio * fsum(b.ratio[b.mask]))


def knows_the_order(b):
    return b.keep(b.ratio * (1 + np.arange(b.shape[0])[:, None]))


def knows_the_form(b):
    return b.keep(b.ratio * (2 if type(b.layout).__name__ == "Packed" else 1))


def drops_ties(b):
    return b.keep(b.ratio, token=b.advantage * (b.ratio - 1) < 0)


def drops_zero_advantages(b):
    return b.keep(b.ratio, token=(b.advantage != 0) & b.toward)


def keeps_less_when_larger(b, delta: Threshold = 0.2):
    return b.keep(b.ratio, token=b.toward | (b.tv >= delta))


def keeps_more_when_larger(b, least: Floor = 0.2):
    return b.keep(b.ratio, token=b.toward | (b.tv <= least))


BAD = {
    returns_nan: RUNS,
    keeps_holes: RUNS,
    drops_without_zero: RUNS,
    gives_no_reason: RUNS,
    modifies_its_input: PURE,
    reads_padding: PADDING,
    uses_the_batch_mean: ALONE,
    knows_the_order: ALONE,
    knows_the_form: FORMS,
    drops_ties: TIES,
    drops_zero_advantages: TIES,
    keeps_less_when_larger: MONOTONE,
    keeps_more_when_larger: MONOTONE,
}
DETAILS = {
    returns_nan: "g is nan at a valid token",
    keeps_holes: "kept at a hole",
    drops_without_zero: "dropped with g not 0",
    gives_no_reason: "reason 0",
    modifies_its_input: "logp_current was modified",
    reads_padding: "three columns of padding",
    uses_the_batch_mean: "neighbours",
    knows_the_order: "order of the responses",
    knows_the_form: "packed form",
    keeps_less_when_larger: "with delta raised from",
    keeps_more_when_larger: "with least lowered from",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda rule: rule.__name__)
def test_a_bad_rule_breaks_its_law_and_no_other(bad):
    found = broken(bad)
    assert [b.law for b in found] == [BAD[bad]]
    assert DETAILS.get(bad, "") in found[0].detail
    assert str(found[0]) == f"{found[0].law}: {found[0].detail}"


def test_a_rule_that_depends_on_the_padded_width():
    found = broken(lambda b: b.keep(b.ratio * b.shape[1]))
    assert PADDING in [b.law for b in found]
    assert {b.law for b in found} <= {PADDING, FORMS}  # a packed batch is only as wide as its longest


def test_a_rule_that_answers_differently_each_time():
    calls = iter(range(10**6))
    found = broken(lambda b: b.keep(b.ratio + next(calls)), batches=1)
    assert Broken(PURE, "asked twice, it answers differently") in found


def test_a_rule_that_raises_is_reported_under_every_law():
    def raises(b):
        raise RuntimeError("no such thing")

    found = broken(raises)
    assert {b.law for b in found} == set(law_names()) - {MONOTONE}  # it has no threshold
    assert {b.detail for b in found} == {"it raised RuntimeError: no such thing"}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (
            lambda b: b.ratio[:, :-1],
            "it raised ValueError: the rule returned shape (5, 8); the tokens have (5, 9)",
        ),
        (lambda b: b.ratio[0, 0], "the tokens have (5, 9)"),
        (lambda b: None, "it raised TypeError: the rule returned NoneType"),
        (lambda b: 1.0, "a Decision (b.keep(...)) or an array is required"),
    ],
)
def test_a_rule_of_another_shape_is_told_so(answer, detail):
    first = broken(answer, batches=1)[0]
    assert first.law == RUNS
    assert detail in first.detail


# --- what may be asked ------------------------------------------------------------------------------------


def test_a_rule_may_return_an_array():
    assert broken(lambda b: b.ratio) == []
    assert broken(lambda b: b.tokens(b.ratio * b.toward)) == []
    assert broken(lambda b: np.ones((1, 1))) == []


def test_a_function_with_a_required_threshold_gets_one():
    def needs(b, delta: Threshold):
        assert delta in (0.1, 0.2, 0.4)
        return b.keep(b.ratio, token=b.toward | (b.tv <= delta))

    assert broken(needs) == []


def test_parameters_and_names_are_passed_on():
    assert [b.law for b in broken("ratio-window", low=1.0)] == [TIES]  # r = 1 lies outside 1 < r
    assert broken("cppo_theory.rules.ratio_clips:pg_is") == []
    with pytest.raises(ValueError, match="did you mean 'cppo'"):
        broken("cpppo")
    with pytest.raises(ValueError, match="dppo has no parameter w_min"):
        broken("dppo", w_min=1.0)


def test_the_seed_chooses_the_batches():
    seen = []

    def looks(b):
        seen.append(b.logp_current[0, 0])
        return b.keep(b.ratio)

    broken(looks, batches=1, seed=1)
    first = seen.copy()
    seen.clear()
    broken(looks, batches=1, seed=2)
    assert first[0] != seen[0]
    assert len(LAWS) + 1 == len(list(law_names()))
