"""Instance files that are broken at one place, and what a message has to say of each."""

import copy
import json

TREE = {
    "schema": "cppo-instance/1",
    "actions": 2,
    "horizon": 2,
    "initial": ["1"],
    "mu": [[["1/2", "1/2"]], [["3/5", "2/5"], ["1/4", "3/4"]]],
    "pi": [[["3/5", "2/5"]], [["4/5", "1/5"], ["1/4", "3/4"]]],
    "reward": ["1", "-1", "1/2", "0"],
}
AUTOMATON = {
    **TREE,
    "space": {"kind": "automaton", "next": [[[0, 1]], [[0, 1], [1, 2]]]},
    "reward": ["1", "-1", "1/2"],
}
KERNEL = {
    **AUTOMATON,
    "space": {
        "kind": "kernel",
        "next": [[[[0, 1], [1, 1]]], [[[0, 1], [1, 2]], [[2, 0], [2, 2]]]],
        "prob": [
            [[["1/2", "1/2"], ["1", "0"]]],
            [[["1/3", "2/3"], ["1", "0"]], [["1/4", "3/4"], ["0", "1"]]],
        ],
    },
}
GOOD = {"tree": TREE, "automaton": AUTOMATON, "kernel": KERNEL}
TEXT = json.dumps(TREE)
ABSENT = object()
NUMBER = 'a number or a rational string such as "1/3"'


def put(document, *path_and_value):
    """A copy of a document with one item replaced, added or left out."""
    *path, last, value = path_and_value
    document = copy.deepcopy(document)
    inside = document
    for key in path:
        inside = inside[key]
    if value is ABSENT:
        del inside[last]
    else:
        inside[last] = value
    return document


def entry(value):
    """The good tree with one number of mu replaced."""
    return put(TREE, "mu", 1, 0, 0, value)


def constrained(**constraints):
    return {**TREE, "constraints": constraints}


BAD = {  # document, place and finding, words of the remedy
    # numbers
    "row sum": (entry("2/5"), "mu[1][0]: the row sums to 4/5", "every row must sum to 1"),
    "row sum in floats": (put(TREE, "pi", 0, 0, [0.6, 0.5]), "pi[0][0]: the row sums to 1.1", "sum to 1"),
    "law of the prompt": (put(TREE, "initial", ["1/2"]), "initial: the row sums to 1/2", "must sum to 1"),
    "negative": (entry("-1/5"), "mu[1][0][0]: found -1/5", "must not be negative"),
    "NaN": (entry(float("nan")), "mu[1][0][0]: found NaN", "a finite number is required"),
    "infinite": (entry(float("-inf")), "mu[1][0][0]: found -Infinity", "a finite number is required"),
    "overflow": (
        TEXT.replace('"3/5", "2/5"], ["1/4"', '1e999, "2/5"], ["1/4"', 1),
        "mu[1][0][0]: found Infinity",
        "a finite number is required",
    ),
    "zero denominator": (entry("1/0"), 'mu[1][0][0]: found "1/0"', "the denominator must not be 0"),
    "word": (entry("abc"), 'mu[1][0][0]: found "abc"', NUMBER),
    "exponent": (entry("1e5000"), 'mu[1][0][0]: found "1e5000"', NUMBER),
    "digits of another script": (entry("\N{ARABIC-INDIC DIGIT ONE}"), 'mu[1][0][0]: found "\\u0661"', NUMBER),
    "boolean": (entry(True), "mu[1][0][0]: found true", NUMBER),
    "null": (entry(None), "mu[1][0][0]: found null", NUMBER),
    "object for a number": (entry({}), "mu[1][0][0]: found an object", NUMBER),
    "long string": (entry("1" * 5000), "mu[1][0][0]: found 5000 characters", "fewer digits"),
    "long word": (entry("x" * 10**5), f'mu[1][0][0]: found "{"x" * 39}... (100002 characters)', NUMBER),
    "long integer": (
        TEXT.replace('"-1"', "1" * 5000),
        "top level: found an integer of more than 4300 digits",
        "fewer digits",
    ),
    "support": (
        put(put(TREE, "mu", 1, 0, ["0", "1"]), "pi", 1, 0, ["1/2", "1/2"]),
        "mu[1][0][0]: mu is 0 where pi is 1/2",
        "give mu some mass, or pi none",
    ),
    # shapes
    "missing level": (put(TREE, "mu", 1, ABSENT), "mu: found a list of 1 levels", "the horizon 2 needs"),
    "extra level": (put(TREE, "pi", TREE["pi"] * 2), "pi: found a list of 4 levels", "the horizon 2 needs"),
    "longer horizon": (put(TREE, "horizon", 3), "mu: found a list of 2 levels", "the horizon 3 needs"),
    "more actions": (put(TREE, "actions", 3), "mu[0][0]: found a list of 2", "a list of 3 is required"),
    "short reward": (
        put(TREE, "reward", 3, ABSENT),
        "reward: found a list of 3",
        "a list of 4 is required (there are 4 final states)",
    ),
    "no reward": (put(TREE, "reward", ABSENT), "reward: the field is missing", "give reward, step_reward"),
    "reward is a number": (put(TREE, "reward", 1), "reward: found 1", "a list of 4 is required"),
    "ragged rows": (put(TREE, "mu", 1, 1, ["1"]), "mu[1][1]: found a list of 1", "a list of 2 is required"),
    "too shallow": (put(TREE, "mu", 1, ["1", "0"]), 'mu[1][0]: found "1"', "a list of 2 is required"),
    "too deep": (entry(["1", "0"]), "mu[1][0][0]: found a list of 2", NUMBER),
    "level is null": (put(TREE, "mu", 1, None), "mu[1]: found null", "a list of 2 is required"),
    "no mu": (put(TREE, "mu", ABSENT), "mu: the field is missing", "the file format in the README"),
    "mu is a string": (put(TREE, "mu", "1/2"), 'mu: found "1/2"', "a list of one table per level"),
    "mu is an object": (put(TREE, "mu", {"all": []}), "mu: found the keys ['all']", '{"stationary": table}'),
    "stationary tree": (
        put(TREE, "mu", {"stationary": [["1/2", "1/2"]]}),
        "mu: found one stationary table",
        "one table each",
    ),
    "no prompts": (put(TREE, "initial", []), "initial: found no probabilities", "one number per prompt"),
    "step rewards": (
        {**TREE, "step_reward": [[[1, 2]], [[1, 2], [3]]]},
        "step_reward[1][1]: found a list of 1",
        "a list of 2 is required",
    ),
    # horizon and actions
    "horizon 0": (put(TREE, "horizon", 0), "horizon: found 0", "an integer of at least 1 is required"),
    "negative horizon": (put(TREE, "horizon", -2), "horizon: found -2", "an integer of at least 1"),
    "horizon 2.0": (put(TREE, "horizon", 2.0), "horizon: found 2.0", "an integer is required"),
    "horizon in a string": (put(TREE, "horizon", "2"), 'horizon: found "2"', "an integer is required"),
    "horizon true": (put(TREE, "horizon", True), "horizon: found true", "an integer is required"),
    "horizon 30": (
        put(TREE, "horizon", 30),
        "horizon: found 30, a tree with 1 x 2^30 = 10^9.0 leaves",
        "40 GiB of memory; lower the horizon",  # of 8 bytes: 2^31 for each of mu and pi, 2^30 rewards
    ),
    "horizon 10^9": (put(TREE, "horizon", 10**9), "horizon: found 1000000000", "238 GiB of memory"),
    "horizon of 401 digits": (put(TREE, "horizon", 10**400), "horizon: found 1", "more than 10^9 GiB"),
    "horizon with one action": (
        {**TREE, "actions": 1, "horizon": 10**8},
        "horizon: found 100000000",
        "24 GiB of memory",
    ),
    "actions 0": (put(TREE, "actions", 0), "actions: found 0", "an integer of at least 1 is required"),
    "actions of another number": (
        put(AUTOMATON, "actions", 3),
        "actions: found 3",
        "space.next has 2 actions",
    ),
    # documents
    "wrong schema": (put(TREE, "schema", "cppo-instance/9"), 'schema: found "cppo-instance/9"', "instance/1"),
    "no schema": (put(TREE, "schema", ABSENT), "schema: the field is missing", '"cppo-instance/1"'),
    "not JSON": ("hello", "line 1 column 1: this is not JSON (Expecting value)", "a JSON object"),
    "truncated": (TEXT[:-1], f"line 1 column {len(TEXT)}: this is not JSON", "a JSON object is required"),
    "two documents": (TEXT + "\n" + TEXT, "line 2 column 1: this is not JSON (Extra data)", "a JSON object"),
    "empty": ("", "line 1 column 1: the file is empty", "a JSON object is required"),
    "blank": (" \n", "line 2 column 1: the file is empty", "a JSON object is required"),
    "list": ([TREE], "top level: found a list of 1", 'a JSON object with the schema "cppo-instance/1"'),
    "number": ("3", "top level: found 3", 'a JSON object with the schema "cppo-instance/1"'),
    "null document": ("null", "top level: found null", 'a JSON object with the schema "cppo-instance/1"'),
    "binary": (b"\x7fELF\x02\xff\xfe", "byte 5: found bytes that are not UTF-8", "a JSON text is required"),
    "duplicate": ('{"actions": 2, "actions": 3}', "actions: the field stands twice", "keep one"),
    "nested duplicate": (
        json.dumps(AUTOMATON).replace('"kind":', '"kind": "tree", "kind":'),
        "kind: the field stands twice",
        "keep one",
    ),
    "unknown field": ({**TREE, "rewards": []}, "rewards: this field is unknown", "did you mean 'reward'?"),
    "unknown and far": (
        {**TREE, "temperature": 1},
        "temperature: this field is unknown",
        "known fields are schema, actions, horizon",
    ),
    "unknown with a line break": (
        {**TREE, "a\nb\x1b[31m": 1},
        "a\\nb\\x1b[31m: this field is unknown",
        "known fields are",
    ),
    "nested too deeply": (
        TEXT.replace('"-1"', "[" * 10**5 + "]" * 10**5),
        "top level: found lists nested too deeply",
        "the file format in the README",
    ),
    "name": (put(TREE, "name", 3), "name: found 3", "a string is required"),
    # spaces
    "unknown field of space": (
        put(AUTOMATON, "space", "nxt", []),
        "space.nxt: this field is unknown",
        "did you mean 'next'?",
    ),
    "kind": (put(AUTOMATON, "space", "kind", "forest"), 'space.kind: found "forest"', '"tree", "automaton"'),
    "kind is a number": (put(AUTOMATON, "space", "kind", 1), "space.kind: found 1", "a string is required"),
    "space is a string": (put(TREE, "space", "tree"), 'space: found "tree"', "an object or null is required"),
    "successors of a tree": (
        {**TREE, "space": {"next": [[0, 1]]}},
        "space.next: found in a tree",
        '"kind": "automaton"',
    ),
    "bad successor": (
        put(AUTOMATON, "space", "next", 0, 0, 1, 2),
        "space.next[0][0][1]: found successor 2",
        "states of the next level are 0..1",
    ),
    "negative successor": (
        put(AUTOMATON, "space", "next", 1, 1, 0, -1),
        "space.next[1][1][0]: found successor -1",
        "states of the next level are 0..2",
    ),
    "successor 1.0": (
        put(AUTOMATON, "space", "next", 1, 0, 1, 1.0),
        "space.next[1][0][1]: found 1.0",
        "the number of a state",
    ),
    "successor true": (
        put(AUTOMATON, "space", "next", 1, 0, 1, True),
        "space.next[1][0][1]: found true",
        "the number of a state",
    ),
    "huge successor": (
        put(AUTOMATON, "space", "next", 1, 0, 1, 10**30),
        "space.next[1][0][1]: found 1000000000000000000000000000000",
        "the number of a state",
    ),
    "ragged successors": (
        put(AUTOMATON, "space", "next", 1, 1, [0]),
        "space.next[1][1]: found a list of 1",
        "a list of 2 is required",
    ),
    "no successors": (
        put(AUTOMATON, "space", "next", ABSENT),
        "space.next: the field is missing",
        "give the successors of the automaton",
    ),
    "short successors": (
        put(AUTOMATON, "space", "next", 1, ABSENT),
        "space.next: found a list of 1 levels",
        "the horizon 2 needs",
    ),
    "final states": (
        put(AUTOMATON, "space", "final_states", 10**13),
        "space: found 10000000000000 final states",
        "74,506 GiB of memory",
    ),
    "end tokens of an automaton": (
        put(AUTOMATON, "space", "end", [0]),
        "space.end: found end tokens",
        "give the ended state a row that returns to itself",
    ),
    "end token": ({**TREE, "space": {"end": [2]}}, "space.end[0]: found token 2", "tokens are 0..1"),
    "end token goes on": (
        {**TREE, "space": {"end": [0]}},
        "mu[1][0]: the prefix has ended, but the row goes on",
        "put probability 1 on one end token",
    ),
    "sum of a kernel": (
        put(KERNEL, "space", "prob", 1, 1, 0, ["1/4", "1/4"]),
        "space.prob[1][1][0]: the row sums to 1/2",
        "every row must sum to 1",
    ),
    "shape of a kernel": (
        put(KERNEL, "space", "prob", 0, 0, 1, ["1"]),
        "space.prob[0][0][1]: found a list of 1",
        "a list of 2 is required (the shape of next)",
    ),
    "kernel without probabilities": (
        put(KERNEL, "space", "prob", ABSENT),
        "space.prob: the field is missing",
        "a kernel needs probabilities",
    ),
    "probabilities of an automaton": (
        put(KERNEL, "space", {**KERNEL["space"], "kind": "automaton", "next": AUTOMATON["space"]["next"]}),
        "space.prob: found in an automaton",
        '"kind": "kernel"',
    ),
    # constraints
    "unknown field of constraints": (
        constrained(weigths=[1, 1]),
        "constraints.weigths: this field is unknown",
        "did you mean 'weights'?",
    ),
    "constraints are a list": (put(TREE, "constraints", [1]), "constraints: found a list of 1", "an object"),
    "length of weights": (
        constrained(weights=[1]),
        "constraints.weights: found a list of 1",
        "a list of 2 is required (the horizon is 2)",
    ),
    "sign of weights": (constrained(weights=[1, 0]), "constraints.weights[1]: found 0", "a positive number"),
    "sign of thresholds": (
        constrained(weights=[1, 1], thresholds=["1/2", "-1/2"]),
        "constraints.thresholds[1]: found -1/2",
        "a non-negative number",
    ),
    "length of thresholds": (
        constrained(weights=[1, 1], thresholds=[1, 1, 1]),
        "constraints.thresholds: found a list of 3",
        "a list of 2 is required",
    ),
    "sign of delta_b": (constrained(delta_b="-1/9"), "constraints.delta_b: found -1/9", "a non-negative"),
    "sign of delta": (constrained(delta=-1), "constraints.delta: found -1", "a non-negative number"),
    "w_min": (constrained(w_min=0), "constraints.w_min: found 0", "a floor in (0, 1] is required"),
    "weights twice": (
        constrained(weights=[1, 1], w_min=1),
        "constraints.w_min: weights is given",
        "keep one",
    ),
    "list for delta_b": (constrained(delta_b=[1]), "constraints.delta_b: found a list of 1", NUMBER),
}
