"""What tests of VASP runs share: recorded files and POTCAR files that hold no data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]

#: Enough of a header for pymatgen; there is no potential in it.
_HEADER = """  PAW_PBE {symbol} placeholder
 {zval:.4f}
 parameters from PSCTR are:
   VRHFIN ={element}: placeholder
   LEXCH  = PE
   EATOM  =     0.0000 eV,    0.0000 Ry

   TITEL  = PAW_PBE {symbol} placeholder
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =    0.000    partial core radius
   POMASS =   10.000; ZVAL   =  {zval:7.3f}    mass and valenz
   RCORE  =    1.000    outmost cutoff radius
   RWIGS  =    1.000; RWIGS  =    1.000    wigner-seitz radius (au A)
   ENMAX  =  {enmax:.3f}; ENMIN  =  {enmin:.3f} eV
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   EAUG   =    500.000
   RMAX   =    1.000    core radius for proj-oper
   RDEP   =    1.000    radius for radial grids
   RDEPT  =    1.000    core radius for aug-charge

END of PSCTR-controll parameters
 local part
 0.0 0.0 0.0
End of Dataset
"""


@pytest.fixture
def placeholder_potcar():
    """A function (symbol, electrons, enmax) -> text of a POTCAR without a potential."""

    def write(symbol, zval, enmax):
        return _HEADER.format(
            symbol=symbol,
            element=symbol.split("_")[0],
            zval=zval,
            enmax=enmax,
            enmin=0.75 * enmax,
        )

    return write


@pytest.fixture
def data_dir():
    """Recorded files; tests that need them are skipped where they are absent."""
    folder = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"recorded data not found: {folder} (set SULFOX_TEST_DATA)")
    return folder
