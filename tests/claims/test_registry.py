"""The registry as a whole: every claim of the paper's list, and what the two calls refuse."""

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.claims import select

IDS = (
    "pdl lemma-2 lemma-3 lemma-3-union prop-4 eq-4 thm-1 eq-7 prop-5 cor-6 cor-7 uniform prop-8 eq-8-slack "
    "eq-18-terminal eq-18-weights b9-product b9-closed b10-abel b11-tv b11-ratio b11-coupling b11-averaging "
    "b11-abel pinsker mixture half-range"
)
COIN = ct.jump_family([0], 0.5)


def test_every_claim_of_the_list_is_registered():
    assert list(ct.CLAIMS) == IDS.split()
    assert all(claim.source.startswith("arXiv:2606.10968v2, ") for claim in ct.CLAIMS.values())
    assert select(["thm-1", "pdl"]) == [ct.CLAIMS["thm-1"], ct.CLAIMS["pdl"]]


def test_unknown_ids_and_hypotheses_are_refused():
    with pytest.raises(ct.InputError, match=r"claims\[1\]: found 'prop-44'; known ids are pdl, "):
        ct.check(COIN, ["prop-4", "prop-44"])
    with pytest.raises(ct.InputError, match=r"drop\[0\]: found the unknown hypothesis 'threshold'; "):
        ct.check(COIN, ["prop-4"], drop=["threshold"])
    with pytest.raises(ct.InputError, match="the claims asked for have none"):
        ct.check(COIN, ["pdl"], drop=["thresholds"])


def test_a_hypothesis_of_one_claim_can_be_dropped_for_all():
    assert len(ct.check(COIN, drop=["prefix-budget"])) == len(ct.CLAIMS)


def test_check_takes_one_instance():
    batch = ct.Instance(COIN.space, COIN.initial, COIN.mu, COIN.pi, np.ones((3, 2)))
    with pytest.raises(ct.InputError, match=r"instance: found batch axes \(3,\); use check_batch"):
        ct.check(batch)
    assert [outcome.holds.shape for outcome in ct.check_batch(batch, ["pdl"])] == [(3,)]
