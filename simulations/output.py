"""The folder that a command writes to: found out before minutes are spent, told as a mistake in ``--out``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cppo_theory.errors import InputError


def check_folder(out: Path) -> None:
    """Raise if nothing can be written there; nothing is left behind."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    with suppress(OSError):  # another command may have begun to write there
        for folder in made:
            folder.rmdir()


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Tell what cannot be written as a mistake in ``--out``."""
    try:
        yield
    except OSError as error:
        raise InputError("--out", f"{out}: {error.strerror}", "name a folder that can be written") from None
