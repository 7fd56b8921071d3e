"""Tags of VASP: their kinds, their order in vasprun.xml, the defaults the stand-in writes there.

Kinds: ``i`` whole number, ``f`` number, ``l`` truth value, ``s`` word, ``iv`` and ``fv`` lists.
Source: https://www.vasp.at/wiki/index.php/Category:INCAR_tag.
"""

from __future__ import annotations

__all__ = ["KINDS", "SECTIONS"]

_Row = tuple[str, str, str]


def _rows(text: str) -> tuple[_Row, ...]:
    rows = []
    for line in text.strip().splitlines():
        tag, kind, *default = line.split(maxsplit=2)
        rows.append((tag, kind, default[0] if default else ""))
    return tuple(rows)


#: Section of <parameters> -> (tag, kind, default); what depends on the run is filled in there.
SECTIONS: dict[str, tuple[_Row, ...]] = {
    "general": _rows("SYSTEM s unknown system\nLCOMPAT l F"),
    "electronic": _rows(
        """PREC s normal
        ENMAX f 400
        ENAUG f 800
        EDIFF f 1e-4
        IALGO i 38
        IWAVPR i 11
        NBANDS i 1
        NBANDSLOW i -1
        NBANDSHIGH i -1
        NELECT f 0
        TURBO i 0
        IRESTART i 0
        NREBOOT i 0
        NMIN i 0
        EREF f 0"""
    ),
    "electronic smearing": _rows(
        "ISMEAR i 1\nSIGMA f 0.2\nKSPACING f 0.5\nKGAMMA l T\nKBLOWUP l F"
    ),
    "electronic projectors": _rows("LREAL l F\nLMAXPAW i -100\nLMAXMIX i 2\nNLSPLINE l F"),
    "electronic startup": _rows("ISTART i 0\nICHARG i 2\nINIWAV i 1"),
    "electronic spin": _rows(
        """ISPIN i 1
        LNONCOLLINEAR l F
        MAGMOM fv 1
        NUPDOWN f -1
        LSORBIT l F
        SAXIS fv 0 0 1
        LSPIRAL l F
        LZEROZ l F"""
    ),
    "electronic exchange-correlation": _rows("LASPH l F\nLMETAGGA l F"),
    "electronic convergence": _rows("NELM i 60\nNELMDL i -5\nNELMIN i 2\nENINI f 400"),
    "electronic mixer": _rows(
        "AMIX f 0.4\nBMIX f 1\nAMIN f 0.1\nAMIX_MAG f 1.6\nBMIX_MAG f 1\nIMIX i 4\nMAXMIX i -45"
    ),
    "electronic dipolcorrection": _rows(
        "LDIPOL l F\nLMONO l F\nIDIPOL i 0\nEPSILON f 1\nDIPOL fv -100 -100 -100\nEFIELD f 0"
    ),
    "grids": _rows("NGX i 1\nNGY i 1\nNGZ i 1\nNGXF i 2\nNGYF i 2\nNGZF i 2\nADDGRID l F"),
    "ionic": _rows(
        """NSW i 0
        IBRION i -1
        MDALGO i 0
        ISIF i 2
        PSTRESS f 0
        EDIFFG f 1e-3
        NFREE i 0
        POTIM f 0.5
        SMASS f -3
        SCALEE f 1"""
    ),
    "ionic md": _rows(
        "TEBEG f 1e-4\nTEEND f 1e-4\nNBLOCK i 1\nKBLOCK i 1\nNPACO i 256\nAPACO f 10"
    ),
    "symmetry": _rows("ISYM i 2\nSYMPREC f 1e-5"),
    "dos": _rows("LORBIT i 0\nRWIGS fv -1\nNEDOS i 301\nEMIN f 10\nEMAX f -10\nEFERMI f 0"),
    "writing": _rows(
        "NWRITE i 2\nLWAVE l T\nLCHARG l T\nLPARD l F\nLVTOT l F\nLVHAR l F\nLELF l F\nLOPTICS l F"
    ),
    "performance": _rows("NPAR i 1\nNCORE i 1\nKPAR i 1\nNSIM i 4\nLPLANE l T\nLSCALAPACK l F"),
    "miscellaneous": _rows("IDIOT i 3\nLMUSIC l F\nPOMASS fv 1\nLCORR l T"),
    "": _rows("GGA_COMPAT l T\nLBERRY l F\nICORELEVEL i 0\nLDAU l F\nI_CONSTRAINED_M i 0"),
    "electronic exchange-correlation, functional": _rows(
        """GGA s --
        VOSKOWN i 0
        LHFCALC l F
        PRECFOCK s
        AEXX f 0
        HFSCREEN f 0
        ALDAX f 1
        AGGAX f 1
        ALDAC f 1
        AGGAC f 1"""
    ),
    "vdW DFT": _rows("LUSE_VDW l F"),
    "linear response parameters": _rows("LEPSILON l F\nLRPA l F\nLNABLA l F\nCSHIFT f 0.1"),
    "orbital magnetization": _rows("ORBITALMAG l F\nLCHIMAG l F"),
}
_OTHERS = {
    "i": """LDAUPRINT LDAUTYPE NHC_NCHAINS NSUBSYS IVDW NELMGW NBMOD ISEARCH IALGO NBLK NGYROMAG
         INIMIX MIXPRE MREMOVE LMAXTAU LMAXFOCK NKRED NKREDX NKREDY NKREDZ ML_MODE IMAGES
         NCORE_IN_IMAGE1 LBLUEOUT NDAV NRMM NUPDOWN_STEP EVENONLY ODDONLY MAXMEM LPEAD_ORDER""",
    "f": """ENCUT TIME NHC_PERIOD HFSCREENC PMASS LANGEVIN_GAMMA_L CSVR_PERIOD ANDERSEN_PROB WC
         LAMBDA VDW_RADIUS VDW_S6 VDW_S8 VDW_A1 VDW_A2 CMBJ EBREAK DEPER WEIMIN RTIME ENCUTFOCK
         ENCUTGW PARAM1 PARAM2 Zab_VDW ZAB_VDW EB_K NC_K TAU LB CBLOCK""",
    "l": """LDIAG LSCALU LSCAAWARE LASYNC LAECHG LPEAD LCALCPOL LCALCEPS LEFG LH5 LMIXTAU LDAUJ_OFF
         LTHOMAS LSUBROT LVDW LVDWN LFINITE_TEMPERATURE LVDWSCS LDOWNSAMPLE LSEPB LSEPK LKPROJ
         LORBITALREAL LBLUEOUT ML_LMLFF LSOL LTSSURF LKPOINTS_OPT LWANNIER90 LLOCPROJ LSYMGRAD""",
    "s": "ALGO METAGGA LOCPROJ STOP_ON",
    "iv": "LDAUL RANDOM_SEED IBAND KPUSE NSUBSYS LATTICE_CONSTRAINTS QUAD_EFG_N",
    "fv": """LDAUU LDAUJ LANGEVIN_GAMMA TSUBSYS PSUBSYS ROPT FERWE FERDO M_CONSTR EINT QSPIRAL STM
         QUAD_EFG PHON_BORN_CHARGES EFIELD_PEAD CMBJE VALUE_MAX VALUE_MIN INCREM""",
}
#: Every tag that the stand-in knows, whether or not it does something -> its kind.
KINDS: dict[str, str] = {
    **{tag: kind for kind, tags in _OTHERS.items() for tag in tags.split()},
    **{tag: kind for rows in SECTIONS.values() for tag, kind, _ in rows},
}
