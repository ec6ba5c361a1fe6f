"""The hunt: worst cases that are known are reached, and what is reported is an exact verdict on a witness."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.cli import main
from cppo_theory.hunt import Budget, evolve, hunt, page
from cppo_theory.hunt.budget import Clock
from cppo_theory.hunt.replay import DIGITS, rational_rows, replay, witness_of
from cppo_theory.hunt.search import BEYOND, UNUSABLE, ScaledCase, Search, strain, with_worst_reward
from cppo_theory.weights import linear_weights, uniform_weights
from tests.tolerances import ROUNDING

F = Fraction
TREE = ct.PrefixTree(2, 3)
SHORT = Budget(evaluations=2500)


def search_of(claim="thm-1", drop=None, space=TREE, weights=None):
    weights = uniform_weights(space.horizon) if weights is None else weights
    return Search(ct.CLAIMS[claim], space, weights, drop)


def population(search, seed=0):
    return evolve.population(search, np.random.default_rng(seed))


# --- known worst cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["prop-4", "eq-4", "uniform", "thm-1"])
def test_attaining_families_are_reached(claim):
    found = hunt(claim, budget=SHORT)
    assert found.verdict.status == "holds"
    assert F(999, 1000) < found.verdict.lhs / found.verdict.rhs <= 1
    assert SHORT.evaluations <= found.evaluations < SHORT.evaluations + 2 * evolve.POPULATION


def test_half_of_the_population_is_the_jump_family():
    search = search_of()
    candidates = population(search)
    mu, pi = search.policies(candidates)
    jumps = [
        all(((p[i, :, 0] >= m[i, :, 0]) & (m[i, :, 0] < 0.33)).all() for m, p in zip(mu, pi, strict=True))
        for i in range(len(candidates))
    ]
    half = len(candidates) // 2
    assert all(jumps[:half])
    assert sum(jumps[half:]) < half / 10
    # In half of them every state has the same jump and the same step.
    same = [np.ptp(p[:half, :, 0], axis=-1) < ROUNDING for p in pi[1:]]
    assert half / 4 < np.logical_and.reduce(same).sum() < 3 * half / 4


def test_without_the_jump_family_the_search_sticks(monkeypatch):
    monkeypatch.setattr(evolve, "jumps", lambda search, rng, count: rng.normal(0, 2, (count, search.logits)))
    assert hunt("uniform", budget=SHORT).ratio < 0.8


@pytest.mark.parametrize(
    ("claim", "drop", "least"),
    [
        ("thm-1", "prefix-budget", 10),
        ("prop-4", "thresholds", 10),
        ("thm-1", "falling-ratio", F(5, 3)),
        ("b9-closed", "falling-product-ratio", F(11, 10)),
        ("prop-5", "linear-schedule", 1),
        ("eq-8-slack", "eq-8", 10),
    ],
)
def test_known_counterexamples_are_found(claim, drop, least):
    found = hunt(claim, drop=drop, budget=SHORT)
    assert found.verdict.status == "violated"
    assert found.ratio >= least
    # The hypothesis that was dropped, and no other, fails.
    (given,) = ct.check(found.witness, [claim])
    assert (given.status, given.failed) == ("not applicable", (drop,))


def test_a_horizon_of_one_has_nothing_to_decide():
    found = hunt("prop-5", ct.PrefixTree(2, 1), budget=Budget(evaluations=200))
    assert (found.verdict.status, found.verdict.failed) == ("not applicable", ("two-tokens",))
    assert hunt("thm-1", ct.PrefixTree(3, 1), budget=Budget(evaluations=200)).ratio == 0


# --- witnesses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim", "drop"), [("thm-1", None), ("eq-7", "prefix-budget"), ("prop-8", None)])
def test_the_witness_is_replayed_exactly(claim, drop, tmp_path, capsys):
    found = hunt(claim, drop=drop, budget=Budget(evaluations=1000))
    assert found.witness.exact
    assert type(found.verdict.lhs) is type(found.verdict.rhs) is F
    found.witness.save(tmp_path / "witness.json")
    assert main(["evaluate", str(tmp_path / "witness.json"), "--json", "--claims", claim]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["claims"]
    assert (F(entry["lhs"]), F(entry["rhs"])) == (found.verdict.lhs, found.verdict.rhs)
    assert entry["failed"] == ([drop] if drop else [])


@pytest.mark.parametrize("digits", DIGITS)
def test_rationalised_rows_sum_to_one_and_keep_their_support(digits):
    search = search_of(space=ct.PrefixTree(3, 3))
    search.best = population(search, 3)[0]
    rows = [table[0] for policy in search.policies(search.best[None]) for table in policy]
    rows.append(np.array([[1e-300, 1e-17, 1.0], [1 / 3, 1 / 3, 1 / 3]]))
    for table in rows:
        exact = rational_rows(table, digits)
        assert (exact.sum(-1) == 1).all()
        assert (exact > 0).all()
        assert abs(exact.astype(float) - table).max() < (1e-3 if digits == 4 else 1e-7)
    # The Instance checks pi << mu, and holds where pi is 0 and mu is not.
    assert witness_of(search, digits).exact
    assert rational_rows(np.array([[0.0, 1.0]]), digits).tolist() == [[0, 1]]


def test_candidates_are_instances():
    search = search_of(space=ct.PrefixTree(3, 2))
    candidates = population(search)
    assert candidates.shape == (evolve.POPULATION, 2 * 4 * 2 + 3)
    # One candidate: logits (2, 0 | 0) in the root of mu, all others 0: (e^2, 1, 1) / (e^2 + 2).
    one = np.zeros((1, search.size))
    one[0, 0] = 2.0
    mu, pi = search.policies(one)
    np.testing.assert_allclose(mu[0][0], np.array([[np.e**2, 1, 1]]) / (np.e**2 + 2), atol=ROUNDING)
    assert mu[1].shape == pi[1].shape == (1, 3, 3)
    np.testing.assert_allclose(pi[0], 1 / 3, atol=ROUNDING)


def test_the_reward_is_the_worst_one():
    space = ct.PrefixTree(2, 2)
    mu = [np.full((1, 2), F(1, 2)), np.full((2, 2), F(1, 2))]
    pi = [np.array([[F(3, 4), F(1, 4)]]), np.array([[F(1), F(0)], [F(1, 2), F(1, 2)]])]
    instance = with_worst_reward(space, mu, pi)
    values = ct.evaluate(instance, ["worst_case_residual"])
    # G = (rho_1 - 1)(1 - rho_2): (1/2)(-1), (1/2)(1), 0, 0 on 00, 01, 10, 11.
    assert instance.reward.tolist() == [-1, 1, 1, 1]
    assert abs(values.residual) == values.worst_case_residual == F(1, 4)


# --- scores -----------------------------------------------------------------------------------------------


def test_constraints_are_multiples_of_the_measured_ones():
    search = search_of("eq-18-terminal")
    candidates = population(search)
    candidates[:, search.logits :] = 0.5  # within the range that stands for 1
    plain, case = ct.claims.Case(search.case(candidates).instance), search.case(candidates)
    for name in ("ell", "delta_b", "terminal_delta_b"):
        np.testing.assert_array_equal(getattr(case, name), getattr(plain, name))
    candidates[:, search.logits :] = [1 + np.log(2), 0, -1 - np.log(4), -1 - np.log(2)]
    case = search.case(candidates)
    measured = plain.values.ell > 1e-6
    scaled = np.where(measured, plain.ell * [2, 1, 1 / 4], case.ell)
    np.testing.assert_allclose(case.ell, scaled, rtol=ROUNDING)
    large = plain.delta_b > 1e-6
    np.testing.assert_allclose(case.delta_b[large], plain.delta_b[large] / 2, rtol=ROUNDING)
    # A prescribed budget is that of every prefix.
    np.testing.assert_array_equal(case.terminal_delta_b[large], case.delta_b[large])


def test_negligible_constraints_stay_as_measured():
    # D_1 = 1e-9 would pass float hypotheses whatever its threshold, and then fail exactly.
    mu = [np.full((1, 1, 2), 0.5), np.full((1, 2, 2), 0.5)]
    pi = [np.array([[[0.5 + 1e-9, 0.5 - 1e-9]]]), np.full((1, 2, 2), [0.75, 0.25])]
    instance = with_worst_reward(ct.PrefixTree(2, 2), mu, pi)
    case = ScaledCase(instance, np.ones(2), np.full((1, 3), 0.5))
    assert case.used.tolist() == [[1, 0.5, 1]]


def test_unusable_candidates_are_never_best():
    search = search_of("thm-1")
    candidates = population(search)
    candidates[:, search.logits :] = [-3.0, 0, 0, 0]  # the first threshold is too small
    scores = search.score(candidates)
    far = search.case(candidates).values.ell[:, 0] > 1e-6
    assert far.any()
    assert (scores[far] == UNUSABLE).all()
    candidates[:, search.logits :] = 0
    scores = search.score(candidates)
    assert (scores >= 0).all()
    assert search.best_score == scores.max()
    assert (search.best == candidates[scores.argmax()]).all()
    search.score(candidates[np.argsort(scores)[:5]])
    assert search.best_score == scores.max()
    assert search.evaluations == 2 * evolve.POPULATION + 5


@pytest.mark.parametrize(
    ("relation", "lhs", "rhs", "expected"),
    [
        ("<=", 3.0, 4.0, 0.75),
        ("<=", -3.0, 4.0, 0.0),
        ("<=", 0.5, -3.0, BEYOND + 3.5),
        ("<=", -4.0, -3.0, 0.0),
        ("<=", 0.5, 0.0, BEYOND + 0.5),
        ("<=", 1e-12, 1e-14, 0.0),  # nothing that float64 could tell
        ("==", 3.0, 5.0, 2.0),
    ],
)
def test_strain(relation, lhs, rhs, expected):
    claim = replace(ct.CLAIMS["thm-1"], relation=relation)
    sides = np.array([lhs]), np.array([rhs])
    outcome = ct.claims.Outcome(claim, *sides, {}, *[np.ones(1, dtype=bool)] * 2, None, None)
    assert strain(outcome).tolist() == [expected]


def test_small_sides_are_left_out():
    # Before they were, float hypotheses (up to 1e-12) let a right side of 1e-15 be exceeded 20 times.
    found = hunt("eq-7", ct.PrefixTree(2, 2), "weights-at-most-1", Budget(evaluations=30_000))
    assert (found.verdict.status, found.ratio > 0.5) == ("holds", True)


def test_longer_numbers_must_pay():
    search = search_of("prop-4")
    search.score(population(search))
    sides = [ct.check(witness_of(search, digits), ["prop-4"])[0] for digits in DIGITS]
    ratios = [side.lhs / side.rhs for side in sides]
    _, verdict = replay(search)
    # The shortest within a millionth of the largest.
    assert max(ratios) <= verdict.lhs / verdict.rhs * F(1_000_001, 10**6)
    near = [max(ratios) <= ratio * F(1_000_001, 10**6) for ratio in ratios]
    assert verdict == sides[near.index(True)]


@pytest.mark.parametrize(("evolving", "smallest_step"), [(1.0, 2.0), (0.01, evolve.SMALLEST_STEP)])
def test_evolution_and_polish_each_improve_on_the_start(evolving, smallest_step, monkeypatch):
    monkeypatch.setattr(evolve, "EVOLVING", evolving)
    monkeypatch.setattr(evolve, "SMALLEST_STEP", smallest_step)
    search = search_of("pinsker")
    start = search_of("pinsker").score(population(search)).max()
    evolve.evolve(search, np.random.default_rng(0), Clock(Budget(evaluations=4000)), 1.0)
    # KL = 2 TV^2 only in a limit: less than a quarter of the distance to it is left.
    assert 1 - search.best_score < (1 - start) / 4


def test_weights_leave_something_to_decide():
    rng, clock = np.random.default_rng(0), Clock(SHORT)

    def weights(drop, index):
        return evolve.open_search(ct.CLAIMS["thm-1"], TREE, drop, rng, clock, index).weights

    firsts = [weights(None, i).tolist() for i in range(3)]
    assert firsts == [[1, 1, 1], linear_weights(3, F(4, 5)).tolist(), [2, 1, 1]]
    for index in range(4):
        rising = weights("falling-ratio", index)
        assert 2 * rising[1] < rising[0]  # lambda_t / w_t = 2 / w_1 < 1 / w_2
        falling = weights(None, index)
        assert 2 * falling[1] >= falling[0]


# --- seeds, budgets, interruption -------------------------------------------------------------------------


def test_seeds_reproduce():
    budget = Budget(evaluations=600)
    first, again, other = (hunt("thm-1", budget=budget, seed=seed) for seed in (1, 1, 2))
    assert (first.verdict, first.evaluations) == (again.verdict, again.evaluations)
    assert all((x == y).all() for x, y in zip(first.witness.mu, again.witness.mu, strict=True))
    assert first.verdict != other.verdict


@pytest.mark.parametrize("when", [1, 5])
def test_an_interruption_keeps_the_best(when):
    calls = []

    def progress(share, best):
        calls.append((share, best))
        if len(calls) == when:
            raise KeyboardInterrupt

    found = hunt("prop-4", budget=Budget(evaluations=10**6), progress=progress)
    assert found.interrupted
    assert len(calls) == when
    assert found.verdict.status == "holds"
    assert found.ratio == pytest.approx(calls[-1][1], rel=1e-3)
    assert not hunt("prop-4", budget=Budget(evaluations=100)).interrupted


def test_an_interruption_before_anything_is_found(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cppo_theory.hunt.run.open_search", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hunt("prop-4", budget=SHORT)


def test_a_search_that_rests_starts_again():
    # Both sides of an identity agree everywhere, so evolution stops at once, long before the budget is used.
    budget = Budget(evaluations=20_000)
    found = hunt("b11-abel", ct.PrefixTree(2, 2), budget=budget)
    assert budget.evaluations <= found.evaluations < budget.evaluations + 3 * evolve.POPULATION


def test_progress_is_a_share():
    shares = []
    hunt("thm-1", budget=SHORT, progress=lambda share, best: shares.append((share, best)))
    assert all(0 < share <= 1 for share, _ in shares)
    assert shares == sorted(shares, key=lambda pair: pair[0])
    assert shares[-1][0] == 1


def test_budgets(monkeypatch):
    assert [Budget.parse(t).seconds for t in ("60s", "2m", "60", " .5s", "1.5m")] == [60, 120, 60, 0.5, 90]
    for text in ("", "s", "-1s", "5h", "1e3", "nan", "inf"):
        with pytest.raises(ct.InputError, match="a time such as 60s"):
            Budget.parse(text)
    for wrong in ({}, {"seconds": 1.0, "evaluations": 1}, {"seconds": 0.0}, {"evaluations": 0}):
        with pytest.raises(ct.InputError):
            Budget(**wrong)
    now = iter([10.0, 11.0, 14.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    clock = Clock(Budget(seconds=4.0))
    assert (clock.share, clock.has_reached(1.0, 0.0)) == (0.25, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"claim": "thm-9"}, "known ids are"),
        ({"claim": "thm-1", "drop": "budget"}, "thm-1 has thresholds, prefix-budget, falling-ratio"),
        ({"claim": "pdl", "drop": "thresholds"}, "pdl has no hypothesis"),
        ({"claim": "thm-1", "space": ct.PrefixTree(2, 13)}, "at most 4096 leaves"),
        ({"claim": "thm-1", "space": ct.PrefixTree(2, 2, prompts=2)}, "one prompt"),
        ({"claim": "thm-1", "space": ct.PrefixTree(2, 2, end=(1,))}, "no end token"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ct.InputError, match=message):
        hunt(**arguments, budget=SHORT)


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_writes_a_witness_and_says_how_to_replay_it(tmp_path, capsys):
    arguments = ["hunt", "thm-1", "--evaluations", "600", "--seed", "3", "--out", str(tmp_path)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # no progress where stderr is no terminal
    found = hunt("thm-1", budget=Budget(evaluations=600), seed=3)
    for text in ("lhs / rhs", page.shown(found.verdict), "holds", "V = 2, T = 3", "per second", "seed"):
        assert text in printed.out
    command = printed.out.partition("replay: cppo-theory ")[2].split("\n")[0].split()
    assert [path.name for path in tmp_path.iterdir()] == ["thm-1.json"]
    assert main([*command, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["claims"]
    assert (F(entry["lhs"]), F(entry["rhs"])) == (found.verdict.lhs, found.verdict.rhs)


def test_exit_codes(tmp_path, capsys, monkeypatch):
    where = ["--out", str(tmp_path), "--horizon", "2", "--evaluations", "300"]
    assert main(["hunt", "thm-1", "--drop", "prefix-budget", *where]) == 0
    assert "violated, without prefix-budget" in capsys.readouterr().out
    assert (tmp_path / "thm-1-without-prefix-budget.json").is_file()
    half = replace(ct.CLAIMS["prop-4"], sides=lambda case: (case.abs_residual, case.expected_tv.sum(-1) * 0))
    monkeypatch.setitem(ct.CLAIMS, "prop-4", half)
    assert main(["hunt", "prop-4", *where]) == 1
    assert "violated" in capsys.readouterr().out


def interrupting(monkeypatch, after):
    """The clock raises KeyboardInterrupt at its n-th look."""
    look, looks = Clock.has_reached, []

    def has_reached(*arguments):
        looks.append(1)
        if len(looks) == after:
            raise KeyboardInterrupt
        return look(*arguments)

    monkeypatch.setattr(Clock, "has_reached", has_reached)


def test_an_interrupted_command_writes_the_best_and_exits_130(tmp_path, capsys, monkeypatch):
    interrupting(monkeypatch, 2)
    assert main(["hunt", "eq-4", "--budget", "2m", "--out", str(tmp_path)]) == 130
    assert "interrupted; the best so far is kept" in capsys.readouterr().err
    assert ct.check(ct.Instance.load(tmp_path / "eq-4.json"), ["eq-4"])[0].status == "holds"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("thm-1 --budget 0s", "--budget: found 0 seconds"),
        ("thm-1 --budget soon", "--budget: found 'soon'"),
        ("thm-1 --evaluations 0", "--evaluations: found 0"),
        ("thm-1 --evaluations 9 --budget 1s", "give one of them"),
        ("thm-9", "thm-9"),
        ("thm-1 --drop budget", "thm-1 has thresholds"),
        ("thm-1 --horizon 100000 --actions 64", "at most 4096 leaves"),
        ("thm-1 --horizon 0", "--horizon: found 0"),
        ("thm-1 --actions 1", "--actions: found 1"),
        ("thm-1 --seed -1", "--seed: found -1"),
        ("thm-1 --table x.md", "--table: found without --all"),
        ("thm-1 --out FILE", "give a directory"),
        ("--all --drop thresholds", "--drop: found with --all"),
        ("thm-1 --all", "the id of one claim, or --all"),
        ("", "the id of one claim, or --all"),
    ],
)
def test_bad_usage(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("")
    assert main(["hunt", *arguments.split()]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert printed.err.count("\n") == 1


# --- the table of docs/tightness.md -----------------------------------------------------------------------

PAGE = Path(__file__).parent.parent / "docs" / "tightness.md"
EMPTY_PAGE = f"above\n\n{page.BEGIN}\nold\n{page.END}\n\nbelow\n"


def rows_of(text):
    """Cells of the table between the markers."""
    table = text.partition(page.BEGIN)[2].partition(page.END)[0].strip().splitlines()
    header, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    assert tuple(header) == page.HEADERS
    assert set(rule) == {"---"}
    return rows


def assert_possible(rows, size="V = 2, T = 3"):
    """One row per claim, in order; no inequality is exceeded, and no equation has a gap."""
    assert [row[0] for row in rows] == list(ct.CLAIMS)
    for claim, kind, found, where, seconds, seed in rows:
        equation = ct.CLAIMS[claim].relation == "=="
        assert kind == ("gap" if equation else "lhs / rhs")
        assert F(found) == 0 if equation else 0 < F(found) <= 1
        assert (where, float(seconds) >= 0, seed.isdigit()) == (size, True, True)


def test_the_page_holds_what_a_hunt_can_find():
    rows = rows_of(PAGE.read_text("utf-8"))
    assert_possible(rows)
    found = {row[0]: F(row[2]) for row in rows}
    assert min(found[claim] for claim in ("prop-4", "eq-4", "uniform", "thm-1")) >= F(999, 1000)


def test_hunt_all_fills_the_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tightness.md").write_text(EMPTY_PAGE)
    assert main(["hunt", "--all", "--evaluations", "100", "--horizon", "2"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "cppo-theory: table written to docs/tightness.md\n"
    text = (tmp_path / "docs" / "tightness.md").read_text("utf-8")
    assert text.startswith(f"above\n\n{page.BEGIN}\n\n| claim |")
    assert text.endswith(f"|\n\n{page.END}\n\nbelow\n")
    assert "old" not in text
    rows = rows_of(text)
    assert_possible(rows, "V = 2, T = 2")
    assert all(cell in printed.out for row in rows for cell in (row[0], row[2]))
    witnesses = {path.stem for path in (tmp_path / "cppo-theory-hunts").iterdir()}
    assert witnesses == set(ct.CLAIMS)


def test_an_interrupted_hunt_of_all_leaves_the_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(EMPTY_PAGE)
    interrupting(monkeypatch, 12)
    arguments = "hunt --all --evaluations 500 --horizon 2 --table page.md"
    assert main(arguments.split()) == 130
    printed = capsys.readouterr()
    assert "interrupted; the page is left as it was" in printed.err
    assert "pdl" in printed.out
    assert (tmp_path / "page.md").read_text() == EMPTY_PAGE
    assert 1 <= len(list((tmp_path / "cppo-theory-hunts").iterdir())) < len(ct.CLAIMS)


@pytest.mark.parametrize("text", ["no markers", page.BEGIN, f"{page.END} {page.BEGIN}", EMPTY_PAGE * 2])
def test_a_page_without_a_place_for_the_table_is_refused(text, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(text)
    assert main(["hunt", "--all", "--table", "page.md", "--evaluations", "1"]) == 3
    assert "found no place for the table" in capsys.readouterr().err
    assert (tmp_path / "page.md").read_text() == text


@pytest.mark.parametrize(
    ("lhs", "rhs", "text"),
    [
        (F(1), F(1), "1"),
        (F(10**9 - 1), F(10**9), "0.999999"),
        (F(5, 6), F(1), "0.833333"),
        (F(3), F(2), "1.5"),
        (F(1, 10**9), F(1), "1.0e-09"),
        (F(0), F(1), "0"),
        (F(1), F(-1), "inf"),
        (0.5, 1.0, "0.5"),
    ],
)
def test_ratios_are_cut_off_not_rounded(lhs, rhs, text):
    (verdict,) = ct.check(ct.jump_family([F(1, 4)] * 2, F(1, 4)), ["thm-1"])
    assert page.shown(replace(verdict, lhs=lhs, rhs=rhs)) == text
