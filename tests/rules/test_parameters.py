"""Numbers that a parameter cannot be, composed rules in the ledger, and sources that differ by measure."""

import math
from functools import partial

import numpy as np
import pytest

from cppo_theory import rules
from cppo_theory.rules import Binary, Measured, PerMeasure, TokenBatch
from cppo_theory.rules.parameters import parameters

ROLLOUT, CURRENT = np.log([[0.5, 0.4, 0.3]]), np.log([[0.7, 0.5, 0.5]])
BATCH = TokenBatch(ROLLOUT, CURRENT, np.array([1.0]))


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({"delta": -0.1}, "a non-negative number is required"),
        ({"delta": math.nan}, "a non-negative number is required"),
        ({"delta_b": -1e-9}, "a non-negative number is required"),
        ({"w_min": 0.0}, r"a number in \(0, 1\] is required"),
        ({"w_min": 1.5}, r"a number in \(0, 1\] is required"),
        ({"w_min": math.nan}, r"a number in \(0, 1\] is required"),
    ],
)
def test_numbers_that_a_parameter_cannot_be(given, required):
    (name, value), *_ = given.items()
    with pytest.raises(ValueError, match=f"^{name}: found {value}; {required}"):
        rules.apply("cppo", BATCH, **given)


def test_limits_that_a_parameter_can_be():
    for given in ({"delta": 0}, {"delta": math.inf}, {"delta_b": math.inf}, {"w_min": 1}, {"w_min": 1e-9}):
        rules.apply("cppo", BATCH, **given)


def test_what_a_signature_declares():
    def mine(b, low: rules.Floor = 0.1, high: rules.Threshold = 0.2, share: rules.Share = 1.0, n: int = 3):
        return b.ratio

    found = parameters(mine)
    assert [(p.direction, p.is_share, p.is_number) for p in found.values()] == [
        (-1, False, True),
        (1, False, True),
        (0, True, True),
        (0, False, True),
    ]


class Called:
    """A rule that is an object."""

    def __call__(self, b, delta: rules.Threshold = 0.3):
        return b.keep(b.ratio, token=b.tv <= delta)


def unresolved(b: "of_type_checkers_alone", delta: "rules.Threshold" = 0.3):  # noqa: F821
    return b.keep(b.ratio, token=b.tv <= delta)


@pytest.mark.parametrize(
    ("rule", "direction"), [(Called(), 1), (partial(rules.dppo, delta=0.3), 1), (unresolved, 0)]
)
def test_rules_that_are_no_plain_functions(rule, direction):
    found = parameters(rule)["delta"]
    assert (found.default, found.direction, found.is_number) == (0.3, direction, True)
    decision, _ = rules.explain(rule, BATCH, delta=0.15)
    assert decision.keep.tolist() == [[False, True, False]]


@pytest.mark.parametrize("base", ["cppo", rules.cppo, rules.rule("cppo").with_parameters(delta_b=0.01)])
def test_the_ledger_of_a_composed_rule_is_that_of_its_base(base):
    chosen = rules.rule(base).with_parameters() if isinstance(base, str) else base
    decision, account = rules.explain("tis", BATCH, base=chosen)
    delta_b = 0.01 if getattr(base, "keywords", {}) else 0.015
    assert (account.delta_b == delta_b).all()
    # w = 1, .9, .8; D = .2, .1, .2: Z_1 = .2 and Z_3 = .16 > .15 (token), c_2 = .15 - (.2 - delta_b) < .09.
    assert decision.reason[0].tolist() == [1, 2, 1]
    assert account.weighted[0].tolist() == pytest.approx([0.2, 0.09, 0.16])
    assert account.threshold[0, 1] == pytest.approx(0.15 - 0.2 + delta_b)


def test_a_source_per_measure():
    exact = np.array([[0.3, 0.2, 0.1]])
    both = PerMeasure(Measured(tv=exact), Binary())
    batch = TokenBatch(ROLLOUT, CURRENT, np.array([1.0]), source=both)
    assert batch.tv.tolist() == exact.tolist()
    assert batch.kl.tolist() == BATCH.kl.tolist()
    assert (both.name, [name for name, *_ in both.columns()]) == ("binary", ["exact.tv"])
    packed = TokenBatch(
        ROLLOUT[0], CURRENT[0], np.array([1.0]), source=PerMeasure(Measured(exact[0]), Binary()), lengths=[3]
    )
    assert packed.tokens(packed.tv).tolist() == exact[0].tolist()
