"""Records: the same bytes for the same numbers, seeds merged, and nothing else taken for one."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from simulations import records
from simulations.records import ForeignRecordError, Record, digest, encoded, read, set_aside, write


def record(seeds, config=None, offset=0.0):
    x = np.arange(3.0, dtype=np.float32) + 10 * np.array(seeds, dtype=np.float32)[:, None] + offset
    return Record(
        config or {"rule": "dppo", "delta": 0.1}, list(seeds), {"value": x, "b": np.array(seeds) > 2}
    )


def same(one, other):
    assert one.config == other.config
    assert one.seeds == other.seeds
    assert one.arrays.keys() == other.arrays.keys()
    for name, x in one.arrays.items():
        np.testing.assert_array_equal(x, other.arrays[name])
        assert x.dtype == other.arrays[name].dtype


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "deep" / "0.npz"
    write(path, record([3, 1]), 1.25)
    same(read(path), record([3, 1]))
    assert path.read_bytes() == encoded(record([3, 1]))
    meta = json.loads((tmp_path / "deep" / "0.meta.json").read_text())
    assert meta["seconds"] == 1.25
    assert {"python", "numpy", "cppo_theory"} <= meta.keys()
    assert sorted(p.name for p in path.parent.iterdir()) == ["0.meta.json", "0.npz"]  # nothing temporary


def test_the_bytes_depend_on_the_record_alone():
    one = record([1, 2])
    turned = Record({"delta": 0.1, "rule": "dppo"}, [1, 2], dict(reversed(one.arrays.items())))
    assert encoded(one) == encoded(turned)
    assert encoded(one) != encoded(record([1, 2], offset=1e-6))
    assert encoded(one) != encoded(record([1, 2], {"rule": "dppo", "delta": 0.2}))


def test_missing_seeds_are_merged_in_order():
    merged = record([5, 1]).merged(record([3, 0]))
    same(merged, record([0, 1, 3, 5]))
    # in whatever order and parts they came, and what was there first stays
    assert encoded(record([0]).merged(record([3])).merged(record([5, 1]))) == encoded(merged)
    kept = record([1, 2]).merged(record([2, 3], offset=100.0))
    assert kept.seeds == [1, 2, 3]
    assert kept.arrays["value"][:, 0].tolist() == [10, 20, 130]


def test_some_seeds_in_the_order_asked_for():
    same(record([0, 1, 3, 5]).only([5, 0]), record([5, 0]))
    with pytest.raises(ValueError, match="not in list"):
        record([0, 1]).only([2])


def test_a_record_of_another_configuration_is_foreign(tmp_path):
    path = tmp_path / "0.npz"
    write(path, record([1]), 0.0)
    same(read(path, {"delta": 0.1, "rule": "dppo"}), record([1]))
    with pytest.raises(ForeignRecordError, match=r"0\.npz: the record was made for other settings"):
        read(path, {"delta": 0.10001, "rule": "dppo"})
    with pytest.raises(ForeignRecordError, match=r"0\.npz: the record was made by other code"):
        read(path, {"delta": 0.1, "rule": "dppo", "code": "younger"})


def other_files(path):
    """Files that are no record, by what is wrong with them."""
    good = encoded(record([1, 2]))
    yield "empty", b""
    yield "text", b"no record"
    yield "cut", good[: len(good) // 2]
    yield "longer", good[:-30]
    np.savez(path, x=np.zeros(2))
    yield "strange entries", path.read_bytes()
    np.savez(path, config=np.array("{"), seeds=np.array([1]))
    yield "no JSON", path.read_bytes()
    np.savez(path, config=np.array("{}"), seeds=np.array([1, 2]), **{"by_seed.x": np.zeros((3, 1))})
    yield "another number of seeds", path.read_bytes()
    np.savez(path, config=np.array("[]"), seeds=np.array([1]))
    yield "a config that is no object", path.read_bytes()
    np.savez(path, config=np.array("[" * 100_000), seeds=np.array([1]))
    yield "deep JSON", path.read_bytes()
    for seeds in ([1, 1], [1.0, 2.0], [True, False], [[1], [2]], 1):
        np.savez(path, config=np.array("{}"), seeds=np.array(seeds))
        yield f"seeds {seeds}", path.read_bytes()
    np.savez(path, config=np.array("{}"), seeds=np.array([1]), **{"by_seed.x": np.array(["1"])})
    yield "words for numbers", path.read_bytes()
    encrypted = bytearray(good)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + place] |= 1
    yield "encrypted", bytes(encrypted)
    with zipfile.ZipFile(path, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': ((2,), }"
        archive.writestr("config.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    yield "a header that does not end", path.read_bytes()
    np.savez(path, config=np.array("{}"), seeds=np.array([None, 1]))
    yield "pickled", path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.npy", b"nothing")
    yield "no arrays", path.read_bytes()


def test_what_is_no_record_is_named(tmp_path):
    path = tmp_path / "0.npz"
    for _, data in list(other_files(path)):
        path.write_bytes(data)
        with pytest.raises(ForeignRecordError, match=r"0\.npz: "):
            read(path)


def test_a_damaged_byte_is_noticed_or_harmless(tmp_path):
    path, good = tmp_path / "0.npz", encoded(record([1, 2]))
    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1 :])
        try:
            same(read(path), record([1, 2]))
        except ForeignRecordError:
            continue


def test_arrays_of_another_kind_are_no_record(tmp_path):
    path = tmp_path / "0.npz"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    npy = path.read_bytes()
    np.savez(path, config=np.array("{}"), seeds=np.array([1]), **{"by_seed.x": np.array(1.0)})
    for data in (npy, path.read_bytes()):
        path.write_bytes(data)
        with pytest.raises(ForeignRecordError, match=r"0\.npz: "):
            read(path)


@pytest.mark.parametrize("error", [MemoryError("full"), RecursionError("deep"), RuntimeError("encrypted")])
def test_whatever_reading_raises_the_file_is_named(tmp_path, monkeypatch, error):
    path = tmp_path / "0.npz"
    write(path, record([1]), 0.0)

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(records.np, "load", fails)
    with pytest.raises(ForeignRecordError, match=rf"0\.npz: this is no record \({error}\)"):
        read(path)


def test_the_error_comes_back_from_a_worker(tmp_path):
    error = ForeignRecordError(tmp_path, "the record lacks delta")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.reason) == (str(error), error.reason)


def test_what_is_set_aside_is_kept(tmp_path):
    path = tmp_path / "0.npz"
    names = []
    for text in ("one", "two", "three"):
        path.write_text(text)
        names.append(set_aside(path).name)
    assert names == ["0.npz.aside", "0.npz.aside1", "0.npz.aside2"]
    assert [(tmp_path / name).read_text() for name in names] == ["one", "two", "three"]
    assert not path.exists()


def test_the_digest_is_that_of_names_and_texts(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a")
    two.write_text("b")
    found = digest([one, two])
    assert digest([two, one]) == found
    assert digest([one]) != found
    one.write_text("b")
    two.write_text("a")
    assert digest([one, two]) != found
    assert len(found) == 16


def test_words_are_no_part_of_the_digest(tmp_path):
    path = tmp_path / "one.py"
    texts = (
        'def f(x):\n    """Twice."""\n    return 2 * x\n',
        '"""A module."""\n\n\ndef f(x):\n    """Two times x."""\n    return 2 * x  # why\n',
        "def f(x):\n    return 3 * x\n",
    )
    found = []
    for text in texts:
        path.write_text(text)
        found.append(digest([path]))
    assert found[0] == found[1] != found[2]


def test_a_failed_write_leaves_the_old_record(tmp_path, monkeypatch):
    path = tmp_path / "0.npz"
    write(path, record([1]), 0.0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "encoded", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, record([1, 2]), 0.0)
    monkeypatch.undo()
    same(read(path), record([1]))


def test_a_file_of_words_is_told_as_no_archive(tmp_path):
    path = tmp_path / "a.npz"
    path.write_text("no record")
    with pytest.raises(ForeignRecordError, match=r"this is no record \(not an \.npz archive\)$"):
        read(path)
