"""The metrics of a decision: every one by hand on three responses, sums over batches, soft rules."""

from dataclasses import fields
from math import inf, isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cppo_theory.rules import Metrics, TokenBatch, explain, hard_gate, metrics
from tests.rollout_files import SHORT, THREE
from tests.tolerances import ROUNDING

RULES = ["cppo", "cppo-soft", "dppo", "ppo", "trm-max-avg", "sapo", "icepop", "pg-is"]


def batch_of(documents, **more):
    """Responses of a rollout file as a padded batch, NaN in padding."""
    width = max(len(d["logp_rollout"]) for d in documents)
    shape = (len(documents), width)
    x = {name: np.full(shape, np.nan) for name in ("logp_rollout", "logp_current", "advantage")}
    mask = np.zeros(shape, bool)
    for i, document in enumerate(documents):
        n = len(document["logp_rollout"])
        mask[i, :n] = document["response_mask"]
        for name, column in x.items():
            column[i, :n] = document[name]
    return TokenBatch(**x, mask=mask, **more)


def measured(chosen, batch, **numbers):
    decision, account = explain(chosen, batch, **numbers)
    return metrics(batch, decision, account)


def test_every_metric_by_hand():
    # `tests/rollout_files.py` derives the reasons: kept, hole, budget, kept, token | kept, token | kept.
    found = measured("cppo", batch_of(THREE), **SHORT)
    assert (found.responses, found.tokens, found.scored, found.scored_up) == (3, 7, 6, 4)
    assert (found.by_token, found.by_budget, found.by_sequence, found.by_clip) == (2, 1, 0, 0)
    assert found.masked == 3
    assert found.masked_fraction == 3 / 6
    assert found.masked_fraction_up == 2 / 4  # the first response has A > 0
    assert found.masked_fraction_down == 1 / 2
    assert found.budget_share == 1 / 3
    assert found.toward_share == 2 / 6  # r = 1/2 with A > 0, and the tie; A = 0 is not scored
    # D: 1/4, 1/4, 1/4, 1/2 | 0, 3/8 | 3/4, which the token of A = 0 spends all the same
    assert found.mean_divergence == pytest.approx(2.375 / 7, rel=0, abs=ROUNDING)
    assert found.max_divergence == found.max_weighted == pytest.approx(0.75, rel=0, abs=ROUNDING)
    assert found.mean_weighted == pytest.approx(2.375 / 7, rel=0, abs=ROUNDING)
    assert found.delta_b == 0.125
    assert found.first_masked_position == (3 + 2) / 2  # the hole counts as a position
    assert found.responses_masked == 2
    assert found.sequence_rejection_rate == 0
    # r: 2, 2, 1/2, 3 | 1, 1/4 | 4; exactly 2 and 1/2 are no tails
    assert found.ratio_tails == (2 / 7, 1 / 7)
    assert found.ratios_exactly_one == 1 / 7
    assert found.max_abs_log_ratio == pytest.approx(log(4), rel=0, abs=ROUNDING)
    # sum log r = log 2 + log 2 - log 2 + log 3 + 0 - log 4 + log 4 = log 6; sum (r - 1) = 5.75
    assert found.k1 == pytest.approx(-log(6) / 7, rel=0, abs=ROUNDING)
    assert found.k3 == pytest.approx((5.75 - log(6)) / 7, rel=0, abs=ROUNDING)
    # rejected at 3 and 5 of 5, hence in the tenths (3 - 1) 10 / 5 and 8; at 2 of 2, in the tenth 5
    assert found.histogram == (0, 0, 0, 0, 1, 1, 0, 0, 1, 0)


def test_weights_enter_the_weighted_divergence():
    # T = 5, w_min = 1/2: w = 1, -, 3/4, 5/8, 1/2 on 1/4, 1/4, 1/4, 1/2; T = 2: w = 1, 1/2 on 0, 3/8
    found = measured("cppo", batch_of(THREE[:2]), **{**SHORT, "w_min": 0.5})
    total = (1 + 3 / 4 + 5 / 8) / 4 + 1 / 4 + 3 / 16
    assert found.mean_weighted == pytest.approx(total / 6, rel=0, abs=ROUNDING)
    assert found.max_weighted == pytest.approx(0.25, rel=0, abs=ROUNDING)
    assert found.max_divergence == pytest.approx(0.5, rel=0, abs=ROUNDING)


def test_whole_responses_and_clips():
    def both(b):
        small = b.largest(b.ratio) < 2.5
        return b.keep(b.ratio, sequence=small, clip=b.ratio > 0.5)

    found = measured(both, batch_of(THREE))
    # first: 4 tokens with the sequence; second: r = 1 kept, 1/4 clipped; third rejected, but not scored
    assert (found.by_sequence, found.by_clip, found.by_token, found.by_budget) == (4, 1, 0, 0)
    assert found.sequence_rejection_rate == 1 / 3
    assert found.first_masked_position == (1 + 2) / 2
    assert found.delta_b == inf  # no budget
    assert found.budget_share == 0
    assert found.histogram == (1, 0, 0, 0, 1, 1, 1, 0, 1, 0)


def test_a_response_masked_token_by_token_is_rejected_as_well():
    found = measured(lambda b: b.keep(b.ratio, token=b.ratio < 0), batch_of(THREE))
    assert found.sequence_rejection_rate == 2 / 3  # the third has no scored token


def test_a_soft_rule_masks_by_one_minus_the_gate():
    # x: 1/4 / 1/4 = 1; S / (delta + delta_b W): (1/2) / (1/4 + 1/8) = 4/3; toward; at the last token
    # max(2, (5/4) / (1/4 + 3/8)) = 2; then the tie; max(3/2, 3/8 / 3/8).  Gates 1, 3/4, 1, 1/2 | 1, 2/3.
    found = measured("cppo-soft", batch_of(THREE), **SHORT)
    assert found.masked == 0
    assert found.masked_fraction == pytest.approx((1 / 4 + 1 / 2 + 1 / 3) / 6, rel=0, abs=ROUNDING)
    assert found.masked_fraction_up == pytest.approx((1 / 4 + 1 / 2) / 4, rel=0, abs=ROUNDING)
    assert found.masked_fraction_down == pytest.approx(1 / 3 / 2, rel=0, abs=ROUNDING)
    assert isnan(found.first_masked_position)


def test_a_gate_of_zero_and_one_masks_as_the_hard_rule():
    soft, hard = (measured("cppo", batch_of(THREE), gate=gate, **SHORT) for gate in (hard_gate, None))
    assert (soft.masked_fraction, soft.masked_fraction_up) == (
        hard.masked_fraction,
        hard.masked_fraction_up,
    )


def test_no_token_gives_no_division_by_zero():
    nothing = Metrics()
    assert (nothing.masked_fraction, nothing.mean_divergence, nothing.k1, nothing.delta_b) == (0, 0, 0, 0)
    assert isnan(nothing.first_masked_position)
    found = measured("cppo", batch_of(THREE[2:]))  # A = 0 only
    assert (found.scored, found.masked_fraction, found.masked_fraction_up) == (0, 0, 0)
    assert found.sequence_rejection_rate == 0


def test_a_response_without_a_valid_token_has_no_budget():
    batch = batch_of(THREE)
    batch = batch.with_mask(batch.mask & np.array([[True], [True], [False]]))
    assert measured("cppo", batch, **SHORT).delta_b == pytest.approx(0.125)


PROBABILITIES = st.sampled_from([1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0])
DOCUMENTS = st.lists(
    st.tuples(
        st.lists(st.tuples(PROBABILITIES, PROBABILITIES), min_size=1, max_size=7),
        st.sampled_from([-1.0, 0.0, 2.0]),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda responses: [
        {
            "logp_rollout": [log(q) for q, _ in tokens],
            "logp_current": [log(p) for _, p in tokens],
            "response_mask": [1] * len(tokens),
            "advantage": a,
        }
        for tokens, a in responses
    ]
)


@given(DOCUMENTS, DOCUMENTS, st.sampled_from(RULES))
def test_two_batches_add_up_to_their_union(one, other, name):
    apart = measured(name, batch_of(one)) + measured(name, batch_of(other))
    whole = measured(name, batch_of(one + other))
    for field in fields(Metrics):
        x, y = getattr(apart, field.name), getattr(whole, field.name)
        assert x == (pytest.approx(y, rel=0, abs=ROUNDING) if isinstance(y, float) else y), field.name


@given(DOCUMENTS, st.sampled_from(RULES))
def test_counts_and_shares_fit_together(documents, name):
    found = measured(name, batch_of(documents))
    rejected = found.by_token + found.by_budget + found.by_sequence + found.by_clip
    assert sum(found.histogram) == rejected == found.masked <= found.scored <= found.tokens
    assert 0 <= found.removed_up <= found.scored_up <= found.scored
    if name not in ("cppo-soft", "sapo"):
        assert found.removed == rejected
    assert found.responses_rejected <= found.responses_masked <= found.responses
    assert found.k3 >= 0


@given(DOCUMENTS)
def test_packed_batches_have_the_same_metrics(documents):
    lengths = [len(d["logp_rollout"]) for d in documents]
    flat = {name: np.concatenate([d[name] for d in documents]) for name in ("logp_rollout", "logp_current")}
    a = np.repeat([d["advantage"] for d in documents], lengths)
    assert measured("cppo", TokenBatch(**flat, advantage=a, lengths=lengths)) == measured(
        "cppo", batch_of(documents)
    )
