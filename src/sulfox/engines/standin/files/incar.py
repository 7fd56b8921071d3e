"""INCAR as VASP reads it: tag = value, several by semicolons, the first of two counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sulfox.engines.standin.files.incar_tables import KINDS
from sulfox.errors import SulfoxError

__all__ = ["Incar", "input_error", "read_incar"]

_REPEAT = re.compile(r"(\d+)\*(\S+)")


def input_error(name: str, found: str, expected: str) -> SulfoxError:
    """Compose the error for an input file that cannot be used.

    Parameters
    ----------
    name : str
        File, and what of it.
    found, expected : str
        What is there, what should be.
    """
    return SulfoxError(
        "SFX-341", who=name, found=found, expected=expected, next_step="correct this input file"
    )


@dataclass(frozen=True)
class Incar:
    """Tags as text, read by kind.

    Attributes
    ----------
    tags : dict
        Tag in capitals -> value as text.
    """

    tags: dict[str, str]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Tags that the stand-in does not know; they change nothing, as in VASP."""
        return tuple(tag for tag in self.tags if tag not in KINDS)

    def text(self, tag: str, default: str) -> str:
        """Give a word.

        Parameters
        ----------
        tag : str
            In capitals.
        default : str
            Where the INCAR does not have it.
        """
        return self.tags.get(tag, default).strip().strip("\"'")

    def logical(self, tag: str, default: bool) -> bool:
        """Give a truth value: ``.TRUE.``, ``T``, ``.F.``.

        Parameters
        ----------
        tag : str
            In capitals.
        default : bool
            Where the INCAR does not have it.
        """
        if tag not in self.tags:
            return default
        letter = self.tags[tag].strip(" .")[:1].upper()
        if letter not in ("T", "F"):
            raise input_error(f"INCAR tag {tag}", self.tags[tag], ".TRUE. or .FALSE.")
        return letter == "T"

    def real(self, tag: str, default: float) -> float:
        """Give a number.

        Parameters
        ----------
        tag : str
            In capitals.
        default : float
            Where the INCAR does not have it.
        """
        numbers = self.reals(tag)
        return numbers[0] if numbers else default

    def integer(self, tag: str, default: int) -> int:
        """Give a whole number.

        Parameters
        ----------
        tag : str
            In capitals.
        default : int
            Where the INCAR does not have it.
        """
        number = self.real(tag, default)
        if number != int(number):
            raise input_error(f"INCAR tag {tag}", self.tags[tag], "a whole number")
        return int(number)

    def reals(self, tag: str) -> list[float]:
        """Give a list of numbers; ``4*5.0`` stands for four of them.

        Parameters
        ----------
        tag : str
            In capitals.

        Returns
        -------
        list of float
            Empty where the INCAR does not have it.
        """
        numbers: list[float] = []
        for word in self.tags.get(tag, "").split():
            repeat = _REPEAT.fullmatch(word)
            count, number = (int(repeat[1]), repeat[2]) if repeat else (1, word)
            try:
                numbers += [float(number.upper().replace("D", "E"))] * count
            except ValueError:
                raise input_error(f"INCAR tag {tag}", self.tags[tag], "numbers") from None
        if tag in self.tags and not numbers:
            raise input_error(f"INCAR tag {tag}", "no value", "numbers")
        return numbers


def read_incar(path: Path) -> Incar:
    """Read an INCAR.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Incar
        Its tags.

    Raises
    ------
    SulfoxError
        SFX-341 if there is none.
    """
    if not path.is_file():
        raise input_error("INCAR", "No INCAR found, STOPPING", "an INCAR in the working folder")
    text = path.read_text("latin-1").replace("\\\n", " ")
    tags: dict[str, str] = {}
    for line in text.splitlines():
        for statement in re.split(r"[#!]", line, maxsplit=1)[0].split(";"):
            tag, sign, value = statement.partition("=")
            if sign and tag.strip():
                tags.setdefault(tag.strip().upper(), value.strip())
    return Incar(tags)
