"""Errors that a user can act on: which argument, where, what was found, what to do."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """A value given by the user is wrong; the message names the place, the finding and the remedy.

    Parameters
    ----------
    field : str
        Argument or field with its index, for example ``mu[1][0]``.
    found : str
        What stands there.
    remedy : str
        What is required, or what to do about it.
    """

    def __init__(self, field: str, found: str, remedy: str) -> None:
        self.field, self.found, self.remedy = field, found, remedy
        super().__init__(f"{field}: {found}; {remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        return type(self), (self.field, self.found, self.remedy)


def indexed(field: str, index: Sequence[int]) -> str:
    """Name of one entry of a nested argument: ``indexed("mu", (1, 0))`` is ``mu[1][0]``."""
    return field + "".join(f"[{int(i)}]" for i in index)
