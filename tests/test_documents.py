"""What README.md and docs/*.md show is what happens.

Blocks run in order, per document, in one folder that holds the golden instances and `examples/`:

- after ``<!-- file: NAME -->`` a block is written to NAME;
- ``python`` blocks share one namespace; a ``text`` block that follows one is what it prints;
- in ``console`` blocks every ``$ cppo-theory ...`` runs, with exit code 0 unless ``$ echo $?`` comes next;
  the lines below a command are what it prints on standard output, no lines say nothing about it;
- an ``sh`` block of one command ``.venv/bin/cppo-theory ...`` runs too; a ``text`` block that follows is
  what it prints.

``...`` stands for any text, and runs of white space count as one space. Other blocks are not run.
"""

import contextlib
import doctest
import io
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from cppo_theory.claims import CLAIMS
from cppo_theory.recursions import BACKWARD

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "examples/README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
COMMAND = Path(sys.executable).with_name("cppo-theory")
FENCE = re.compile(r"^```(\w*)[ ]*$")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"^<!-- file: (\S+) -->$")
INSTALLED = re.compile(r"\.venv/bin/(cppo-theory .*\n)")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its first line's number, and the file it stands for."""

    language: str
    text: str
    line: int
    file: str | None


def blocks(text: str) -> Iterator[Block]:
    """Fenced blocks of a Markdown text, in order."""
    opening: tuple[str, int] | None = None
    body: list[str] = []
    file = None
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if opening is None and fence:
            opening, body = (fence[1], number + 1), []
        elif opening is None and line.strip():
            named = FILE.match(line)
            file = named[1] if named else None
        elif opening is not None and line == "```":
            yield Block(opening[0], "\n".join(body) + "\n", opening[1], file)
            opening = file = None
        elif opening is not None:
            body.append(line)
    assert opening is None, f"the block that opens above line {opening and opening[1]} is not closed"


def assert_shown(shown: str, printed: str, place: str) -> None:
    """What a document shows is what was printed, up to ``...`` and white space."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    same = doctest.OutputChecker().check_output(shown, printed, flags)
    assert same, f"{place} shows\n{shown}\nbut this is printed\n{printed}"


def commands(text: str) -> Iterator[tuple[str, str, int]]:
    """Of a console block: command, output shown, exit code shown."""
    _, *entries = re.split(r"^\$ ", "\n" + text, flags=re.MULTILINE)
    for entry, following in zip(entries, [*entries[1:], ""], strict=True):
        line, _, output = entry.partition("\n")
        code = following.removeprefix("echo $?") if following.startswith("echo $?") else "0"
        if line != "echo $?":
            yield line, output, int(code)


def run_commands(text: str, folder: Path, place: str) -> str:
    """Run the commands of a console block in the folder; returns what the last one printed."""
    printed = ""
    for line, shown, code in commands(text):
        program, *arguments = shlex.split(line)
        assert program == "cppo-theory", (
            f"{place}: {line!r} is not run by this test; use a block of another kind"
        )
        done = subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{place}: {line}\n{done.stdout}{done.stderr}"
        printed = done.stdout
        if shown:
            assert_shown(shown, printed, f"{place}: {line}")
    return printed


def run_document(text: str, folder: Path, name: str) -> None:
    """Run all blocks of a document; the current folder is `folder`."""
    namespace: dict[str, object] = {"__name__": name}
    printed: str | None = None
    for block in blocks(text):
        place = f"{name}:{block.line}"
        if block.file:
            (folder / block.file).write_text(block.text, "utf-8")
        elif block.language == "console":
            run_commands(block.text, folder, place)
        elif block.language == "text" and printed is not None:
            assert_shown(block.text, printed, place)
        printed = None
        if block.language == "python":
            lines = "\n" * (block.line - 1) + block.text
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(lines, name, "exec"), namespace)
            printed = output.getvalue()
        elif block.language == "sh" and (installed := INSTALLED.fullmatch(block.text)):
            printed = run_commands(f"$ {installed[1]}", folder, place)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the golden instances and the examples, made the current one; what a recipe registers is
    undone."""
    for path in (ROOT / "cppo_theory" / "data").glob("*.instance.json"):
        shutil.copy(path, tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # modules that a document writes
    with mock.patch.dict(BACKWARD), mock.patch.dict(CLAIMS):
        yield tmp_path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_blocks_of_a_document_do_what_it_says(name, folder):
    run_document((ROOT / name).read_text("utf-8"), folder, name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_links_of_a_document_lead_somewhere(name):
    document = ROOT / name
    broken = [
        target
        for target in LINK.findall(document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_the_architecture_names_every_part_of_the_package():
    parts = {path.stem for path in (ROOT / "cppo_theory").iterdir() if path.suffix == ".py" or path.is_dir()}
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"^\| \d \| `(\w+)` \|", text, flags=re.MULTILINE))
    assert named == {part for part in parts if not part.startswith("__")} - {"data"}


SOUND = """
<!-- file: note.txt -->
```
hello
```

```python
from pathlib import Path
x = Path("note.txt").read_text()
```
Then:
```python
print(x * 2, 1 / 3)
```
prints
```text
hello
hello
 0.333...
```

```console
$ cppo-theory claims
$ cppo-theory evaluate absent.json
$ echo $?
3
```

```sh
.venv/bin/cppo-theory claims show thm-1
```

```text
thm-1: ...
```

```sh
not run
```
"""


def test_a_sound_document_passes(folder):
    run_document(SOUND, folder, "sound")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.333...", "0.334..."),
        ("note.txt -->", "other.txt -->"),
        ("x * 2", "y * 2"),
        ("claims\n", "claims\nnot what it prints\n"),
        ("claims\n", "no-such-command\n"),
        ("$ echo $?\n3\n", ""),
        ("$ echo $?\n3\n", "$ echo $?\n2\n"),
        ("$ cppo-theory claims", "$ make all"),
        ("```text\nthm-1: ", "```text\nthm-2: "),
        ("not run\n```\n", "not run\n"),
    ],
)
def test_a_wrong_document_fails(old, new, folder):
    assert old in SOUND
    with pytest.raises((AssertionError, OSError, NameError)):
        run_document(SOUND.replace(old, new), folder, "wrong")
