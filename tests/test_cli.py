"""`cppo-theory evaluate` and `claims`: golden numbers, JSON alone on stdout, tables that fit, exit codes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.cli import main
from cppo_theory.cli.terminal import jsonable, number
from tests.tolerances import ROUNDING

ROOT = Path(__file__).parent.parent
DATA = ROOT / "cppo_theory" / "data"
GOLDEN = ("I1_T2V2_state_dependent", "I2_T3V2_jump_family_worst_reward")
BOUNDS = {"b9-product", "prop-4", "eq-4", "uniform", "thm-1"}
"""Claims of the registry for which the golden files give the bound."""


@pytest.fixture
def answer(capsys):
    """Runs a command that has to succeed silently, and returns what it printed."""

    def run(*arguments, code=0, said=""):
        assert main([str(argument) for argument in arguments]) == code
        printed = capsys.readouterr()
        assert printed.err == said
        return json.loads(printed.out) if "--json" in arguments else printed.out

    return run


def golden(name):
    return DATA / f"{name}.instance.json", json.loads((DATA / f"{name}.expected.json").read_text("utf-8"))


def claims_of(answered):
    ids = [claim["id"] for claim in answered["claims"]]
    assert len(ids) == len(set(ids))
    return {claim["id"]: claim for claim in answered["claims"]}


# --- golden values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_quantities_are_reproduced(name, answer):
    path, expected = golden(name)
    found = answer("evaluate", path, "--json")
    assert (found["schema"], found["tier"], found["space"]) == ("cppo-evaluation/1", "exact", "tree")
    del expected["bounds_at_reward_bound_1"]
    assert found["cum_budget"][0] == "0"
    assert found["cum_budget"][-1] == expected.pop("max_path_sum_tv")
    assert found["delta_b"] == expected.pop("delta_b_uniform_weights")
    weighted = answer("evaluate", path, "--json", "--w-min", "4/5")
    assert weighted["delta_b"] == expected.pop("delta_b_linear_weights_0.8")
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_bounds_are_reproduced(name, answer):
    path, expected = golden(name)
    expected = expected["bounds_at_reward_bound_1"]
    found = answer("evaluate", path, "--json")
    claims = claims_of(found)
    assert claims.keys() & expected.keys() >= BOUNDS
    for claim in claims.keys() & expected.keys():
        assert Fraction(claims[claim]["rhs"]) / Fraction(found["reward_bound"]) == Fraction(expected[claim])


def closed_forms():
    forms = json.loads((DATA / "closed_forms.json").read_text("utf-8"))
    for key, values in forms.items():
        if key.startswith("T="):
            horizon, delta = key.removeprefix("T=").split(",delta=")
            yield int(horizon), Fraction(delta), values


@pytest.mark.parametrize(("horizon", "delta", "values"), list(closed_forms()))
def test_the_closed_forms_are_reproduced(horizon, delta, values):
    assert ct.bounds.uniform(1, horizon, delta) == Fraction(values["C_uniform"])
    b9_uniform = Fraction(values["B9_uniform 4d sum(1-q^k)"])  # its budget per token is delta, too
    assert ct.bounds.b9_closed(1, horizon, delta, delta) == b9_uniform
    constant = np.full(horizon, delta, dtype=object)
    assert ct.bounds.b9_product(1, constant, constant) == b9_uniform


# --- evaluate ---------------------------------------------------------------------------------------------


def test_one_entry_per_claim_in_the_order_of_the_registry(answer):
    path, _ = golden(GOLDEN[0])
    found = answer("evaluate", path, "--json")["claims"]
    assert [claim["id"] for claim in found] == list(ct.CLAIMS)
    keys = {"id", "relation", "lhs", "rhs", "applicable", "holds", "vacuous", "certifies", "failed"}
    assert all(claim.keys() == keys for claim in found)
    chosen = answer("evaluate", path, "--json", "--claims", "thm-1, pdl")["claims"]
    assert [claim["id"] for claim in chosen] == ["thm-1", "pdl"]


def test_options_prescribe_the_constraints(answer):
    path, _ = golden(GOLDEN[0])  # T = 2, l = (1/10, 1/5), D_1 = 1/10 on every path
    options = ("--delta", "0.15", "--delta-b", "1/20", "--w-min", "1/2")
    found = answer("evaluate", path, "--json", *options)
    assert found["constraints"] == {
        "weights": ["1", "1/2"],
        "ell": ["3/20", "3/10"],
        "delta": "3/20",
        "delta_b": "1/20",
    }
    thm_1 = claims_of(found)["thm-1"]  # D_1 > delta_b, so the budget fails; 2 T (T - 1) lbar delta_b = 3/50
    assert thm_1 == {
        "id": "thm-1",
        "relation": "<=",
        "lhs": "1/25",
        "rhs": "3/50",
        "applicable": False,
        "holds": None,
        "vacuous": False,
        "certifies": True,
        "failed": ["prefix-budget"],
    }


def test_constraints_of_the_file_are_used_unless_options_are_given(answer, tmp_path):
    path, _ = golden(GOLDEN[0])
    document = json.loads(path.read_text("utf-8"))
    document["constraints"] = {"weights": ["1", "1/3"], "thresholds": ["1/5", "1/5"], "delta_b": "1/7"}
    (tmp_path / "i.json").write_text(json.dumps(document), "utf-8")
    found = answer("evaluate", tmp_path / "i.json", "--json")
    assert found["constraints"] == {
        "weights": ["1", "1/3"],
        "ell": ["1/5", "3/5"],
        "delta": "1/5",
        "delta_b": "1/7",
    }
    assert found["weights"] == ["1", "1/3"]
    assert found["cum_budget"] == ["0", "1/10", "1/6"]  # 1/10, then 1/3 * 1/5 more
    said = "cppo-theory: the constraints of the file are replaced by those of the options\n"
    measured = answer("evaluate", tmp_path / "i.json", "--json", "--w-min", "1", said=said)["constraints"]
    assert (measured["weights"], measured["delta_b"]) == (["1", "1"], "1/10")


def test_a_float_instance_prints_numbers(answer, tmp_path):
    path, expected = golden(GOLDEN[1])
    ct.Instance.load(path).in_floats().save(tmp_path / "floats.json")
    found = answer("evaluate", tmp_path / "floats.json", "--json")
    assert found["tier"] == "float"
    for name in ("value_mu", "surrogate", "residual", "worst_case_residual", "expected_tv", "suffix_tv"):
        assert floats(found[name]) == pytest.approx(floats(expected[name]), rel=0, abs=ROUNDING)
    assert all(type(claim["rhs"]) is float for claim in found["claims"])


def floats(nested):
    """A flat list of floats from nested lists of numbers or rational strings."""
    if isinstance(nested, list):
        return [x for item in nested for x in floats(item)]
    return [float(Fraction(nested))]


def test_a_violated_claim_gives_exit_1(answer, monkeypatch):
    path, _ = golden(GOLDEN[1])
    pdl = ct.CLAIMS["pdl"]
    shifted = replace(pdl, sides=lambda case: (pdl.sides(case)[0], pdl.sides(case)[1] + 1))
    monkeypatch.setitem(ct.CLAIMS, "pdl", shifted)
    found = claims_of(answer("evaluate", path, "--json", code=1))
    assert (found["pdl"]["applicable"], found["pdl"]["holds"]) == (True, False)
    assert [claim for claim, entry in found.items() if entry["holds"] is False] == ["pdl"]
    assert "violated" in answer("evaluate", path, code=1)
    answer("evaluate", path, "--claims", "prop-4")


def test_quantities_per_state_of_a_large_instance_are_left_out(tmp_path, capsys, monkeypatch):
    path, _ = golden(GOLDEN[0])
    levels = {"token_tv", "overlap", "occupancy_mu", "suffix_tv", "kl_mu_pi", "kl_pi_mu"}
    command = sys.modules["cppo_theory.cli.evaluate"]
    monkeypatch.setattr(command, "STATE_LIMIT", 2)  # the instance has 3 states before the last level
    assert main(["evaluate", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "cppo-theory: quantities per state are left out: 3 states (up to 2 are printed)\n"
    small = json.loads(printed.out)
    monkeypatch.setattr(command, "STATE_LIMIT", 3)
    assert main(["evaluate", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out).keys() - small.keys() == levels


def test_an_automaton_has_no_quantities_of_whole_suffixes(answer, tmp_path):
    rows = np.array([[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 3), Fraction(2, 3)]])
    space = ct.Automaton(np.array([[0, 1], [1, 0]]), 12)
    ct.Instance(space, [1, 0], rows, rows[::-1].copy(), [1, -1]).save(tmp_path / "machine.json")
    found = answer("evaluate", tmp_path / "machine.json", "--json")
    assert found["space"] == "automaton"
    assert found.keys() & {"suffix_tv", "worst_case_residual"} == set()
    lemma_3 = claims_of(found)["lemma-3"]
    assert (lemma_3["lhs"], lemma_3["rhs"], lemma_3["applicable"]) == (None, None, False)
    assert lemma_3["failed"] == ["prefix tree"]
    text = answer("evaluate", tmp_path / "machine.json")
    assert "automaton, V = 2, T = 12, exact rationals" in text
    assert "fails prefix tree" in text
    positions = [line.split()[0] for line in text.partition("position")[2].splitlines()[2:12]]
    assert positions == [*"12345678", "...", "12"]


# --- the terminal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("arguments", [("evaluate", "FILE", "--delta-b", "1/20"), ("claims",)])
def test_tables_fit_the_terminal_and_keep_ids_and_numbers_whole(columns, arguments, answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    path, _ = golden(GOLDEN[1])
    text = answer(*(path if word == "FILE" else word for word in arguments))
    body = text.splitlines()[1:]  # the first line is the path of the file
    assert max(map(len, body)) <= columns
    first_words = {line.split()[0] for line in body if line.strip()}
    assert set(ct.CLAIMS) <= first_words
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    if arguments[0] == "evaluate":
        assert ("0.096 = 12/125" in text, "0.135444" in text) == (True, True)
        prop_4 = next(line.split() for line in body if line.startswith("prop-4"))
        with_fractions = "prop-4 holds 0.096 = 12/125 <= 0.12 = 3/25 certifies"
        assert " ".join(prop_4) == (
            with_fractions if columns > 80 else "prop-4 holds 0.096 <= 0.12 certifies"
        )
        assert "fails prefix-budget" in text
        assert "certifies: the bound proves J(pi) > J(mu)" in body


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (Fraction(-3), "-3"),
        (Fraction(1, 3), "0.333333 = 1/3"),
        (Fraction(1, 10**20), "1e-20"),
        (Fraction(10**400 + 1, 2), "5e+399"),
        (0.1, "0.1"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_numbers_for_programs():
    array = np.array([[Fraction(1, 3), Fraction(2)]], dtype=object)
    assert jsonable(array) == [["1/3", "2"]]
    assert jsonable([np.array([0.5, np.inf]), np.float64(2.0), None]) == [[0.5, "inf"], 2.0, None]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_reader_that_stops_early_is_no_error(encoding):
    path, _ = golden(GOLDEN[0])
    program = "import sys; from cppo_theory.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "evaluate", str(path)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# --- claims -----------------------------------------------------------------------------------------------


def test_claims_lists_the_registry(answer):
    listed = answer("claims", "--json")
    assert [claim["id"] for claim in listed] == list(ct.CLAIMS)
    assert answer("claims", "list", "--json") == listed
    for claim in listed:
        assert all(claim[key] for key in ("statement", "formula", "source", "tested_in"))
        assert claim["source"].startswith("arXiv:2606.10968v2, ")
        assert claim["relation"] in ("==", "<=")
        assert claim["relation"] in claim["formula"]
        assert claim["subject"] in ("instance", "setting", "pair", "sequence")
        assert claim["tiers"] == (["float"] if claim["id"] == "pinsker" else ["exact", "float"])
        assert (ROOT / claim["tested_in"]).is_file()
    assert {claim["id"] for claim in listed if claim["needs_tree"]} == {"lemma-3", "lemma-3-union"}


@pytest.mark.parametrize("claim", list(ct.CLAIMS))
def test_claims_shows_one(claim, answer):
    shown = answer("claims", "show", claim, "--json")
    assert shown in answer("claims", "--json")
    text = answer("claims", "show", claim)
    words = [shown[key] for key in ("id", "statement", "formula", "source", "subject", "tested_in")]
    words += [item for hypothesis in shown["hypotheses"] for item in hypothesis.values()]
    assert [word for word in words if word not in text] == []
    assert ("hypotheses  none" in text) == (shown["hypotheses"] == [])
