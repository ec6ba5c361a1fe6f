"""Numbers at the edge of float64, and forms of files that the schema allows without saying so."""

import json
from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.cli import main

TINY = {
    "schema": "cppo-instance/1",
    "actions": 2,
    "horizon": 3,
    "initial": [1],
    "mu": [[[1e-300, 1.0]] * n for n in (1, 2, 4)],
    "pi": [[[0.5, 0.5]] * n for n in (1, 2, 4)],
    "reward": [1, -1, 1, -1, 0.5, 0, 1, 1],
}
COIN = {
    "schema": "cppo-instance/1",
    "actions": 2,
    "horizon": 1,
    "initial": [1],
    "mu": [[["1/2", "1/2"]]],
    "pi": [[["1/3", "2/3"]]],
    "reward": [1, 0],
}


def evaluated(document, tmp_path, capsys, *options):
    path = tmp_path / "instance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    code = main(["evaluate", str(path), "--json", *options])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reward": [8e307, -8e307] * 4},
        {"reward": [1.7e308, -1.7e308] * 4},
        {"mu": [[[5e-324, 1.0]] * n for n in (1, 2, 4)]},
    ],
    ids=["tiny mu", "large rewards", "largest rewards", "subnormal mu"],
)
def test_an_overflow_is_no_violation(changes, tmp_path, capsys):
    code, out, err = evaluated({**TINY, **changes}, tmp_path, capsys)
    assert (code, err) == (0, "")
    undecided = [
        claim for claim in json.loads(out)["claims"] if "within the range of floats" in claim["failed"]
    ]
    assert undecided
    assert not any(claim["applicable"] for claim in undecided)


def test_extreme_weights(tmp_path, capsys):
    code, _, err = evaluated(
        {**TINY, "mu": TINY["pi"], "constraints": {"weights": [1e-300, 1e300, 1.0]}}, tmp_path, capsys
    )
    assert (code, err) == (0, "")


def test_a_number_beyond_floats_beside_a_float(tmp_path, capsys):
    code, out, err = evaluated({**COIN, "reward": [10**400, 0.5]}, tmp_path, capsys)
    assert (code, out) == (3, "")
    assert "reward[0]: found a number beyond the range of floats" in err


def test_rows_within_their_tolerance_do_not_violate_an_identity():
    off = np.array([[0.3 + 9e-13, 0.7], [0.6, 0.4 - 9e-13]])
    near = np.array([[0.5, 0.5 + 9e-13], [0.2 - 9e-13, 0.8]])
    space = ct.Automaton(np.array([[0, 1], [1, 0]]), 2000)
    instance = ct.Instance(space, np.array([1.0, 0.0]), [off] * 2000, [near] * 2000, np.array([1.0, -0.5]))
    assert {verdict.status for verdict in ct.check(instance, ["pdl", "lemma-2"])} == {"holds"}


def test_one_table_may_serve_levels_of_equal_size_before_another_number_of_final_states(tmp_path, capsys):
    document = {
        **COIN,
        "horizon": 2,
        "space": {"kind": "automaton", "next": [[[0, 1], [1, 0]], [[0, 2], [1, 0]]]},
        "initial": [1, 0],
        "mu": {"stationary": [["1/2", "1/2"], ["1/4", "3/4"]]},
        "pi": {"stationary": [["1/3", "2/3"], ["1/2", "1/2"]]},
        "reward": [0, 1, 2],
    }
    code, out, _ = evaluated(document, tmp_path, capsys)
    # tokens 00 -> 0, 01 -> 2, 10 -> 1, 11 -> 0:
    # J(mu) = 1/2 (1/2 2) + 1/2 (1/4 1), J(pi) = 1/3 (2/3 2) + 2/3 (1/2 1)
    assert (code, json.loads(out)["value_mu"], json.loads(out)["value_pi"]) == (0, "5/8", "7/9")
    tree = {**COIN, "mu": {"stationary": [["1/2", "1/2"]]}}
    assert json.loads(evaluated(tree, tmp_path, capsys)[1])["value_mu"] == "1/2"


KERNEL = {
    **COIN,
    "horizon": 2,
    "initial": [1, 0],
    "mu": {"stationary": [["1/2", "1/2"]] * 2},
    "pi": {"stationary": [["1/3", "2/3"]] * 2},
    "reward": [0, 1],
}
NEXT = [[[0, -1], [0, 1]], [[1, -1], [0, 1]]]
PROB = [[[1, 0], ["1/4", "3/4"]], [[1, 0], ["1/2", "1/2"]]]


@pytest.mark.parametrize(
    "space",
    [
        {"next": NEXT, "prob": PROB},
        {"next": NEXT, "prob": [PROB, PROB]},
        {"next": [NEXT, NEXT], "prob": PROB},
        {"next": {"stationary": NEXT}, "prob": {"stationary": PROB}},
    ],
    ids=["both stationary", "prob per level", "next per level", "named stationary"],
)
def test_a_padded_kernel_in_every_form(space, tmp_path, capsys):
    code, out, _ = evaluated({**KERNEL, "space": {"kind": "kernel", **space}}, tmp_path, capsys)
    # to state 1 in one step: 3/8 from 0; staying in 1: 1/2 + 1/4; J(mu) = 5/8 3/8 + 3/8 3/4
    assert (code, json.loads(out)["value_mu"]) == (0, str(Fraction(33, 64)))


def test_small_courtesies(tmp_path, capsys):
    assert evaluated({**COIN, "space": None}, tmp_path, capsys)[0] == 0
    ids = [
        claim["id"]
        for claim in json.loads(evaluated(COIN, tmp_path, capsys, "--claims", "pdl,pdl")[1])["claims"]
    ]
    assert ids == ["pdl"]
    given = {**COIN, "constraints": {"delta": "1/2"}}
    assert "replaced by those of the options" in evaluated(given, tmp_path, capsys, "--delta", ".25")[2]
    assert (
        json.loads(evaluated(COIN, tmp_path, capsys, "--delta", "25e-2")[1])["constraints"]["delta"] == "1/4"
    )
    assert main(["claims", "list", "thm-1"]) == 2
    assert "did you mean `cppo-theory claims show thm-1`" in capsys.readouterr().err


def test_results_print_short():
    assert repr(ct.jump_family([0, 0], Fraction(1, 2))) == "Instance(tree, V=2, T=2, exact, 'jump family')"
    assert repr(ct.task("needle", horizon=3)) == "Task(needle, horizon=3, actions=4, place=2, prompts=2)"
