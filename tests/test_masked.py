"""What a mask leaves of the violations of Eq. (5): definitions, laws, counterexamples, one gradient step.

The oracle writes responses, Algorithm 1 and the shares out per token, in Fractions, from the paper.
"""

import warnings
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory import responses
from cppo_theory.masked import MaskedTree, Shares, masked_tree
from cppo_theory.rules import InertWarning
from tests import convert, oracles, strategies
from tests.oracles_world import reachable_trajectories, total
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction
HALF, QUARTER = F(1, 2), F(1, 4)
OFF_TIES = F(1, 1_000_003)
"""Added to drawn thresholds: no sum of the drawn D meets them, so that floats decide as Fractions do."""

WORLDS = strategies.worlds(64)
ALL_SPACES = st.one_of(WORLDS, strategies.automaton_worlds(64), strategies.kernel_worlds(64))


@st.composite
def rule_settings(draw):
    """delta, delta_b and w_min of CPPO."""
    delta, delta_b = (draw(strategies.unit_fractions(n)) / 2 + OFF_TIES for n in (20, 40))
    return {"delta": delta, "delta_b": delta_b, "w_min": draw(strategies.unit_fractions(10))}


def masked(instance, rule="cppo", given=None, **options) -> MaskedTree:
    """`masked_tree`, silent where pi = mu."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InertWarning)
        return masked_tree(instance, rule, given, **options)


# --- the oracle ---------------------------------------------------------------------------------------------


class Response(NamedTuple):
    """One response: its tokens up to the end token, with D, and the sign of A (r - 1)."""

    path: object
    divergence: list[Fraction]
    away: list[bool]


def linear(length, w_min):
    """Eq. (9)."""
    return [1 - (1 - w_min) / (length - 1) * (t - 1) if length > 1 else F(1) for t in range(1, length + 1)]


def drawn_responses(world):
    """Trajectories of positive mu-probability with A = R - E[R | prompt]."""
    paths, found = reachable_trajectories(world), []
    for y in paths:
        same = [x for x in paths if x.states[0] == y.states[0]]
        mean = total(x.prob_mu * x.total_reward for x in same) / total(x.prob_mu for x in same)
        tokens = [x.action for x in y.steps]
        length = next((t + 1 for t, a in enumerate(tokens) if a in world.end), world.horizon)
        d = [oracles.tv(world.mu[t][y.states[t]], world.pi[t][y.states[t]]) for t in range(length)]
        away = [(y.total_reward - mean) * (rho - 1) > 0 for rho in y.ratios[:length]]
        found.append(Response(y, d, away))
    return found


def algorithm_1(response, delta, delta_b, w_min):
    """Algorithm 1: every token, kept or not, enters S and W."""
    spent = allowed = F(0)
    keep = []
    for d, w, away in zip(
        response.divergence, linear(len(response.divergence), w_min), response.away, strict=True
    ):
        threshold = min(delta, delta + delta_b * allowed - spent)
        keep.append(not away or w * d <= threshold)
        spent, allowed = spent + w * d, allowed + w
    return keep


def shares_by_hand(world, found, kept, setting, remove=False):
    """Token, budget, eq5, eq8 and responses, counted one by one over the tokens of `kept`."""
    delta, delta_b, weights = setting["delta"], setting["delta_b"], linear(world.horizon, setting["w_min"])
    counts, bad = [F(0)] * 4, F(0)
    for response, keep in zip(found, kept, strict=True):
        spent = allowed = F(0)
        any_bad = False
        for t, (d, is_kept) in enumerate(zip(response.divergence, keep, strict=True), start=1):
            w = weights[t - 1]
            z = F(0) if remove and not is_kept else w * d
            cap = min(delta, delta + delta_b * allowed - spent)
            spent, allowed = spent + z, allowed + w
            token, budget = z > delta, t < world.horizon and spent > delta_b * allowed
            for i, flag in enumerate((token, budget, token or budget, z > cap)):
                counts[i] += response.path.prob_mu * (flag and is_kept)
            any_bad |= is_kept and (token or budget)
        bad += response.path.prob_mu * any_bad
    length = total(x.path.prob_mu * len(x.divergence) for x in found)
    return Shares(*(c / length for c in counts), bad)


def padded(rows, horizon, fill):
    return [[*row, *[fill] * (horizon - len(row))] for row in rows]


# --- against the oracle -------------------------------------------------------------------------------------


@given(ALL_SPACES)
def test_the_responses(world):
    found = drawn_responses(world)
    drawn = responses.enumerate_responses(convert.instance(world))
    assert drawn.tokens.tolist() == [[x.action for x in y.path.steps] for y in found]
    assert drawn.states.tolist() == [list(y.path.states[:-1]) for y in found]
    assert drawn.prompts.tolist() == [y.path.states[0] for y in found]
    assert drawn.probability.tolist() == [y.path.prob_mu for y in found]
    assert drawn.returns.tolist() == [y.path.total_reward for y in found]
    assert drawn.mask.tolist() == padded([[True] * len(y.away) for y in found], world.horizon, False)
    assert all(isinstance(x, F) for x in [*drawn.probability, *drawn.returns, *drawn.tv.flat])
    rows = [(y.path, i) for y in found for i in range(world.horizon)]
    ratios = np.exp(drawn.logp_current - drawn.logp_rollout).ravel()
    assert ratios == pytest.approx([float(y.ratios[i]) for y, i in rows], rel=RELATIVE)
    sampled = [float(world.mu[i][y.states[i]][y.steps[i].action]) for y, i in rows]
    assert np.exp(drawn.logp_rollout).ravel() == pytest.approx(sampled, rel=RELATIVE)
    kl = [oracles.kl(world.mu[i][y.states[i]], world.pi[i][y.states[i]]) for y, i in rows]
    assert drawn.kl.ravel() == pytest.approx(kl, rel=RELATIVE, abs=ROUNDING)


@given(ALL_SPACES, rule_settings())
def test_the_mask_is_algorithm_1_and_the_shares_are_exact(world, setting):
    found = drawn_responses(world)
    tree = masked(convert.instance(world), "cppo", setting)
    keep = [algorithm_1(y, **setting) for y in found]
    everything = [[True] * len(y.away) for y in found]
    assert tree.keep.tolist() == padded(keep, world.horizon, False)
    toward = [[not away for away in y.away] for y in found]
    assert tree.toward.tolist() == padded(toward, world.horizon, False)
    assert tree.before == shares_by_hand(world, found, everything, setting)
    assert tree.kept == shares_by_hand(world, found, keep, setting)
    assert tree.kept_sums == shares_by_hand(world, found, keep, setting, remove=True)
    assert all(isinstance(x, F) for x in vars(tree.kept).values())


@given(WORLDS, strategies.unit_fractions())
def test_dppo_is_asked_for_its_threshold_alone(world, delta):
    delta = delta / 2 + OFF_TIES
    found = drawn_responses(world)
    tree = masked(convert.instance(world), "dppo", {"delta": delta})
    keep = [[not a or d <= delta for d, a in zip(y.divergence, y.away, strict=True)] for y in found]
    assert tree.keep.tolist() == padded(keep, world.horizon, False)
    no_budget = {"delta": delta, "delta_b": F(10**9), "w_min": F(1)}
    assert tree.kept == shares_by_hand(world, found, keep, no_budget)
    assert tree.kept.budget == 0


@given(WORLDS, rule_settings())
def test_the_three_spaces_agree(world, setting):
    tree = masked(convert.instance(world), "cppo", setting)
    others = (convert.tree_to_automaton(world), convert.tree_to_kernel(world, [F(1, 3), F(0), F(2, 3)]))
    for other in others:
        found = masked(convert.instance(other), "cppo", setting, end=world.end)
        assert (found.before, found.kept, found.kept_sums) == (tree.before, tree.kept, tree.kept_sums)


@given(ALL_SPACES, rule_settings())
def test_floats_agree_with_fractions(world, setting):
    exact = masked(convert.instance(world), "cppo", setting)
    floats = masked(convert.float_instance(world), "cppo", setting, advantage=exact.advantage)
    assert floats.keep.tolist() == exact.keep.tolist()
    for name in ("before", "kept", "kept_sums"):
        expected = [float(x) for x in vars(getattr(exact, name)).values()]
        found = list(vars(getattr(floats, name)).values())
        assert all(isinstance(x, float) for x in found)
        assert found == pytest.approx(expected, abs=ROUNDING)


# --- laws ---------------------------------------------------------------------------------------------------

ANY_RULE = ("pg-is", "ppo", "dppo", "cppo", "trm-max", "cppo-soft", "sapo", "topr")


@given(WORLDS, rule_settings(), st.sampled_from(ANY_RULE))
def test_what_is_kept_is_part_of_what_was(world, setting, rule):
    instance = convert.instance(world)
    goal = ct.Constraints.schedule(world.horizon, **setting)
    tree = masked(instance, rule, constraints=goal)
    for name in vars(tree.before):
        left = [getattr(shares, name) for shares in (tree.kept_sums, tree.kept, tree.before)]
        assert 0 <= left[0] <= left[1] <= left[2] <= 1
    # a mask moves no policy: what Eq. (5) speaks of is the same without any rule
    assert tree.before == masked(instance, "pg-is", constraints=goal).kept
    holds = {v.claim: v.status for v in ct.check(instance, ["thm-1"], constraints=goal)}
    if tree.before.responses > 0:
        assert holds["thm-1"] is ct.Status.NOT_APPLICABLE


@given(WORLDS, rule_settings())
def test_toward_tokens_pass_and_away_tokens_stop_at_eq_8(world, setting):
    """With A (r - 1) < 0 everywhere nothing is masked; with > 0 what is kept satisfies Eq. (8), not (5)."""
    instance = convert.instance(world)
    found = drawn_responses(world)
    up = padded([[F((r > 1) - (r < 1)) for r in y.path.ratios] for y in found], world.horizon, F(0))
    goal = ct.Constraints.schedule(world.horizon, **setting)
    whole = {**setting, "weights": ct.schedules.Linear(world.horizon)}
    toward = masked(instance, "cppo", whole, constraints=goal, advantage=(-np.array(up)).tolist())
    assert toward.kept == toward.kept_sums == toward.before
    away = masked(instance, "cppo", whole, constraints=goal, advantage=up)
    moved = (away.keep & (np.array(up) != 0)).tolist()  # r = 1 is a tie, hence toward and kept
    moved = [row[: len(y.away)] for row, y in zip(moved, found, strict=True)]
    left = shares_by_hand(world, found, moved, setting)
    assert left.token == left.eq8 == 0


def test_on_the_first_minibatch_the_mask_is_inert():
    rows = [[[QUARTER, F(3, 4)]], [[HALF, HALF]] * 2]
    instance = ct.Instance(ct.PrefixTree(2, 2), [1], rows, rows, [0, 1, 2, 3])
    with pytest.warns(InertWarning):
        tree = masked_tree(instance)
    assert tree.keep.all()
    assert tree.before == Shares(0, 0, 0, 0, 0)


# --- the counterexamples ------------------------------------------------------------------------------------
#
# Minimality, in (T, V, prompts).  V = 1: mu = pi = 1, so D = 0 and nothing is violated.  Hence V = 2, one
# prompt and T = 1 is the least that can violate a token threshold, and there it is violated at a kept token.
# T = 1 has no prefix m in 1..T-1, so no budget, and Delta = 0 (the sum over later tokens is empty): for the
# budget and for Corollary 6 the least is T = 2, V = 2, one prompt.  All numbers are dyadic: the rule's floats
# are exact.

EVEN = [HALF, HALF]
UP = [F(3, 4), QUARTER]  # D = 1/4 against EVEN
SETTING = {"delta": F(1, 8), "delta_b": F(1, 16), "w_min": 1}


def two_tokens(pi, reward, mu=None):
    """T = 2, V = 2, one prompt: rows of pi at s_1, after token 0, after token 1; mu even by default."""
    first, *second = mu or [EVEN] * 3
    return ct.Instance(ct.PrefixTree(2, 2), [1], [[first], second], [pi[:1], pi[1:]], reward)


@pytest.mark.parametrize("horizon", [1, 3])
def test_one_token_of_vocabulary_violates_nothing(horizon):
    rows = [[[1]]] * horizon
    instance = ct.Instance(ct.PrefixTree(1, horizon), [1], rows, rows, [1])
    tree = masked(instance, "cppo", {"delta": 0, "delta_b": 0, "w_min": 1})
    assert tree.before == Shares(0, 0, 0, 0, 0)


def test_the_token_threshold_at_one_token():
    """R prefers token 1, pi token 0: r - 1 = (1/2, -1/2), A = (-1/2, 1/2), both toward, D = 1/4 > 1/8."""
    instance = ct.Instance(ct.PrefixTree(2, 1), [1], [[EVEN]], [[UP]], [0, 1])
    for rule, given_ in (("cppo", SETTING), ("dppo", {"delta": F(1, 8)})):
        tree = masked_tree(instance, rule, given_)
        assert tree.keep.all()
        assert tree.before == tree.kept == tree.kept_sums == Shares(1, 0, 1, 1, 1)


def test_the_budget_at_two_tokens():
    """D_1 = 1/4 > delta_b W_1 at a toward token, D_2 = 0: every violation of the budget remains.

    R depends on token 1 only, so A = (-1/2, -1/2, 1/2, 1/2), and A (r_1 - 1) = -1/4 on every response; the
    half of the tokens that stands at s_1 violates.  Eq. (8) at t = 2: X_1 = 3/16 > 1/8, also there.
    """
    instance = two_tokens([UP, EVEN, EVEN], [0, 0, 1, 1])
    tree = masked_tree(instance, "cppo", SETTING)
    assert tree.toward.all()
    assert tree.keep.all()
    assert tree.before == tree.kept == tree.kept_sums == Shares(HALF, HALF, HALF, 1, 1)


def test_the_slack_of_eq_8_at_two_tokens():
    """Away tokens with delta_b < D_1 = delta: Eqs. (3) and (8) keep them on equality, Eq. (5) is violated."""
    row = [F(5, 8), F(3, 8)]
    instance = two_tokens([row, EVEN, EVEN], [1, 1, 0, 0])
    for rule in ("cppo", "dppo"):
        tree = masked_tree(
            instance, rule, {"delta": F(1, 8)} | (SETTING if rule == "cppo" else {}), constraints=goal()
        )
        assert not tree.toward[:, 0].any()
        assert tree.keep.all()
        assert tree.kept == tree.kept_sums == Shares(0, HALF, HALF, 0, 1)


def goal():
    return ct.Constraints.schedule(2, F(1, 8), F(1, 16))


def test_the_mask_does_not_carry_corollaries_6_and_7():
    """The mask is in force and keeps all; |Delta| = 1/16 is above 4 delta delta_b / w_min = 5/128.

    R = (-1, 0, 1/2, 1/2), J = 0.  (0, 0): r > 1 twice, A < 0; (0, 1): A = 0; (1, .): r_1 < 1, A > 0, r_2 = 1.
    Delta = E[R G], G = -(r_1 - 1)(r_2 - 1) = -1/4 at (0, 0), where R = -1: Delta = 1/4 * 1/4.
    """
    instance = two_tokens([UP, UP, EVEN], [-1, 0, HALF, HALF])
    for w_min in (F(1), F(4, 5)):
        assert masked_tree(instance, "cppo", {**SETTING, "w_min": w_min}).keep.all()
    values = ct.evaluate(instance)
    assert values.residual == F(1, 16)
    assert values.reward_bound == 1
    bounds = [4 * F(1, 8) * F(1, 16) / w for w in (F(1), F(4, 5))]
    assert bounds == [F(1, 32), F(5, 128)]
    assert values.residual > max(bounds)


# --- an exact gradient step ---------------------------------------------------------------------------------


def logit_gaps(instance, tree):
    """Slopes of E_mu sum_t keep_t r_t A_t log pi(y_t|s_t) at s_1, after token 0 and after token 1.

    d/d theta_0 times two, as theta_0 rises and theta_1 falls: a step of size eta multiplies the odds
    pi(0)/pi(1) at every state by exp(eta times its slope).
    """
    gaps = [F(0)] * 3
    for i, tokens in enumerate(tree.tokens.tolist()):
        for t, token in enumerate(tokens):
            state = int(tree.states[i, t])
            mu, pi = instance.mu[t][state], instance.pi[t][state]
            r, score = pi[token] / mu[token], (token == 0) - pi[0]
            coefficient = r if tree.keep[i, t] else F(0)
            assert tree.g[i, t] == pytest.approx(float(coefficient), rel=RELATIVE)
            gaps[t + state] += 2 * tree.probability[i] * coefficient * tree.advantage[i, t] * score
    return gaps


def stepped(rows, gaps, unit, factor):
    """Rows after a step of size log(factor) / unit, where every gap is 0 or `unit`: rational again."""
    assert set(gaps) <= {0, unit}
    odds = [p[0] / p[1] * (factor if gap else 1) for p, gap in zip(rows, gaps, strict=True)]
    return [[o / (1 + o), 1 / (1 + o)] for o in odds]


REWARD = [1, 0, 0, 0]
PER_TOKEN = [[QUARTER, HALF], [QUARTER, -HALF], [-QUARTER, F(0)], [-QUARTER, F(0)]]
"""Q^mu(s_t, y_t) - V^mu(s_t) of that reward under the even mu."""


def test_one_step_from_mu_leaves_the_region():
    """pi = mu satisfies Eq. (5) with D = 0; the mask is inert; one step of size 4 log 3 ends outside."""
    start = two_tokens([EVEN] * 3, REWARD)
    inert = masked(start, "cppo", SETTING)
    assert inert.keep.all()
    assert inert.before.responses == 0
    rows = stepped([EVEN] * 3, logit_gaps(start, inert), QUARTER, 3)
    assert rows == [UP, UP, EVEN]
    after = two_tokens(rows, REWARD)
    # S_1 = 1/4 > 1/16 on every response; D > 1/8 at s_1 and after token 0: three tokens in four
    assert masked_tree(after, "cppo", SETTING).before == Shares(F(3, 4), HALF, F(3, 4), 1, 1)
    # G = -1/4 at (0, 0): Delta = -1/16, above 4 delta delta_b = 1/32
    assert ct.evaluate(after).residual == -F(1, 16)


def test_one_step_from_inside_leaves_the_region_and_the_mask_then_freezes_it():
    """pi with D = 1/8 = delta = delta_b is inside Eq. (5), all tokens are away and kept, and pi moves out.

    The gap at s_1 and after token 0 is pi_0 pi_1 = 15/64 (of E_mu[r A grad log pi] with A = +-1/4, +-1/2).
    From then on every token with A != 0 is masked: the next gradient is 0 and the violation stays for ever.
    """
    equal = {"delta": F(1, 8), "delta_b": F(1, 8), "w_min": 1}
    inside = [[F(5, 8), F(3, 8)], [F(5, 8), F(3, 8)], EVEN]
    start = two_tokens(inside, REWARD)
    tree = masked_tree(start, "cppo", equal, advantage=PER_TOKEN)
    assert tree.before == Shares(0, 0, 0, 0, 0)
    assert tree.keep.all()
    rows = stepped(inside, logit_gaps(start, tree), F(15, 64), F(21, 5))
    assert rows == [[F(7, 8), F(1, 8)], [F(7, 8), F(1, 8)], EVEN]
    after = two_tokens(rows, REWARD)
    frozen = masked_tree(after, "cppo", equal, advantage=PER_TOKEN)
    assert frozen.keep.tolist() == [[False, False], [False, False], [False, True], [False, True]]
    assert frozen.before == Shares(F(3, 4), HALF, F(3, 4), 1, 1)
    assert logit_gaps(after, frozen) == [0, 0, 0]
    # the gradient acts at no violating state of Eq. (5), yet Delta = -(3/4)^2 / 4, above 4 delta delta_b
    assert frozen.kept == Shares(0, 0, 0, QUARTER, 0)
    assert abs(ct.evaluate(after).residual) == F(9, 64) > 4 * F(1, 64)


# --- ties, advantages, constraints --------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [True, False])
def test_ties_do_not_violate(exact):
    """w D = delta, S = delta_b W and Z + X = delta with dyadic weights 1, 1/2 are inside, in both tiers."""
    instance = two_tokens([UP, [F(5, 8), F(3, 8)], EVEN], REWARD)
    instance = instance if exact else instance.in_floats()
    tree = masked_tree(instance, "cppo", {"delta": QUARTER, "delta_b": QUARTER, "w_min": HALF})
    assert tree.keep.all()
    assert tree.before == Shares(0, 0, 0, 0, 0)
    # X_1 = 1/16, Z_2 = 1/8 after token 0: on the threshold 3/16
    on_eq8 = ct.Constraints([HALF, 1], [QUARTER, F(3, 16)], F(1, 8))
    assert masked_tree(instance, "cppo", constraints=on_eq8).before == Shares(0, HALF, HALF, 0, 1)


def two_prompts(reward):
    mu = [[[QUARTER, F(3, 4)], EVEN]]
    return ct.Instance(ct.PrefixTree(2, 1, prompts=2), [F(1, 3), F(2, 3)], mu, [[UP, UP]], reward)


def test_advantages_are_per_prompt():
    """Prompt 0: R = (8, 0), mu = (1/4, 3/4): J = 2, deviation sqrt(64 * 3/16) = 2 sqrt 3.  Prompt 1: 4, 2."""
    instance = two_prompts([8, 0, 6, 2])
    centred = masked_tree(instance, "cppo")
    assert centred.advantage[:, 0].tolist() == [6, -2, 2, -2]
    relative = masked_tree(instance, "cppo", advantage="group-relative").advantage[:, 0]
    assert relative == pytest.approx([3**0.5, -(3**-0.5), 1, -1], rel=RELATIVE)
    given_ = masked_tree(instance, "cppo", advantage=[1, 2, 3, 4])
    assert given_.advantage.tolist() == [[1], [2], [3], [4]]
    assert given_.probability.tolist() == [F(1, 12), QUARTER, F(1, 3), F(1, 3)]


def test_a_constant_return_has_no_advantage_in_floats():
    mu, pi = [[[0.1, 0.2, 0.7]]], [[[0.3, 0.3, 0.4]]]
    instance = ct.Instance(ct.PrefixTree(3, 1), [1.0], mu, pi, [0.3, 0.3, 0.3])
    for advantage in ("centred", "group-relative"):
        assert not masked_tree(instance, "dppo", advantage=advantage).advantage.any()


def test_which_constraints_are_counted_against():
    instance = two_tokens([UP, UP, EVEN], REWARD)
    own = ct.Constraints.schedule(2, F(1), F(1))
    both = ct.Instance(instance.space, [1], instance.mu, instance.pi, REWARD, constraints=own)
    assert masked_tree(both, "ppo").before == Shares(0, 0, 0, 0, 0)
    assert masked_tree(both, "cppo", SETTING).before.budget == HALF
    assert masked_tree(both, "cppo", SETTING, constraints=own).before.budget == 0
    asked = masked_tree(both, "cppo").constraints
    assert asked.weights.tolist() == [1.0, 0.8]
    assert (asked.thresholds.tolist(), asked.delta_b) == ([0.15, 0.15], 0.015)
    free = masked_tree(both, "cppo", {"delta_b": float("inf"), "delta": F(1, 8), "w_min": 1})
    assert free.before == Shares(F(3, 4), 0, F(3, 4), F(3, 4), 1)
    assert masked_tree(both, "cppo", {"weights": ct.schedules.uniform}).constraints is own


def test_a_kl_rule_is_counted_in_total_variation():
    """KL(EVEN || UP) = log(2/sqrt 3) = .144 > .1: the whole response is rejected, toward or not."""
    instance = two_tokens([UP, EVEN, EVEN], [0, 0, 1, 1])
    tree = masked_tree(instance, "trm-max", {"delta": 0.1}, constraints=goal())
    assert not tree.keep.any()
    assert (tree.reason == 3).all()
    assert tree.kept == Shares(0, 0, 0, 0, 0)
    assert tree.before == Shares(HALF, HALF, HALF, 1, 1)


def test_end_tokens_on_an_automaton():
    """Token 1 ends: |y| is 1 or 2, E|y| = 3/2, and D = 1/4 > 1/8 at both states."""
    stop = [F(0), F(1)]
    machine = ct.Automaton([[[0, 1]], [[0, 0], [1, 1]]], 2)
    tables = [[EVEN], [EVEN, stop]], [[UP], [UP, stop]]
    instance = ct.Instance(machine, [1], *tables, [0, 1])
    tree = masked_tree(instance, "dppo", {"delta": F(1, 8)}, end=[1])
    assert tree.mask.tolist() == [[True, True], [True, True], [True, False]]
    assert tree.reason[2, 1] == 5
    assert tree.before == Shares(1, 0, 1, 1, 1)
    assert masked_tree(instance, "dppo", {"delta": F(1, 8)}).before.token == F(3, 4)
    with pytest.raises(ct.InputError, match="end: found several tokens after an end token at level 1"):
        masked_tree(instance, end=[0])


def test_rewards_of_successors():
    """One token, two successors of chance 1/4 and 3/4: two responses, R = 4 + 10 and 8 + 20, J = 49/2."""
    kernel = ct.Kernel([[[[0, 1]]]], [[[[QUARTER, F(3, 4)]]]], 1)
    instance = ct.Instance(kernel, [1], [[[1]]], [[[1]]], [10, 20], step_reward=[[[[4, 8]]]])
    drawn = responses.enumerate_responses(instance)
    assert drawn.probability.tolist() == [QUARTER, F(3, 4)]
    assert drawn.returns.tolist() == [14, 28]
    assert drawn.tokens.tolist() == [[0], [0]]
    assert masked(instance).advantage.tolist() == [[-F(21, 2)], [F(7, 2)]]


# --- what is refused ----------------------------------------------------------------------------------------

BASIC = two_tokens([UP, UP, EVEN], REWARD)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "ppo"}, "constraints: found none, and ppo with these parameters prescribes none"),
        ({"parameters": {"divergence": ct.rules.kl}}, "constraints: found none, and cppo"),
        ({"constraints": ct.Constraints.measured(3)}, "constraints.weights: found 3 weights"),
        ({"advantage": "relative"}, "advantage: found 'relative'; known are centred, group-relative"),
        ({"advantage": [1, 2]}, r"advantage: found shape \(2,\); 4 responses of 2 positions"),
        ({"rule": "cpo"}, "did you mean 'cppo'"),
        ({"parameters": {"delt": 1}, "constraints": goal()}, "cppo has no parameter delt"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        masked_tree(BASIC, **options)


def test_a_batch_and_too_many_responses():
    with pytest.raises(ct.InputError, match="instance: found batch axes"):
        masked_tree(BASIC.batched())
    machine = ct.Automaton(np.zeros((1, 2), dtype=int), 17)
    long = ct.Instance(machine, [1.0], np.array([[0.5, 0.5]]), np.array([[0.4, 0.6]]))
    with pytest.raises(ct.InputError, match=r"found 131,072 responses .* after 17 tokens"):
        masked_tree(long)
