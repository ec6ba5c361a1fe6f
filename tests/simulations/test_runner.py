"""The runner: the same bytes whatever seeds share a batch, only what is missing, nothing overwritten."""

import numpy as np
import pytest

from simulations import cell as cell_module
from simulations import loading, records, runner
from simulations.code import code_of
from simulations.experiment import cells, seeds_of
from simulations.loading import load
from simulations.measure import QUANTITIES
from tests.simulations.experiments import CELLS, contents, written


@pytest.fixture
def tiny(tmp_path):
    return load(str(written(tmp_path)))


def finished(tiny, folder, seeds, say=print, jobs=1):
    """Run what is missing; labels and numbers of seeds of what was run."""
    work = runner.plan(cells(tiny, "smoke"), seeds, folder, say)
    return [(done.work.cell.label, done.work.missing) for done in runner.run(work, jobs)]


def test_any_batching_gives_the_same_bytes(tiny, tmp_path, monkeypatch):
    seeds, found = [0, 1, 2, 3, 4, 1_000_000], []
    for size in (48, 4, 1):
        monkeypatch.setattr(runner, "BATCH", size)
        assert len(finished(tiny, tmp_path / str(size), seeds)) == CELLS
        found.append(contents(tmp_path / str(size)))
    assert len(found[0]) == CELLS
    assert found[0] == found[1] == found[2]
    for path in sorted((tmp_path / "48").rglob("*.npz")):
        made = records.read(path)
        assert made.seeds == seeds
        assert made.arrays.pop("expected_tv").shape == (6, 4, 4)
        assert all(x.shape == (6, 4) for x in made.arrays.values())


def test_only_what_is_missing_is_run(tiny, tmp_path):
    labels = [name for name, _ in finished(tiny, tmp_path / "r", [0, 1])]
    assert labels == [f"{c}/{r}/{i}" for c in "ab" for r in ("dppo", "cppo") for i in (0, 1)]
    assert finished(tiny, tmp_path / "r", [0, 1]) == []
    assert finished(tiny, tmp_path / "r", [1]) == []
    (tmp_path / "r" / "b" / "cppo" / "1.npz").unlink()
    assert finished(tiny, tmp_path / "r", [0, 1]) == [("b/cppo/1", [0, 1])]
    more = finished(tiny, tmp_path / "r", [3, 0, 1, 2])
    assert [missing for _, missing in more] == [[3, 2]] * CELLS
    finished(tiny, tmp_path / "s", [0, 1, 2, 3])
    assert contents(tmp_path / "r") == contents(tmp_path / "s")


def test_a_seed_is_run_as_itself(tiny, tmp_path):
    """The row of a seed in a record is what training that seed gives, not its neighbour's."""
    finished(tiny, tmp_path / "r", [0, 1, 2])
    cell = cells(tiny, "smoke")[-1]
    made = records.read(tmp_path / "r" / f"{cell.label}.npz")
    for i, seed in enumerate([0, 1, 2]):
        alone = cell_module.run_cell(cell, [seed])
        for name, x in made.arrays.items():
            np.testing.assert_array_equal(x[i], alone[name][0])
    assert not np.array_equal(made.arrays["value"][0], made.arrays["value"][1])


def test_unusable_records_are_set_aside_and_made_anew(tiny, tmp_path):
    folder, said = tmp_path / "r", []
    finished(tiny, folder, [0, 1])
    whole = contents(folder)
    broken, foreign = folder / "a" / "dppo" / "0.npz", folder / "b" / "cppo" / "1.npz"
    broken.write_bytes(b"no record")
    other = records.read(foreign)
    old = records.encoded(records.Record({**other.config, "code": "older"}, other.seeds, other.arrays))
    foreign.write_bytes(old)
    ran = finished(tiny, folder, [0, 1], said.append)
    assert [name for name, _ in ran] == ["a/dppo/0", "b/cppo/1"]
    assert len(said) == 2
    assert "dppo/0.npz: this is no record" in said[0]
    assert "cppo/1.npz: the record was made by other code" in said[1]
    assert all("set aside as" in line for line in said)
    assert contents(folder) == whole
    assert (broken.parent / "0.npz.aside").read_bytes() == b"no record"
    assert (foreign.parent / "1.npz.aside").read_bytes() == old


def test_a_record_without_its_arrays_is_made_anew(tiny, tmp_path):
    folder, said = tmp_path / "r", []
    finished(tiny, folder, [0, 1])
    whole, (first, second, third, fourth) = contents(folder), sorted(folder.rglob("*.npz"))[:4]
    for path, change in (
        (first, lambda x: x.pop("delta")),
        (second, lambda x: x.update(value=x["value"][:, :-1])),
        (third, lambda x: x.update(more=x["value"][:, 0])),
        (fourth, lambda x: x.update(expected_tv=x["expected_tv"][..., :-1])),
    ):
        found = records.read(path)
        change(found.arrays)
        path.write_bytes(records.encoded(found))
    finished(tiny, folder, [0, 1], said.append)
    reasons = (
        "the record lacks delta",
        "value has shape (2, 3), not (2, 4)",
        "the record has more, which is not recorded",
        "expected_tv has shape (2, 4, 3), not (2, 4, 4)",
    )
    assert sorted(line.split(".npz: ")[1].split(";")[0] for line in said) == sorted(reasons)
    assert contents(folder) == whole


def test_a_record_is_addressed_by_what_its_numbers_depend_on(tiny):
    one, other = cells(tiny, "smoke")[:2]
    config = runner.configuration(one)
    assert config["code"] == code_of(one)
    assert (config["rule"], config["parameters"]) == ("dppo", {"delta": 0.05})
    assert (config["condition"]["rounds"], config["condition"]["rate"]) == (4, 0.3)
    assert runner.configuration(other) != config
    names = [runner.configuration(cell) for cell in cells(tiny, "smoke")]
    assert all(x != y for i, x in enumerate(names) for y in names[:i])


def test_an_interrupt_keeps_finished_cells_and_seeds(tiny, tmp_path, monkeypatch):
    folder, calls, true = tmp_path / "r", [], runner.run_cell
    monkeypatch.setattr(runner, "BATCH", 2)

    def run_cell(cell, seeds):
        calls.append((cell.label, seeds))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return true(cell, seeds)

    monkeypatch.setattr(runner, "run_cell", run_cell)
    with pytest.raises(KeyboardInterrupt):
        finished(tiny, folder, [0, 1, 2, 3])
    kept = {name: records.read(folder / name).seeds for name in contents(folder)}
    assert kept == {"a/dppo/0.npz": [0, 1, 2, 3], "a/dppo/1.npz": [0, 1]}
    ran = finished(tiny, folder, [0, 1, 2, 3])
    assert ran[0] == ("a/dppo/1", [2, 3])
    assert len(ran) == CELLS - 1
    monkeypatch.undo()
    finished(tiny, tmp_path / "s", [0, 1, 2, 3])
    assert contents(folder) == contents(tmp_path / "s")


def test_the_plan_counts(tiny, tmp_path):
    work = runner.plan(cells(tiny, "smoke"), [0, 1, 2], tmp_path / "r", print)
    assert [item.missing for item in work] == [[0, 1, 2]] * CELLS
    assert runner.size_of(work) == CELLS * 3 * 4 * (len(QUANTITIES) - 1 + 4) * 4
    assert 0 < runner.seconds_of(work[:1]) < runner.seconds_of(work)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", loading.names())
def test_tuning_seeds_are_never_reported_ones(name):
    for size in load(name).presets.values():
        for count in (None, 3, 5000):
            reported, tuning = seeds_of(size, count)
            assert reported == list(range(size.seeds if count is None else count))
            assert len(set(tuning)) == len(tuning) == size.tuning_seeds
            assert not set(reported) & set(tuning)


def test_many_records_of_other_code_are_one_message(tiny, tmp_path, monkeypatch):
    folder, said = tmp_path / "r", []
    finished(tiny, folder, [0, 1])
    monkeypatch.setattr(runner, "code_of", lambda cell: "younger")
    runner.plan(cells(tiny, "smoke"), [0, 1], folder, said.append, look_only=True)
    assert len(said) == 2
    assert "dppo/0.npz: the record was made by other code; to be set aside and made anew" in said[0]
    assert said[1] == f"  and {CELLS - 1} more, for the same reason"
