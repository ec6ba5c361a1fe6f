"""Instance files: what is saved is loaded as it was, in every form of space, and files are replaced whole."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory.files import replaced, write_text
from cppo_theory.instance_files import TierWarning
from tests import convert
from tests.instance_numbers import as_lists, expected, numbers, types
from tests.strategies import automaton_worlds, kernel_worlds, worlds

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
WORLDS = st.one_of(worlds(64), automaton_worlds(64), kernel_worlds(64))


def tree(**given):
    """A tree of one position and two actions."""
    rows = [[[HALF, HALF]]]
    return ct.Instance(ct.PrefixTree(2, 1), [1], rows, rows, [HALF, 1], **given)


def tables_of(space):
    """Successors, and probabilities of a kernel, as nested lists."""
    fields = [getattr(space, name, None) for name in ("next", "prob")]
    return [levels and [table.tolist() for table in levels] for levels in fields]


@given(WORLDS)
def test_a_saved_instance_is_loaded_as_it_was(tmp_path_factory, world):
    path = tmp_path_factory.mktemp("files") / "instance.json"
    convert.instance(world).save(path)
    loaded = ct.Instance.load(path)
    assert loaded.exact
    assert numbers(loaded) == expected(world)
    assert (loaded.space.kind, loaded.space.sizes) == (world.kind, world.sizes)
    assert getattr(loaded.space, "end", ()) == world.end
    assert tables_of(loaded.space) == tables_of(convert.space(world))
    convert.float_instance(world).save(path)
    assert numbers(ct.Instance.load(path)) == expected(world, float)


@pytest.mark.parametrize("number", [Fraction, float])
@pytest.mark.parametrize(
    ("thresholds", "delta_b"), [(None, None), ([THIRD, 0], None), (None, THIRD), ([THIRD, 1], 0)]
)
def test_constraints_are_saved_in_the_tier_of_the_instance(tmp_path, number, thresholds, delta_b):
    rows = as_lists([[[HALF, HALF]]] * 2, number)
    constraints = ct.Constraints([1, HALF], thresholds, delta_b)
    space = ct.Automaton([[0, 0]], 2)
    ct.Instance(space, [1], rows, rows, [0], constraints=constraints).save(tmp_path / "i.json")
    loaded = ct.Instance.load(tmp_path / "i.json").constraints  # a mixed file would warn
    assert loaded.weights.tolist() == [1, number(HALF)]
    assert thresholds is None or loaded.thresholds.tolist() == as_lists(thresholds, number)
    assert loaded.delta_b == (None if delta_b is None else number(delta_b))
    assert loaded.exact == (number is Fraction)


def test_one_table_at_every_level_is_written_once(tmp_path):
    table = np.array([[HALF, HALF], [THIRD, 1 - THIRD]])
    steps = np.array([[1, 2], [3, 4]])
    space = ct.Automaton(np.array([[0, 1], [1, 0]]), 50)
    ct.Instance(space, [1, 0], table, table, step_reward=steps).save(tmp_path / "stationary.json")
    document = json.loads((tmp_path / "stationary.json").read_text("utf-8"))
    assert document["mu"] == {"stationary": [["1/2", "1/2"], ["1/3", "2/3"]]}
    assert document["space"] == {"kind": "automaton", "next": {"stationary": [[0, 1], [1, 0]]}}
    loaded = ct.Instance.load(tmp_path / "stationary.json")
    assert all(level is loaded.mu[0] for level in loaded.mu)
    assert loaded.step_reward[49].tolist() == [[1, 2], [3, 4]]
    assert loaded.reward.tolist() == [0, 0]


@pytest.mark.parametrize("steps", [[[1, 2]], [[[1, 2], [3, 4]]]], ids=["per action", "per successor"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_step_rewards_of_a_kernel_are_saved(tmp_path, steps, horizon):
    space = ct.Kernel([[[0, 0], [0, 0]]], [[[HALF, HALF], [1, 0]]], horizon)
    row = np.array([[HALF, HALF]])
    ct.Instance(space, [1], row, row, step_reward=np.array(steps)).save(tmp_path / "i.json")
    document = json.loads((tmp_path / "i.json").read_text("utf-8"))
    written = as_lists(steps, str)
    assert document["step_reward"] == ({"stationary": written} if horizon > 1 else [written])
    wanted = steps if isinstance(steps[0][0], list) else [[[x] for x in steps[0]]]
    assert [t.tolist() for t in ct.Instance.load(tmp_path / "i.json").step_reward] == [wanted] * horizon


def test_a_name_is_kept(tmp_path):
    name = 'a "quoted" \N{GREEK SMALL LETTER PI}\n\ttwo lines'
    tree(name=name).save(tmp_path / "named.json")
    assert ct.Instance.load(str(tmp_path / "named.json")).name == name


def test_numbers_of_a_file_may_be_written_in_several_ways(tmp_path):
    document = {"schema": "cppo-instance/1", "actions": 2, "horizon": 1, "initial": [1]}
    document |= {"mu": [[["0.25", "+3/4"]]], "pi": [[["2/8", "3/4"]]], "reward": [-2, "-0.5"]}
    (tmp_path / "i.json").write_text(json.dumps(document), "utf-8")
    loaded = ct.Instance.load(tmp_path / "i.json")
    assert loaded.exact
    assert loaded.mu[0].tolist() == loaded.pi[0].tolist() == [[Fraction(1, 4), Fraction(3, 4)]]
    assert loaded.reward.tolist() == [-2, -HALF]


def test_a_float_among_rational_strings_is_said_once(tmp_path):
    path = tmp_path / "i.json"
    tree().save(path)
    path.write_text(path.read_text("utf-8").replace('"1/2"', "0.5", 1), "utf-8")
    with pytest.warns(TierWarning, match="the exact tier is refused") as said:
        loaded = ct.Instance.load(path)
    assert len(said) == 1
    assert types(numbers(loaded)) == {float, type(None)}


def break_off(path):
    """Write half of a file, then be interrupted."""
    with replaced(path) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_text(path, "first")
    assert path.read_text("utf-8") == "first"
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "second, then a lone surrogate \ud800")
    for half in (path, tmp_path / "another" / "file.txt"):
        with pytest.raises(KeyboardInterrupt):
            break_off(half)
    assert path.read_text("utf-8") == "first"
    assert list(tmp_path.iterdir()) == [path.parent]  # no folder is left of what did not come about
    assert list(path.parent.iterdir()) == [path]
    write_text(path, "third \N{SNOWMAN}")
    assert path.read_text("utf-8") == "third \N{SNOWMAN}"
    assert list(path.parent.iterdir()) == [path]
