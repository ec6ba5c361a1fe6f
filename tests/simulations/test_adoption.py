"""Records of other code are taken over if, and only if, today's code gives the same numbers."""

import numpy as np
import pytest

from simulations import adoption, records, runner
from simulations.adoption import adopt
from simulations.experiment import cells
from simulations.loading import load
from tests.simulations.experiments import CELLS, contents, run_main, written


@pytest.fixture
def made(tmp_path):
    """Cells, their folder, and their records as today's code makes them."""
    folder, todo = tmp_path / "r", cells(load(str(written(tmp_path))), "smoke")
    for _ in runner.run(runner.plan(todo, [0, 1, 2, 3], folder, print), 1):
        pass
    return todo, folder, contents(folder)


def age(folder, change=lambda name, arrays: None):
    """Make every record one of older code."""
    for path in sorted(folder.rglob("*.npz")):
        found = records.read(path)
        change(path.parent.parent.name, found.arrays)
        config = {**found.config, "code": "older"}
        records.write(path, records.Record(config, found.seeds, found.arrays), 0.0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_records_with_the_same_numbers_are_adopted_whole(made, jobs):
    todo, folder, whole = made
    age(folder)
    assert [words for _, words in adopt(todo, folder, 2, jobs)] == [""] * CELLS
    assert contents(folder) == whole
    assert list(adopt(todo, folder, 2, jobs)) == []
    assert [item.missing for item in runner.plan(todo, [0, 1, 2, 3], folder, print)] == [[]] * CELLS


def test_a_difference_in_one_number_is_found(made):
    todo, folder, _ = made

    def change(condition, arrays):
        if condition == "a":
            arrays["gradient_norm"][1, 3] = np.nextafter(arrays["gradient_norm"][1, 3], np.float32(2))

    age(folder, change)
    old = contents(folder)
    found = {cell.label: words for cell, words in adopt(todo, folder, 2, 1)}
    assert {words for label, words in found.items() if label.startswith("a/")} == {"gradient_norm differs"}
    assert {words for label, words in found.items() if label.startswith("b/")} == {""}
    now = contents(folder)
    assert all(now[name] == old[name] for name in now if name.startswith("a/"))


def test_other_quantities_are_found(made):
    todo, folder, _ = made
    age(folder, lambda _, arrays: arrays.pop("entropy"))
    assert {words for _, words in adopt(todo, folder, 1, 1)} == {"other quantities (entropy)"}


def test_the_command_adopts_what_is_the_same_and_makes_the_rest_anew(tmp_path, capsys):
    file, out = written(tmp_path), tmp_path / "out"
    given = ("run", file, "--out", out, "--jobs", 1)
    assert run_main(*given) == 0
    whole = contents(out)

    def change(condition, arrays):
        if condition == "b":
            arrays["value"][0, 0] += 1

    age(out / "smoke" / "tiny", change)
    capsys.readouterr()
    assert run_main(*given, "--adopt", 2) == 0
    said = capsys.readouterr().err
    assert f"{CELLS // 2} of {CELLS} records of other code adopted: 2 seeds of each came out the same" in said
    assert "b/dppo/0: value differs" in said
    assert {name: x for name, x in contents(out).items() if ".aside" not in name} == whole
    assert run_main(*given, "--adopt", -1) == 2
    assert run_main(*given, "--adopt", 1, "--plan") == 2


def test_records_of_other_settings_or_none_are_left_alone(made, monkeypatch):
    todo, folder, _ = made
    first = folder / f"{todo[0].label}.npz"
    found = records.read(first)
    config = {**found.config, "code": "older", "parameters": {"delta": 0.06}}
    records.write(first, records.Record(config, found.seeds, found.arrays), 0.0)
    (folder / f"{todo[1].label}.npz").write_bytes(b"no record")
    (folder / f"{todo[2].label}.npz").unlink()
    monkeypatch.setattr(adoption, "run_cell", None)
    assert list(adopt(todo, folder, 2, 1)) == []
