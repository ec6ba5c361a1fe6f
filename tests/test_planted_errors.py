"""Every listed error is caught by the tests named with it; the runner itself tells the cases apart."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.planted import WORKERS, Outcome, Planted, PlantingError, planted_in, run, run_clean
from tests.planted_errors import AREAS, ERRORS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[Planted, Future[Outcome]]]:
    """Runs of the selected errors, two at a time, started together and awaited one by one."""
    selected = [
        item.callspec.params["error"] for item in request.session.items if "outcomes" in item.fixturenames
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {error: pool.submit(run, error) for error in selected}
        pool.shutdown(cancel_futures=True)


def test_the_lists_are_complete():
    assert {"spaces", "recursions", "bounds_a", "claims_a"} <= AREAS.keys()
    assert all(AREAS.values())
    assert len(ERRORS) >= 20
    assert all(error.tests for error in ERRORS)
    assert [name for name, times in Counter(error.name for error in ERRORS).items() if times > 1] == []


def test_the_copy_without_errors_passes():
    tests = [test for error in ERRORS for test in error.tests]
    assert tests
    outcome = run_clean(tests)
    assert outcome.verdict == "survived", outcome.output


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.name)
def test_planted_error_is_caught(error, outcomes):
    outcome = outcomes[error].result()
    assert outcome.verdict == "caught", f"{outcome.verdict} after {outcome.seconds:.0f} s\n{outcome.output}"


HOUSE = '''"""A toy."""

def double(x):  # twice
    return 2 * x
'''
HOUSE_TEST = """import subprocess, sys
import toy

def test_double():
    assert toy.double(3) == 6

def test_double_in_a_subprocess():
    command = [sys.executable, "-c", "import toy; print(toy.double(3))"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "6\\n"
"""
error = planted_in("toy.py", "test_toy.py")
CONSTANT = error("constant x2", "2 * x", "4 * x")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project of one module and its tests, with things beside it that are not to be copied."""
    (tmp_path / "toy.py").write_text(HOUSE)
    (tmp_path / "test_toy.py").write_text(HOUSE_TEST)
    (tmp_path / "test_more.py").write_text("def test_nothing():\n    pass\n")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "environment" / "lib").mkdir(parents=True)
    (tmp_path / "environment" / "pyvenv.cfg").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("planted", "verdict"),
    [
        (CONSTANT, "caught"),
        (replace(CONSTANT, tests=("test_toy.py::test_double_in_a_subprocess",)), "caught"),
        (error("comment", "twice", "two times"), "survived"),
        (error("equal", "2 * x", "x + x"), "survived"),
        (replace(CONSTANT, tests=("test_absent.py",)), "did not run (pytest exit 4)"),
        (replace(CONSTANT, tests=("test_toy.py", "-k", "absent")), "did not run (pytest exit 5)"),
        (error("import fails", "def double", "import absent\ndef double"), "did not run (pytest exit 2)"),
        (
            error("import fails", "def double", "import absent\ndef double", "test_more.py"),
            "did not run (pytest exit 1)",
        ),
        (replace(CONSTANT, tests=("test_more.py", "test_toy.py")), "caught"),
    ],
    ids=lambda value: value.name if isinstance(value, Planted) else "",
)
def test_the_runner_tells_caught_from_survived(toy, planted, verdict):
    outcome = run(planted, toy)
    assert outcome.verdict == verdict, outcome.output
    assert (toy / "toy.py").read_text() == HOUSE


@pytest.mark.parametrize(
    ("old", "new", "count", "reason"),
    [
        ("3 * x", "4 * x", 1, "0 times, not 1"),
        ("x", "y", 1, "times, not 1"),
        ("2 * x", "4 * x", 2, "1 times, not 2"),
        ("2 * x", "2 *", 1, "no longer compiles"),
    ],
)
def test_a_substitution_that_does_not_fit_is_refused(toy, old, new, count, reason):
    with pytest.raises(PlantingError, match=reason):
        run(error("misfit", old, new, count=count), toy)


def test_a_counted_substitution_replaces_all(toy):
    assert run(error("another name", "x", "y", count=2), toy).verdict == "survived"


def test_a_hanging_error_is_told(toy):
    hang = error("hang", "return 2", "while True: pass\n    return 2")
    assert run(hang, toy, time_limit=3).verdict == "timed out"


def test_tests_that_fail_without_any_error_are_told(toy):
    (toy / "toy.py").write_text(HOUSE.replace("2 * x", "3 * x"))
    assert run_clean(["test_toy.py"], toy).verdict == "caught"
