"""Wrong parameters and policies of a task: the message names the argument, the finding and the remedy."""

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.tasks import ascend, gradient, sample, task

IMPOSSIBLE = [
    ("passwrd", {}, r"task: found 'passwrd'; did you mean 'password'"),
    ("maze", {}, r"task: found 'maze'; known tasks are password, modular-sum, brackets"),
    ("password", {"lenght": 3}, r"lenght: the task password has no such parameter; it has horizon, actions"),
    ("needle", {"credit": "partial"}, r"credit: the task needle has no such parameter; .*place.*memory"),
    ("password", {"horizon": 1}, r"horizon: found 1; 2\.\.16384 is possible"),
    ("needle", {"horizon": 16_385}, r"horizon: found 16385; 2\.\.16384 is possible"),
    ("needle", {"actions": 1}, r"actions: found 1; 2\.\.64 is possible"),
    ("needle", {"actions": 65}, r"actions: found 65; 2\.\.64 is possible"),
    ("password", {"horizon": 4, "length": 5}, r"length: found 5; 1\.\.4 is possible \(the password must fit"),
    ("password", {"length": 0}, r"length: found 0; 1\.\.16 is possible"),
    ("password", {"prompts": 65}, r"prompts: found 65; 1\.\.64 is possible"),
    ("password", {"credit": "half"}, r'credit: found \'half\'; "none" \(all or nothing\) or "partial"'),
    ("password", {"seed": -1}, r"seed: found -1; 0\.\.9223372036854775807 is possible"),
    ("password", {"memory": -1}, r"memory: found -1; 0\.\.20 is possible"),
    ("modular-sum", {"modulus": 1}, r"modulus: found 1; 2\.\.4096 is possible"),
    (
        "modular-sum",
        {"modulus": 5, "prompts": 6},
        r"prompts: found 6; 1\.\.5 is possible \(there are 5 resid",
    ),
    ("brackets", {"kinds": 5}, r"kinds: found 5; 1\.\.4 is possible"),
    ("brackets", {"depth": 4096}, r"depth: found 4096; 1\.\.4095 is possible"),
    ("brackets", {"kinds": 2, "depth": 12}, r"depth: found 12; 1\.\.11 is possible \(the states are the sta"),
    (
        "brackets",
        {"depth": 3, "prompts": 4},
        r"prompts: found 4; 1\.\.3 is possible \(the prompt must be clo",
    ),
    ("brackets", {"horizon": 3, "prompts": 3}, r"prompts: found 3; 1\.\.2 is possible"),
    ("addition", {"horizon": 2}, r"horizon: found 2; 3\.\.16384 is possible"),
    ("addition", {"actions": 2}, r"actions: found 2; 3\.\.64 is possible"),
    (
        "addition",
        {"horizon": 5, "digits": 4},
        r"digits: found 4; 1\.\.3 is possible \(a sum of 4 digits, a c",
    ),
    (
        "commitment",
        {"horizon": 4, "length": 4},
        r"length: found 4; 1\.\.3 is possible \(the choice and the c",
    ),
    (
        "commitment",
        {"actions": 3, "prompts": 4},
        r"prompts: found 4; 1\.\.3 is possible \(there are 3 sub-ta",
    ),
    ("state-tracking", {"prompts": 7}, r"prompts: found 7; 1\.\.6 is possible \(S3 has six elements\)"),
    ("needle", {"horizon": 5, "place": 6}, r"place: found 6; 1\.\.5 is possible \(positions are 1\.\.T\)"),
    ("needle", {"place": 0}, r"place: found 0; 1\.\.16 is possible"),
    ("stopping", {"actions": 2}, r"actions: found 2; 3\.\.64 is possible"),
    (
        "stopping",
        {"horizon": 4, "length": 4},
        r"length: found 4; 1\.\.3 is possible \(the code and the end t",
    ),
    ("random-automaton", {"states": 4097}, r"states: found 4097; 2\.\.4096 is possible"),
    (
        "random-automaton",
        {"states": 4, "accepting": 4},
        r"accepting: found 4; 1\.\.3 is possible \(of 4 state",
    ),
]
WRONG_TYPES = [
    (["password"], {}, r"task: found \['password'\]; a name is required: password, modular-sum"),
    (None, {}, r"task: found None; a name is required"),
    ("password", {"horizon": "16"}, r"horizon: found '16'; an integer is required"),
    ("password", {"horizon": 16.0}, r"horizon: found 16\.0; an integer is required"),
    ("password", {"actions": True}, r"actions: found True; an integer is required"),
    ("password", {"seed": None}, r"seed: found None; an integer is required"),
    ("addition", {"seed": 1.5}, r"seed: found 1\.5; an integer is required"),
    ("commitment", {"seed": "x"}, r"seed: found 'x'; an integer is required"),
    ("stopping", {"seed": [1]}, r"seed: found \[1\]; an integer is required"),
    ("random-automaton", {"seed": False}, r"seed: found False; an integer is required"),
    ("random-automaton", {"stationary": "no"}, r"stationary: found 'no'; True or False is required"),
    ("brackets", {"kinds": "()"}, r"kinds: found '\(\)'; an integer is required"),
    ("needle", {"place": 2.5}, r"place: found 2\.5; an integer is required"),
]
TOO_LARGE = [
    (
        "password",
        {"horizon": 16_384, "length": 16_384, "credit": "partial"},
        r"length: found an answer of 16384",
    ),
    (
        "addition",
        {"horizon": 16_384, "digits": 9000, "credit": "partial"},
        r"digits: found an answer of 9002",
    ),
    (
        "stopping",
        {"horizon": 16_384, "length": 16_000, "prompts": 64},
        r"length: found 16000, which makes 1,02",
    ),
    (
        "commitment",
        {"horizon": 16_384, "actions": 64, "length": 9000},
        r"length: found 9000, which makes 594,",
    ),
    (
        "random-automaton",
        {"horizon": 16_384, "states": 4096},
        r"states: found 4096 on 16384 levels, which mak",
    ),
    (
        "password",
        {"actions": 64, "memory": 3},
        r"memory: found 3, which makes 3,570,125 states and 228,488,0",
    ),
    (
        "random-automaton",
        {"horizon": 16_384, "memory": 3},
        r"memory: found 3, which makes 2,000 states and 131",
    ),
]


@pytest.mark.parametrize(("name", "given", "message"), IMPOSSIBLE)
def test_impossible_parameters(name, given, message):
    with pytest.raises(ct.InputError, match=f"^{message}"):
        task(name, **given)


@pytest.mark.parametrize(("name", "given", "message"), WRONG_TYPES)
def test_parameters_of_another_type(name, given, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        task(name, **given)


@pytest.mark.parametrize(("name", "given", "message"), TOO_LARGE)
def test_machines_that_would_not_fit_are_not_built(name, given, message):
    with pytest.raises(ct.InputError, match=f"^{message}.*; at most 262,144 and 33,554,432 are possible"):
        task(name, **given)


# --- policies ---------------------------------------------------------------------------------------------

MADE = task("modular-sum", horizon=3, actions=2, modulus=5)
TABLE = np.full((5, 2), 0.5)
WRONG = np.array([[0.5, 0.5]] * 4 + [[0.5, 0.4]])
SHAPES = [
    ([TABLE] * 2, ct.InputError, r": found 2 levels; the horizon 3 needs 3"),
    ([TABLE] * 4, ct.InputError, r": found 4 levels; the horizon 3 needs 3"),
    (
        [TABLE, TABLE[:4], TABLE],
        ct.InputError,
        r"\[1\]: found shape \(4, 2\); the last axes must be \(5, 2\)",
    ),
    ([TABLE, TABLE, np.full((6, 2), 0.5)], ct.InputError, r"\[2\]: found shape \(6, 2\); the last axes"),
    ([np.full((5, 3), 1 / 3)] * 3, ct.InputError, r"\[0\]: found shape \(5, 3\); the last axes must be"),
    (TABLE[:4], ct.InputError, r"\[0\]: found shape \(4, 2\); the last axes must be \(5, 2\)"),
    ([TABLE[0]] * 3, ct.InputError, r"\[0\]: found shape \(2,\); the last axes must be \(5, 2\)"),
    ([TABLE, TABLE * np.nan, TABLE], ct.InputError, r"\[1\]\[0\]\[0\]: found nan; a finite number"),
    (
        np.stack([TABLE] * 3),
        TypeError,
        r": found ndarray of shape \(3, 5, 2\); a list of 3 tables, or one array",
    ),
    (None, TypeError, r": found NoneType of shape \(\); a list of 3 tables"),
    ([TABLE, "uniform", TABLE], TypeError, r"\[1\]"),
]


@pytest.mark.parametrize(("policy", "kind", "message"), SHAPES)
def test_policies_of_the_wrong_shape(policy, kind, message):
    with pytest.raises(kind, match=f"^mu{message}"):
        MADE.instance(policy, [TABLE] * 3)
    with pytest.raises(kind, match=f"^pi{message}"):
        MADE.instance([TABLE] * 3, policy)
    with pytest.raises(kind, match=f"^policy{message}"):
        sample(MADE, policy, 5, np.random.default_rng(0))


def test_rows_that_are_no_distributions():
    message = r"\[1\]\[4\]: the row sums to 0\.9; every row must sum to 1"
    with pytest.raises(ct.InputError, match=f"^mu{message}"):
        MADE.instance([TABLE, WRONG, TABLE], [TABLE] * 3)
    with pytest.raises(ct.InputError, match=f"^policy{message}"):
        sample(MADE, [TABLE, WRONG, TABLE], 5, np.random.default_rng(0))


def test_samples():
    rng = np.random.default_rng(0)
    with pytest.raises(ct.InputError, match=r"^count: found 0; an integer of at least 1"):
        sample(MADE, [TABLE] * 3, 0, rng)
    with pytest.raises(TypeError, match=r"^count: found 2\.5; an integer is required"):
        sample(MADE, [TABLE] * 3, 2.5, rng)
    with pytest.raises(TypeError, match=r"^rng: found 3; a numpy\.random\.Generator is required"):
        sample(MADE, [TABLE] * 3, 2, 3)
    with pytest.raises(ct.InputError, match=r"^policy\[0\]: found shape \(4, 5, 2\); one policy"):
        sample(MADE, [np.stack([TABLE] * 4)] * 3, 2, rng)


@pytest.mark.parametrize(("logits", "kind", "message"), [case for case in SHAPES if case[0] is not None])
def test_logits_of_the_wrong_shape(logits, kind, message):
    given = logits if isinstance(logits, list) else list(logits)
    with pytest.raises((ct.InputError, TypeError), match=r"^logits"):
        gradient(MADE, given if len(given) != 3 or kind is not TypeError else [*given[:2], "uniform"])


def test_steps_and_rates():
    for steps, rate, message in (
        (-1, 1.0, r"steps: found -1; 0\.\."),
        (1, 0.0, r"rate: found 0\.0; a positive number"),
        (1, float("nan"), r"rate: found nan; a positive number"),
        (1, float("inf"), r"rate: found inf; a positive number"),
    ):
        with pytest.raises(ct.InputError, match=f"^{message}"):
            ascend(MADE, [TABLE], steps, rate)
    for steps, rate, message in ((1.0, 1.0, "steps: found 1.0"), (1, "fast", "rate: found 'fast'; a number")):
        with pytest.raises(TypeError, match=f"^{message}"):
            ascend(MADE, [TABLE], steps, rate)
