"""What users may rely on: the public names, their signatures, and an import without heavy packages."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cppo_theory as ct
from cppo_theory import claims

ROOT = Path(__file__).parent.parent
HEAVY = ("gymnasium", "matplotlib", "tyro", "rich", "scipy", "sympy", "torch")

NAMES = {
    ct: """Automaton CLAIMS Claim Constraints InputError Instance Kernel PrefixTree Status Task Values
        Verdict __version__ bounds check check_batch evaluate from_gymnasium jump_family masked_tree policy
        rules schedules task weights Threshold TokenBatch""",
    claims: """CLAIMS Case Claim Hypothesis Outcome Status Verdict check check_batch decide select
        verdict_of""",
}

SIGNATURES = {
    "Automaton": "(next, horizon, final_states=None)",
    "Constraints": "(weights, thresholds=None, delta_b=None)",
    "Constraints.schedule": "(horizon, delta=None, delta_b=None, w_min=1)",
    "InputError": "(field, found, remedy)",
    "Instance": "(space, initial, mu, pi, reward=None, step_reward=None, constraints=None, name='')",
    "Instance.load": "(path)",
    "Instance.save": "(self, path)",
    "Instance.element": "(self, *index)",
    "Instance.in_floats": "(self)",
    "Instance.in_fractions": "(self)",
    "Kernel": "(next, prob, horizon, final_states=None)",
    "PrefixTree": "(actions, horizon, prompts=1, end=())",
    "check": "(instance, claims=None, constraints=None, drop=())",
    "check_batch": "(instance, claims=None, constraints=None, drop=())",
    "evaluate": "(instance, keep=(), weights=None)",
    "from_gymnasium": "(env, horizon=None, policy='uniform', target=None)",
    "jump_family": "(ell, jump)",
    "masked_tree": "(instance, rule='cppo', parameters=None, *, advantage='centred', constraints=None, "
    "end=None)",
    "TokenBatch": "(logp_rollout, logp_current, advantage, mask=None, logp_anchor=None, *, source=None, "
    "lengths=None, key=None, clamp=None, holes=True)",
    "rules.apply": "(chosen, batch, *, check=True, **given)",
    "rules.broken": "(chosen, *, batches=20, seed=0, **given)",
    "rules.cppo": "(b, delta=0.15, delta_b=0.015, w_min=0.8, *, weights=linear, budget=fixed, gate=None, "
    "divergence=tv)",
    "rules.dppo": "(b, delta=0.15, divergence=tv)",
    "rules.explain": "(chosen, b, **given)",
    "rules.metrics": "(b, decision, account)",
    "rules.rule": "(name)",
    "schedules.linear": "(b, w_min)",
    "weights.linear_weights": "(horizon, w_min)",
    "weights.uniform_weights": "(horizon)",
    "bounds.lam": "(reward_bound, horizon, ell_max)",
    "bounds.suffix_union": "(ell)",
    "bounds.suffix_product": "(ell)",
    "bounds.prop_4": "(reward_bound, expected_tv, ell)",
    "bounds.eq_4": "(reward_bound, expected_tv, ell_max)",
    "bounds.b9_product": "(reward_bound, expected_tv, ell)",
    "bounds.thm_1": "(reward_bound, horizon, ell_max, delta_b)",
    "bounds.eq_7": "(reward_bound, horizon, delta, delta_b, w_min)",
    "bounds.uniform": "(reward_bound, horizon, ell_max)",
    "bounds.prop_8": "(reward_bound, horizon, ell_max, delta_b, eta, w_1)",
    "bounds.eq_8_slack": "(delta, delta_b, weights)",
    "bounds.eq_18_terminal": "(reward_bound, horizon, ell_max, delta_b)",
    "bounds.b9_closed": "(reward_bound, horizon, delta, delta_b)",
}

VALUES = """value_mu value_pi surrogate residual root_overlap expected_tv ell weights cum_budget delta_b
    reward_bound half_range kept"""
VERDICT = "claim status lhs rhs relation vacuous certifies failed"
CLAIM_IDS = """pdl lemma-2 lemma-3 lemma-3-union prop-4 eq-4 thm-1 eq-7 prop-5 cor-6 cor-7 uniform prop-8
    eq-8-slack eq-18-terminal eq-18-weights b9-product b9-closed b10-abel b11-tv b11-ratio b11-coupling
    b11-averaging b11-abel pinsker mixture half-range"""


def signature(function):
    """Names and defaults of the parameters, without annotations; functions by their names."""
    found = inspect.signature(function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    text = str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", text)


def found_at(path):
    item = ct
    for name in path.split("."):
        item = getattr(item, name)
    return item


@pytest.mark.parametrize("module", NAMES, ids=lambda module: module.__name__)
def test_the_public_names(module):
    assert sorted(module.__all__) == sorted(NAMES[module].split())
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("path", SIGNATURES)
def test_the_signatures(path):
    assert signature(found_at(path)) == SIGNATURES[path]


def test_the_fields_of_results_and_the_ids_of_claims():
    assert list(ct.Values.__dataclass_fields__) == VALUES.split()
    assert list(ct.Verdict.__dataclass_fields__) == VERDICT.split()
    assert list(ct.CLAIMS) == CLAIM_IDS.split()
    assert [status.value for status in ct.Status] == ["holds", "violated", "not applicable"]


def test_every_bound_has_its_signature_here():
    public = {
        name
        for name, item in vars(ct.bounds).items()
        if inspect.isfunction(item) and item.__module__ == "cppo_theory.bounds" and item.__doc__
    }
    helpers = {"weighted_tv", "positions"}
    assert {f"bounds.{name}" for name in public - helpers} == {
        p for p in SIGNATURES if p.startswith("bounds.")
    }


def test_importing_the_package_imports_no_heavy_package():
    program = f"import sys, cppo_theory; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
