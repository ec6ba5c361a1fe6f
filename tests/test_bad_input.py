"""Bad input and wrong usage: the exit code, one line that names place, finding and remedy, no output."""

import contextlib
import copy
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cppo_theory.cli import main
from tests.bad_files import AUTOMATON, BAD, GOOD, NUMBER, TREE, constrained, put


def written(tmp_path, document):
    path = tmp_path / "instance.json"
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def run(capsys, *arguments):
    """Exit code, standard output and the lines on standard error."""
    try:
        code = main(arguments)
    except SystemExit as stop:  # what the parser of the command line raises
        code = stop.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err.splitlines()


@pytest.mark.parametrize("kind", GOOD)
def test_the_files_are_good_before_they_are_broken(kind, tmp_path, capsys):
    code, out, err = run(capsys, "evaluate", written(tmp_path, GOOD[kind]))
    assert (code, err) == (0, [])
    assert "exact rationals" in out


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_bad_input_is_refused_in_one_line(case, options, tmp_path, capsys):
    document, found, remedy = BAD[case]
    path = written(tmp_path, document)
    code, out, err = run(capsys, "evaluate", path, *options)
    assert (code, out) == (3, "")
    assert len(err) == 1
    assert err[0].startswith(f"cppo-theory: error: {path}: {found}")
    assert remedy in err[0].partition(found)[2].partition("; ")[2]
    assert len(err[0]) < 500 + len(path)


@pytest.mark.parametrize(("name", "found"), [("absent.json", "No such file"), ("", "Is a directory")])
def test_what_cannot_be_read_is_refused(name, found, tmp_path, capsys):
    code, out, err = run(capsys, "evaluate", str(tmp_path / name))
    assert (code, out, len(err)) == (3, "", 1)
    assert f"{tmp_path / name}: the file cannot be read ({found}" in err[0]
    assert "; give the path of an instance file" in err[0]


@pytest.mark.parametrize(
    "document",
    [
        put(TREE, "mu", 1, 0, [0.6, "2/5"]),
        put(TREE, "reward", [1, -1, 0.5, 0]),
        constrained(delta_b=0.1),
        put(put(AUTOMATON, "reward", [1.0, 0, 0]), "name", "automaton"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_mixed_numbers_mean_floats_and_one_warning(document, options, tmp_path, capsys):
    code, out, err = run(capsys, "evaluate", written(tmp_path, document), *options)
    assert code == 0
    assert err == [
        "cppo-theory: warning: exact and float numbers are mixed: "
        "the exact tier is refused, all is computed in float64"
    ]
    assert json.loads(out)["tier"] == "float" if options else "float64" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["subcommand", "evaluate, claims"]),
        (("prove",), ["prove", "evaluate, claims"]),
        (("evaluate",), ["give an instance file or --task NAME"]),
        (("evaluate", "FILE", "--tolerance", "1"), ["--tolerance"]),
        (
            ("evaluate", "FILE", "--claims", "prop-4,prop-44"),
            ["--claims[1]: found 'prop-44'", "prop-4, eq-4"],
        ),
        (("evaluate", "FILE", "--claims", ","), ["--claims: found no id"]),
        (("evaluate", "FILE", "--delta", "x"), ['--delta: found "x"', NUMBER]),
        (("evaluate", "FILE", "--delta", "nan"), ['--delta: found "nan"', NUMBER]),
        (("evaluate", "FILE", "--delta=-1/2"), ["--delta: found -1/2", "non-negative"]),
        (("evaluate", "FILE", "--delta-b", "1/0"), ['--delta-b: found "1/0"', "denominator"]),
        (("evaluate", "FILE", "--w-min", "0"), ["--w-min: found 0", "(0, 1]"]),
        (("evaluate", "FILE", "--w-min", "1.5"), ["--w-min: found 1.5", "(0, 1]"]),
        (("claims", "show"), ["give the id of a claim"]),
        (("claims", "show", "prop-44"), ["'prop-44' is unknown", "prop-4, eq-4"]),
        (("claims", "prove"), ["prove", "'list', 'show'"]),
        (("verify", "--preset", "tiny"), ["tiny", "'smoke', 'paper'", "'full'"]),
        (("verify", "--jobs", "0"), ["--jobs: found 0", "at least 1"]),
        (("verify", "--seed", "-1"), ["--seed: found -1", "non-negative"]),
        (("verify", "--seed", "x"), ["--seed", "'x'"]),
        (("verify", "--out", "FILE"), ["--out: found", "give a directory"]),
    ],
)
def test_wrong_usage(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = written(tmp_path, TREE)
    code, out, err = run(capsys, *(path if word == "FILE" else word for word in arguments))
    assert (code, out) == (2, "")
    assert all(word in " ".join(" ".join(err).split()) for word in words)


SCALARS = [None, True, -1, 0, 1, 2, 3, 10**30, 0.5, -0.0, 1e300, float("nan"), float("inf")]
STRINGS = ["", "1/2", "-1", "1/0", "tree", "kernel", "1" * 30, "x"]
NESTED = [[], [[]], {}, {"stationary": []}, [[1, 0]], [["1/2", "1/2"]]]
VALUES = st.sampled_from([*SCALARS, *STRINGS, *NESTED]).map(copy.deepcopy)


@st.composite
def broken(draw):
    """A good document with one to three of its items, at any depth, replaced, left out or doubled."""
    document = copy.deepcopy(
        draw(st.sampled_from([*GOOD.values(), constrained(weights=[1, "1/2"], delta_b=1)]))
    )
    for _ in range(draw(st.integers(1, 3))):
        inside, key = document, draw(st.sampled_from(sorted(document)))
        while isinstance(inside[key], dict | list) and inside[key] and draw(st.booleans()):
            inside = inside[key]
            key = draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
        match draw(st.sampled_from(["replace", "leave out", "double"])):
            case "replace":
                inside[key] = draw(VALUES)
            case "leave out" if document is not inside or len(document) > 1:
                del inside[key]
            case "double" if isinstance(inside, list):
                inside.insert(key, inside[key])
    return document


@given(broken())
def test_any_change_is_accepted_or_refused_but_never_crashes(tmp_path_factory, document):
    path = written(tmp_path_factory.mktemp("broken"), document)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["evaluate", path, "--claims", "lemma-2,thm-1,pinsker"])
    lines = err.getvalue().splitlines()
    if code == 3:
        assert (out.getvalue(), len(lines)) == ("", 1)
        assert re.match(r"cppo-theory: error: \S+: [^:]+: .+; .+", lines[0])
    else:
        assert code == 0
        assert all("exact and float numbers are mixed" in line for line in lines)
