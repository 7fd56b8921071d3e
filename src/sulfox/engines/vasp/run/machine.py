"""How VASP is started on this machine."""

from __future__ import annotations

import shlex
import shutil
from typing import Self

from pydantic import Field

from sulfox.documents.base import Record
from sulfox.engines.standin.label import MARK
from sulfox.settings import Settings
from sulfox.units import Seconds

__all__ = ["VaspMachine"]


class VaspMachine(Record):
    """How VASP is started on this machine.

    Attributes
    ----------
    std_command, gam_command : str
        Command lines; the second where the zone centre is the only k-point.
    ncore, kpar : int or None
        Parallel execution; they change no number.
    poll_s : float
        Seconds between looks at a running VASP.
    """

    std_command: str = "vasp_std"
    gam_command: str = "vasp_gam"
    ncore: int | None = None
    kpar: int | None = None
    poll_s: Seconds = Field(default=5.0, gt=0)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the machine's settings.

        Parameters
        ----------
        settings : Settings
            In force now.
        """
        return cls(
            std_command=settings.vasp_std_command,
            gam_command=settings.vasp_gam_command,
            ncore=settings.vasp_ncore,
            kpar=settings.vasp_kpar,
            poll_s=settings.vasp_poll_s,
        )

    @property
    def tags(self) -> dict[str, int]:
        """INCAR tags of parallel execution."""
        given = {"NCORE": self.ncore, "KPAR": self.kpar}
        return {tag: value for tag, value in given.items() if value is not None}

    @property
    def is_standin(self) -> bool:
        """Whether the command is sulfox's stand-in: its numbers are not VASP's."""
        return MARK in self.std_command or MARK in self.gam_command

    def problem(self) -> str | None:
        """Say why VASP cannot be started here; None where it can."""
        words = shlex.split(self.std_command)
        if words and shutil.which(words[0]) is not None:
            return None
        return (
            f"no executable {words[0] if words else '(empty command)'!r} on the PATH; set "
            "SULFOX_VASP_STD_COMMAND and SULFOX_VASP_GAM_COMMAND to how VASP is started here"
        )
