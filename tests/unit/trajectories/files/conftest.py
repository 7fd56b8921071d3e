"""Small files of a made-up dynamics run, in the columns VASP prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

SPECIES = ("Li", "Li", "P", "S")
LATTICE = np.array([[5.0, 0.0, 0.0], [0.5, 6.0, 0.0], [0.0, -0.25, 7.0]])


def _rows(table, form):
    return ["".join(form % x for x in row) for row in table]


def _lines(table, first, second, between):
    """Lines of OUTCAR: three numbers of one layout, three of another."""
    return "".join(
        "   "
        + "".join(f"{x:{first}}" for x in row[:3])
        + between
        + "".join(f"{x:{second}}" for x in row[3:])
        + "\n"
        for row in table
    )


@dataclass(frozen=True)
class Run:
    """Frames `first` to `first + n` of one smooth motion; each number has eight decimals."""

    n: int
    first: int = 0
    changes: bool = False
    nsw: int = 10
    shift: float = 0.0
    skip_velocity: int = 0

    def lattice(self, k):
        return np.round(LATTICE * (1 + 0.001 * (self.first + k) * self.changes), 8)

    def positions(self, k):
        t = self.first + k + self.skip_velocity
        phases = np.arange(12).reshape(4, 3)
        moving = 0.02 * np.sin(0.2 * t + phases) + 0.004 * t
        return np.round((0.11 * phases + moving + self.shift) % 1.0, 8) % 1.0

    def forces(self, k):
        return np.round(np.cos(0.2 * (self.first + k) + np.arange(12).reshape(4, 3)) * 12, 8)

    def energies(self, k):
        t = self.first + k
        kinetic = round(0.3 + 0.05 * np.sin(0.3 * t), 8)
        free = round(-20.5 - kinetic, 8)
        nose = (round(0.01 * np.sin(0.1 * t), 8), round(0.002 * np.cos(0.1 * t), 8))
        return free, kinetic, nose, round(free + kinetic + sum(nose), 8)

    def xdatcar(self):
        out = []
        for k in range(self.n):
            if k == 0 or self.changes:
                out += ["made up", "           1"]
                out += _rows(self.lattice(k), "%13.8f")
                out += ["   Li   P    S ", "     2     1     1"]
            out.append(f"Direct configuration={k + 1:6d}")
            out += _rows(self.positions(k), "%12.8f")
        return ("\n".join(out) + "\n").encode()

    def vasprun(self, closed=True):
        atoms = "".join(f"    <rc><c>{s:2s}</c><c>   1</c></rc>\n" for s in SPECIES)
        out = []
        out.append(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
            '  <i name="program" type="string">vasp </i>\n </generator>\n <incar>\n'
            f'  <i type="int" name="NSW">{self.nsw:6d}</i>\n  <i type="int" name="IBRION">'
            '     0</i>\n  <i name="POTIM">      2.00000000</i>\n </incar>\n <atominfo>\n'
            f'  <atoms>{len(SPECIES):8d} </atoms>\n  <array name="atoms" >\n   <set>\n{atoms}'
            "   </set>\n  </array>\n </atominfo>\n"
        )
        for k in range(self.n):
            free, kinetic, nose, total = self.energies(k)
            scf = f'   <energy>\n    <i name="e_fr_energy"> {free + 1:15.8f} </i>\n   </energy>\n'
            out.append(
                f" <calculation>\n  <scstep>\n{scf}  </scstep>\n  <scstep>\n{scf}  </scstep>\n"
                "  <structure>\n   <crystal>\n"
                + self._varray("basis", self.lattice(k), "    ")
                + "   </crystal>\n"
                + self._varray("positions", self.positions(k), "   ")
                + "  </structure>\n"
                + self._varray("forces", self.forces(k), "  ")
                + "  <energy>\n"
                + "".join(
                    f'   <i name="{name}">{value:16.8f} </i>\n'
                    for name, value in (
                        ("e_fr_energy", free),
                        ("e_wo_entrp", free),
                        ("e_0_energy", free),
                        ("kinetic", kinetic),
                        ("lattice kinetic", 0.0),
                        ("nosepot", nose[0]),
                        ("nosekinetic", nose[1]),
                        ("total", total),
                    )
                )
                + "  </energy>\n </calculation>\n"
            )
        if closed:
            out.append(' <structure name="finalpos" >\n </structure>\n</modeling>\n')
        return "".join(out).encode()

    def _varray(self, name, table, indent):
        rows = "".join(f"{indent} <v>{row} </v>\n" for row in _rows(table, "%16.8f"))
        return f'{indent}<varray name="{name}" >\n{rows}{indent}</varray>\n'

    def outcar(self, closed=True):
        line = " " + "-" * 83 + "\n"
        out = []
        out.append(
            " vasp.6.4.2 20Jul23 (build) complex\n POTCAR:    PAW_PBE Li_sv 10Sep2004\n"
            "   VRHFIN =Li: 1s2s2p\n   VRHFIN =P : s3p3\n   VRHFIN =S : s2p4\n"
            "   ions per type =               2   1   1\n"
            f"   NSW    = {self.nsw:6d}    number of steps for IOM\n"
            "   IBRION =      0    ionic relax: 0-MD 1-quasi-New 2-CG\n"
            "   POTIM  = 2.0000    time-step for ionic-motion\n"
        )
        for k in range(self.n):
            free, kinetic, nose, total = self.energies(k)
            vectors = np.hstack([self.lattice(k), np.linalg.inv(self.lattice(k)).T])
            cell = _lines(vectors, "13.9f", "13.9f", " " * 4)
            rows = np.hstack([self.positions(k) @ self.lattice(k), self.forces(k)])
            table = _lines(rows, "13.5f", "14.6f", " " * 3)
            out.append(
                "".join(f"-------- Iteration {k + 1:6d}({e:4d})  -------\n" for e in (1, 2))
                + f"  free energy    TOTEN  = {free:18.8f} eV\n"
                "  energy without entropy = -1.0  energy(sigma->0) = -1.0\n"
                " VOLUME and BASIS-vectors are now :\n"
                "      direct lattice vectors                 reciprocal lattice vectors\n"
                f"{cell}\n POSITION                                       TOTAL-FORCE (eV/Angst)\n"
                f"{line}{table}{line}"
                "    total drift:        0.001 0.002 0.003\n\n"
                f"  free  energy   TOTEN  = {free:18.8f} eV\n\n"
                f"  energy  without entropy= {free:16.8f}  energy(sigma->0) = {free:16.8f}\n\n"
                f"  kinetic energy EKIN   = {kinetic:16.6f}\n"
                f"  kin. lattice  EKIN_LAT= {0.0:16.6f}  (temperature {300 + k:7.2f} K)\n"
                f"  nose potential ES     = {nose[0]:16.6f}\n"
                f"  nose kinetic   EPS    = {nose[1]:16.6f}\n"
                f"  ---------------------------------------------------\n"
                f"  total energy   ETOTAL = {total:16.6f} eV\n\n"
                "     LOOP+:  cpu time    6.99: real time    7.18\n"
            )
        if closed:
            out.append("\n\n General timing and accounting informations for this job:\n")
        return "".join(out).encode()

    def oszicar(self):
        out = []
        for k in range(self.n):
            free, kinetic, nose, total = self.energies(k)
            out.append(
                "       N       E                     dE             d eps       ncg     rms"
            )
            out += [
                f"DAV: {e:3d}    -0.22550358E+03   -0.2E+03   -0.1E+02  1234   0.1E+02"
                for e in (1, 2, 3)
            ]
            out.append(
                f"{k + 1:7d} T= {300 + k:6d}. E= {total:.8E} F= {free:.8E} E0= {free:.8E}"
                f"  EK= {kinetic:.5E} SP= {nose[0]:.2E} SK= {nose[1]:.2E}"
            )
        return ("\n".join(out) + "\n").encode()

    def write_vaspout(self, path: Path, n_forces=None):
        with h5py.File(path, "w") as file:
            file["results/positions/ion_types"] = np.array([b"Li", b"P", b"S"])
            file["results/positions/number_ion_types"] = [2, 1, 1]
            file["results/positions/scale"] = 1.0
            file["input/incar/POTIM"] = 2.0
            file["input/incar/NSW"] = self.nsw
            file["input/incar/IBRION"] = 0
            group = file.create_group("intermediate/ion_dynamics")
            group["position_ions"] = [self.positions(k) for k in range(self.n)]
            group["lattice_vectors"] = [self.lattice(k) for k in range(self.n)]
            group["forces"] = [
                self.forces(k) for k in range(self.n if n_forces is None else n_forces)
            ]
            tags = (
                "free energy    TOTEN   ",
                "kinetic energy EKIN    ",
                "temperature    TEIN    ",
                "total energy   ETOTAL  ",
            )
            group["energies_tags"] = np.array([tag.encode() for tag in tags])
            rows = [self.energies(k) for k in range(self.n)]
            group["energies"] = [[e[0], e[1], 300 + k, e[3]] for k, e in enumerate(rows)]


@pytest.fixture(scope="session")
def make_run():
    """Make a made-up run of `n` frames from frame `first` on."""
    return Run


@pytest.fixture(scope="session")
def text_of():
    """Write a run in one of the text formats."""
    writers = {
        "XDATCAR": Run.xdatcar,
        "vasprun.xml": Run.vasprun,
        "OUTCAR": Run.outcar,
        "OSZICAR": Run.oszicar,
    }
    return lambda run, name: writers[name](run)
