"""What is wrong with the tables of a space is said with its place."""

from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct

F = Fraction

HALF = [[[0.5, 0.5], [1.0, 0.0]]]
NEXT = [[[0, 0], [0, 0]]]

BAD = {
    "horizon 0": (lambda: ct.PrefixTree(2, 0), r"horizon: found 0; an integer of at least 1"),
    "horizon of a machine": (lambda: ct.Automaton([[0, 0]], 0), r"horizon: found 0"),
    "horizon of a kernel": (lambda: ct.Kernel(NEXT, HALF, -1), r"horizon: found -1"),
    "no actions": (lambda: ct.PrefixTree(0, 2), r"actions: found 0"),
    "no prompts": (lambda: ct.PrefixTree(2, 2, prompts=0), r"prompts: found 0"),
    "end token": (lambda: ct.PrefixTree(2, 2, end=(0, 2)), r"end\[1\]: found token 2; tokens are 0..1"),
    "successor": (lambda: ct.Automaton([[0, 0], [0, 2]], 3), r"next\[1\]\[1\]: found successor 2; .*0..1"),
    "negative": (lambda: ct.Automaton([[0, -1]], 3), r"next\[0\]\[1\]: found successor -1"),
    "successor at a level": (
        lambda: ct.Automaton([[[0, 1]], [[0, 0], [0, 3]]], 2, final_states=2),
        r"next\[1\]\[1\]\[1\]: found successor 3; states of the next level are 0..1",
    ),
    "successor of a kernel": (
        lambda: ct.Kernel([[[0, 1]]], [[[0.5, 0.5]]], 2),
        r"next\[0\]\[0\]\[1\]: found",
    ),
    "ragged": (lambda: ct.Automaton([[0, 0], [0]], 2), r"next\[1\]: found length 1 where next\[0\] has 2"),
    "ragged level": (
        lambda: ct.Automaton([[[0, 0]], [[0, 0], [0]]], 2),
        r"next\[1\]\[1\]: found length 1 where next\[1\]\[0\] has 2",
    ),
    "ragged kernel": (lambda: ct.Kernel([[[0], [0, 0]]], HALF, 2), r"next\[0\]\[1\]: found length 2"),
    "actions differ": (lambda: ct.Automaton([[[0, 0]], [[0, 0, 0]]], 2), r"next\[1\]: found 3 actions"),
    "levels": (lambda: ct.Automaton([[[0, 0]]], 2), r"next: found 1 levels; the horizon 2 needs 2"),
    "none": (lambda: ct.Automaton([], 2), r"next: found 0 levels"),
    "empty": (lambda: ct.Automaton(np.zeros((0, 2), int), 2), r"next: found shape \(0, 2\)"),
    "final states": (lambda: ct.Automaton([[[0, 0]]], 1, final_states=0), r"final_states: found 0"),
    "prob levels": (lambda: ct.Kernel([NEXT, NEXT], [HALF], 2), r"prob: found 1 levels; next has 2"),
    "prob shape": (lambda: ct.Kernel([[[0], [0]]], HALF, 2), r"prob: found shape \(1, 2, 2\); next has"),
    "row sum": (
        lambda: ct.Kernel(NEXT, [[[0.5, 0.5], [0.5, 0.4]]], 2),
        r"prob\[0\]\[1\]: the row sums to 0.9; every row must sum to 1",
    ),
    "exact row sum": (
        lambda: ct.Kernel([NEXT], [[[[F(1, 3), F(2, 3)], [F(1, 3), F(1, 3)]]]], 1),
        r"prob\[0\]\[0\]\[1\]: the row sums to 2/3",
    ),
    "negative prob": (
        lambda: ct.Kernel(NEXT, [[[1.5, -0.5], [1, 0]]], 2),
        r"prob\[0\]\[0\]\[1\]: found -0.5",
    ),
    "not a number": (lambda: ct.Kernel(NEXT, [[[np.nan, 1], [1, 0]]], 2), r"prob\[0\]\[0\]\[0\]: found nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_located(name):
    build, message = BAD[name]
    with pytest.raises(ct.InputError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ct.PrefixTree(2, True), "horizon: found True; an integer is required"),
        (lambda: ct.PrefixTree(2.0, 2), "actions: found 2.0; an integer is required"),
        (lambda: ct.Automaton([[True, False]], 2), "next: found entries of type bool; integers"),
        (lambda: ct.Automaton([[0.0, 0.0]], 2), "next: found entries of type float64; integers"),
        (lambda: ct.Kernel(NEXT, [[[True, False], [True, False]]], 2), r"prob\[0\]\[0\]\[0\]: found True"),
        (lambda: ct.Automaton([[[0, 0]]], 1, final_states=True), "final_states: found True"),
    ],
)
def test_bad_kinds_are_located(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def test_a_float_row_may_be_off_by_rounding_only():
    ct.Kernel(NEXT, [[[0.5, 0.5 + 4e-13], [1, 0]]], 2)
    with pytest.raises(ct.InputError, match="the row sums to"):
        ct.Kernel(NEXT, [[[0.5, 0.5 + 4e-12], [1, 0]]], 2)


def test_one_float_makes_the_kernel_float():
    kernel = ct.Kernel([NEXT, NEXT], [[[[F(1, 2), F(1, 2)], [1, 0]]], HALF], 2)
    assert not kernel.exact
    assert all(table.dtype == np.float64 for table in kernel.prob)
