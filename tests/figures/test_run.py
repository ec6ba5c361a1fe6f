"""`python -m figures`: files, bytes, provenance, and one line for every mistake."""

import ast
import hashlib
import json
import shutil
from pathlib import Path

import matplotlib
import pytest

from cppo_theory.plots import Table, png, style
from figures import __main__ as command
from figures.catalogue import NAMES, figure
from figures.run import make
from figures.source import ROLLOUTS, ROOT, Source
from simulations.records import Record, encoded, read
from tests.figures.common import OF_RECORDS, drawn, source
from tests.figures.records import record, written

KINDS = (".png", ".pdf", ".csv", ".json")
CHEAP = ("suffix-tv", "ledger")


def command_for(folder):
    """What makes records for a folder that is not the default one."""
    run = f"python -m simulations run main --preset paper --out {folder}"
    return f"{run}, and draw with --results {folder}/paper"


@pytest.fixture
def run(capsys):
    """Exit code, standard output and standard error of `python -m figures` with these arguments."""

    def answer(*arguments):
        try:
            code = command.main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return answer


def test_the_figures_of_the_first_line():
    assert {"ratio", "suffix-tv", "horizon", "ledger", "profile", *OF_RECORDS} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_one_short_module_that_never_sees_the_trainer(name):
    path = ROOT / "figures" / "catalogue" / f"{name.replace('-', '_')}.py"
    assert len(path.read_text().splitlines()) < 120
    title, rest = figure(name).CAPTION.split("\n", 1)
    assert title.endswith(".")
    assert rest.strip().endswith(".")


def test_the_package_reads_records_and_statistics_only():
    allowed = {f"simulations.{name}" for name in ("kept", "records", "statistics", "summary")}
    outside = set()
    for path in (ROOT / "figures").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                outside.add(node.module)
            elif isinstance(node, ast.Import):
                outside |= {alias.name for alias in node.names}
    assert {name for name in outside if name.startswith("simulations")} == allowed
    assert not {name.partition(".")[0] for name in outside} & {"tests", "torch", "gymnasium", "tyro", "rich"}
    assert not any("pyplot" in name for name in outside)


@pytest.mark.parametrize("name", CHEAP)
def test_the_same_input_gives_the_same_bytes_whatever_the_users_settings(name, tmp_path):
    one = {path.suffix: path.read_bytes() for path in make(name, source(), tmp_path / "one")}
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 5, "savefig.bbox": "tight"}):
        two = {path.suffix: path.read_bytes() for path in make(name, source(), tmp_path / "two")}
    assert tuple(one) == KINDS
    assert one == two
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(f"{name}{k}" for k in KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_the_csv_holds_all_that_is_drawn(name):
    table = drawn(name).table
    with style():
        matplotlib.rcParams["savefig.dpi"] = 60  # to be quick
        again, once = (figure(name).draw(t) for t in (Table.from_csv(table.csv()), table))
        assert png(again) == png(once)


def test_the_json_says_where_a_figure_comes_from(tmp_path):
    make("frontier", source(), tmp_path)
    found = json.loads((tmp_path / "frontier.json").read_text())
    assert found["caption"].startswith("The frontier of each rule")
    folder = source().results
    assert found["command"] == f"python -m figures frontier --preset smoke --results {folder}"
    assert found["seeds"] == "4 per rule, setting and condition"
    assert "bootstrap over seeds" in found["interval"]
    assert len(found["inputs"]) == 12
    for kind in (".png", ".csv"):
        data = (tmp_path / f"frontier{kind}").read_bytes()
        assert found["outputs"][f"frontier{kind}"] == hashlib.sha256(data).hexdigest()
    record = source().results / "main" / "brackets-mlp" / "cppo.npz"
    hashes = {entry["path"]: entry["sha256"] for entry in found["inputs"]}
    assert hashes["main/brackets-mlp/cppo.npz"] == hashlib.sha256(record.read_bytes()).hexdigest()


def test_a_file_of_the_checkout_is_named_from_its_root(tmp_path):
    make("ledger", source(), tmp_path)
    found = json.loads((tmp_path / "ledger.json").read_text())
    path = f"examples/rollouts/{ROLLOUTS['A']}"
    assert [entry["path"] for entry in found["inputs"]] == [path]
    assert found["inputs"][0]["sha256"] == hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
    assert found["seeds"] == "none: exact"
    assert found["interval"] is None
    assert found["settings"]["delta_b"] == 0.015
    smoke = Source("smoke", rollouts=ROOT / "figures" / ".." / "examples" / "rollouts")
    make("ledger", smoke, tmp_path)
    found = json.loads((tmp_path / "ledger.json").read_text())
    assert found["command"] == "python -m figures ledger --preset smoke"
    copied = tmp_path / "a copy"
    shutil.copytree(ROOT / "examples" / "rollouts", copied)
    make("ledger", Source("smoke", rollouts=copied), tmp_path)
    found = json.loads((tmp_path / "ledger.json").read_text())
    assert found["command"] == f"python -m figures ledger --preset smoke --rollouts '{copied}'"


def test_list(run):
    code, out, _ = run("--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(NAMES)
    assert all(len(line) <= 120 for line in out.splitlines())
    assert run("--list", "ratio")[1].split()[0] == "ratio"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ratoi"], "unknown figure 'ratoi'; did you mean 'ratio'?"),
        (["ratio", "sufix-tv"], "unknown figure 'sufix-tv'; did you mean 'suffix-tv'?"),
        (["xyz"], "unknown figure 'xyz'; known: decomposition, frontier"),
        ([], "name a figure, or all; --list names them"),
        (["--list", "nope"], "unknown figure 'nope'; known: decomposition, frontier"),
        (["ratio", "--preset", "big"], "argument --preset: invalid choice: 'big'"),
    ],
)
def test_bad_usage(arguments, message, run, tmp_path):
    code, out, err = run(*arguments, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "out").exists()


def test_without_records_the_command_that_makes_them_is_named_and_the_others_are_made(run, tmp_path):
    arguments = ["main", "suffix-tv", "frontier", "--preset", "smoke", "--results", tmp_path / "no"]
    code, out, err = run(*arguments, "--out", tmp_path / "out")
    assert code == 3
    remedy = f"make them with: {command_for(tmp_path / 'no')}"
    assert err.splitlines() == [
        f"figures: {name}: no records in {tmp_path}/no/main; {remedy}" for name in ("main", "frontier")
    ]
    assert out.startswith("suffix-tv: ")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(f"suffix-tv{k}" for k in KINDS)


def test_records_beside_their_cells_are_found(tmp_path):
    (written(tmp_path / "base") / "main").rename(tmp_path / "summary")
    (tmp_path / "base" / "main").mkdir()
    (tmp_path / "summary").rename(tmp_path / "base" / "main" / "summary")
    found = Source("smoke", results=tmp_path / "base").records("main")
    assert [record.config for record in found.values()] == [
        r.config for r in source().records("main").values()
    ]


def test_without_rollouts_their_place_is_named(run, tmp_path):
    code, _, err = run("ledger", "--rollouts", tmp_path, "--out", tmp_path / "out")
    assert code == 3
    assert f"figures: ledger: {tmp_path / ROLLOUTS['A']} is missing" in err


def test_a_decomposition_without_its_rules_says_so(run, tmp_path):
    for path in written(tmp_path).rglob("*.npz"):
        if path.stem in ("pg-is", "dppo", "cppo"):
            path.unlink()
    code, _, err = run("decomposition", "--results", tmp_path, "--out", tmp_path / "out")
    assert (code, err.count("\n")) == (3, 1)
    assert "none of the rules pg-is, dppo, cppo has a record" in err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # np.load leaves it open
def test_a_damaged_record_is_named(run, tmp_path):
    path = written(tmp_path) / "main" / "brackets-mlp" / "dppo.npz"
    path.write_bytes(path.read_bytes()[:100])
    code, _, err = run("frontier", "--results", tmp_path, "--out", tmp_path / "out")
    assert code == 3
    assert f"{path}: this is no record" in err
    assert err.endswith(f"; make it anew with: {command_for(tmp_path)}\n")
    assert err.count("\n") == 1


def test_a_record_that_is_no_summary_is_named_and_the_other_figures_are_made(run, tmp_path):
    path = written(tmp_path) / "main" / "brackets-mlp" / "dppo.npz"
    found = record("brackets-mlp", "dppo")
    del found.arrays["residual"]
    path.write_bytes(encoded(found))
    names = ("frontier", "main", "decomposition", "suffix-tv")
    code, out, err = run(*names, "--preset", "smoke", "--results", tmp_path, "--out", tmp_path / "out")
    assert code == 3
    remedy = f"make it anew with: {command_for(tmp_path)}"
    fault = f"{path}: this is no summary of a rule (no residual); {remedy}"
    assert err.splitlines() == [f"figures: {name}: {fault}" for name in names[:3]]
    assert out.startswith("suffix-tv: ")


def test_records_of_other_code_are_told_once(run, tmp_path):
    paths = sorted(written(tmp_path).rglob("*.npz"))
    for path in paths[:3]:
        found = read(path)
        path.write_bytes(encoded(Record({**found.config, "code": "older"}, found.seeds, found.arrays)))
    names = ("decomposition", "frontier")
    code, _, err = run(*names, "--preset", "smoke", "--results", tmp_path, "--out", tmp_path / "out")
    assert code == 0
    assert err == (
        "figures: main: 3 of 12 records were made by other code; "
        f"make them anew with: {command_for(tmp_path)}\n"
    )
    found = [json.loads((tmp_path / "out" / f"{name}.json").read_text()) for name in names]
    assert [len(x["inputs"]) for x in found] == [6, 12]
    assert [x["by_other_code"] for x in found] == [2, 3]


def test_the_recipe_of_a_figure_stands_alone(capsys):
    page = (ROOT / "docs" / "extending.md").read_text("utf-8").split("\n## A figure\n")[1]
    exec(page.split("```python\n")[1].split("```")[0], {})
    assert capsys.readouterr().out.strip() == page.split("```text\n")[1].split("```")[0].strip()


def test_too_few_seeds_are_refused(run, tmp_path):
    path = written(tmp_path) / "main" / "brackets-mlp" / "dppo.npz"
    path.write_bytes(encoded(record("brackets-mlp", "dppo").only([1000, 1001])))
    code, _, err = run("frontier", "--results", tmp_path, "--out", tmp_path / "out")
    assert code == 3
    found = "found 2 seeds, at least 3 are required"
    remedy = f"make it anew with: {command_for(tmp_path)}"
    assert err == f"figures: frontier: {path}: {found}; {remedy}\n"


def test_the_command_that_makes_records_names_the_folder_where_they_are_looked_for(tmp_path):
    plain = "python -m simulations run main --preset paper"
    assert Source().command_for("main") == plain
    assert Source(results=tmp_path / "x" / "paper").command_for("main") == f"{plain} --out {tmp_path / 'x'}"
    assert Source(results=tmp_path / "x").command_for("main") == command_for(tmp_path / "x")


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("suffix-tv", "--preset", "smoke", "--out", tmp_path / "file" / "out")
    assert code == 3
    assert err.startswith("figures: suffix-tv: ")
    assert err.count("\n") == 1


def test_an_interruption_keeps_what_is_whole(run, tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(figure("frontier"), "data", interrupted)
    code, out, err = run("suffix-tv", "frontier", "--preset", "smoke", "--out", tmp_path)
    assert (code, err) == (130, "figures: interrupted\n")
    assert out.startswith("suffix-tv: ")
    assert len(list(Path(tmp_path).iterdir())) == len(KINDS)


def test_presets_differ_in_size():
    assert Source("smoke").pick(1, 2) == 1
    assert Source("paper").pick(1, 2) == Source().pick(1, 2) == 2
