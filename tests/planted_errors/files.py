"""Errors in what reads and writes files, in the commands and in `verify`."""

from tests.planted import Planted, planted_in

BAD, FILES, CLI, VERIFY = (
    f"tests/test_{name}.py" for name in ("bad_input", "instance_files", "cli", "verify")
)

documents = planted_in("cppo_theory/documents.py")
files = planted_in("cppo_theory/instance_files.py")
instance = planted_in("cppo_theory/instance.py", "tests/test_instance.py")
atomic = planted_in("cppo_theory/files.py", FILES)
evaluate = planted_in("cppo_theory/cli/evaluate.py")
terminal = planted_in("cppo_theory/cli/terminal.py", CLI)
command = planted_in("cppo_theory/cli/__init__.py", BAD)
run = planted_in("cppo_theory/verify/run.py")
tally = planted_in("cppo_theory/verify/tally.py")
suites = planted_in("cppo_theory/verify/suites.py", f"{VERIFY}::test_the_instances_of_the_issue_are_there")

ERRORS: tuple[Planted, ...] = (
    documents("files: the last of duplicate keys wins", "if key in out:", "if False:", BAD),
    documents("files: true is a number", " and not isinstance(item, bool):\n", ":\n", BAD),
    documents("files: infinity is a number", "not np.isfinite(item)", "np.isnan(item)", BAD),
    documents("files: unknown fields are ignored", 'check_known("", data,', 'check_known("", {},', BAD),
    documents("files: a list may be too long", "len(nested) != shape[0]", "len(nested) < shape[0]", BAD),
    documents("files: any schema", 'data.get("schema") != schema', '"schema" not in data', BAD),
    documents(
        "files: Fractions are saved as floats", "frompyfunc(str, 1, 1)", "frompyfunc(float, 1, 1)", FILES
    ),
    files("files: memory without the last level", "horizon * math.log2", "(horizon - 1) * math.log2", BAD),
    files(
        "files: any stationary table", "stationary and len(set(sizes[:-1])) > 1", "stationary and False", BAD
    ),
    files("files: mixed numbers stay silent", "_contains(raw, float) and", "False and", FILES),
    files("files: end tokens are not saved", ', "end": list(space.end)}', "}", FILES),
    files("files: delta_b is dropped", "            schedule.delta_b,\n", "            None,\n", FILES),
    instance("instance: mu << pi for pi << mu", "(mu == 0) & (pi > 0)", "(pi == 0) & (mu > 0)"),
    instance("instance: a prefix that ended goes on", "ended & np.logical_not(one_hot)", "ended & False"),
    instance("instance: the kernel stays float", "to_exact, space=space,", "to_exact,"),
    planted_in("cppo_theory/checks.py", "tests/test_instance.py")(
        "checks: rows below one", "sums != 1 if", "sums > 1 if"
    ),
    atomic(
        "files: the old file goes before the new one is whole",
        "exist_ok=True)\n",
        "exist_ok=True)\n        path.unlink(missing_ok=True)\n",
    ),
    atomic("files: a failure leaves its temporary file", "temporary.unlink(missing_ok=True)", "pass"),
    evaluate("evaluate: a violated claim exits 0", "return 1 if any(", "return 0 if any(", CLI),
    evaluate("evaluate: options are ignored", "    if not numbers:", "    if True:", CLI),
    evaluate("evaluate: w_min is not checked", "not 0 < value <= 1", "not value <= 1", BAD),
    terminal(
        "terminal: numbers lose their fractions", 'return f"{decimal} = {value}" if', "return decimal if"
    ),
    command("commands: bad input exits 2", "return 3", "return 2", count=2),
    run(
        "verify: one seed for all",
        "in build(seed, unit)",
        "in build(0, unit)",
        f"{VERIFY}::test_the_report_depends_on_the_seed_alone",
    ),
    run(
        "verify: cases of one unit only",
        "self.cases += other.cases",
        "self.cases = other.cases",
        f"{VERIFY}::test_every_case_is_counted_once_per_claim",
    ),
    tally(
        "verify: violations without their constraints",
        "if constraints is not None:",
        "if False:",
        f"{VERIFY}::test_a_false_claim_is_found_and_replayed_exactly",
    ),
    tally(
        "verify: cases that apply count twice",
        "applicable.size - tally.applicable",
        "applicable.size",
        f"{VERIFY}::test_every_case_is_counted_once_per_claim",
    ),
    suites("verify: trees without end tokens", "if index % 3 == 1 else ()", "if False else ()"),
)
