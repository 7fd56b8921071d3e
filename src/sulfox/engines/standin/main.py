"""The executable ``sulfox-vasp-standin``: takes VASP's place on PATH, takes no arguments.

It computes with NEP89, or with what the environment variable ``SULFOX_STANDIN_POTENTIAL``
names (``ase.calculators.emt:EMT``). Faults on demand: :mod:`sulfox.engines.standin.faults`.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

__all__ = ["main"]

_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")
_BAR = " " + "-" * 77


def main() -> int:
    """Run in the current folder.

    Returns
    -------
    int
        Exit status: 0 where the run ended in order, 1 where VASP would refuse, 38 where the
        disk is full (as a Fortran program), the one of a fault that names one.
    """
    if any(os.environ.get(name, "0") != "0" for name in _RANKS):
        return 0  # mpirun started several: the first one works
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sulfox.engines.standin.recorder import say
    from sulfox.engines.standin.run import VaspFailure, run_in_folder
    from sulfox.errors import SulfoxError

    potential = os.environ.get("SULFOX_STANDIN_POTENTIAL") or "nep89"
    try:
        run_in_folder(Path.cwd(), potential)
    except VaspFailure as failure:
        if failure.message:
            say(failure.message)
        return failure.status
    except SulfoxError as error:
        say(f"{_BAR}\n|     ERROR in sulfox-vasp-standin (NOT VASP)\n|     {error.line}\n|")
        say(f"|       ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----\n{_BAR}")
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        sys.stderr.write(f"forrtl: {error.strerror}\nforrtl: severe (38): error during write\n")
        return 38
    return 0


if __name__ == "__main__":
    sys.exit(main())
