"""The file vasprun.xml, in the pieces in which it grows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from xml.sax.saxutils import escape

import numpy as np

from sulfox import __version__
from sulfox.engines.standin.files.incar import Incar
from sulfox.engines.standin.files.incar_tables import KINDS, SECTIONS
from sulfox.engines.standin.files.k_points import KPoints
from sulfox.engines.standin.files.poscar import FloatArray, rows
from sulfox.engines.standin.files.step import ElectronicStep, IonicStep
from sulfox.engines.standin.label import MARK
from sulfox.engines.standin.setup import RunSetup

__all__ = ["electronic_xml", "head_xml", "ionic_xml", "structure_xml", "varray"]

_LINE = "   <v>   %16.8f %16.8f %16.8f </v>\n"
_TYPES = {"i": ' type="int"', "iv": ' type="int"', "l": ' type="logical"', "s": ' type="string"'}


def head_xml(setup: RunSetup) -> str:
    """Write the part before the first step.

    Parameters
    ----------
    setup : RunSetup
        The run.
    """
    now = time.localtime()
    poscar = setup.poscar
    steps = None
    if setup.is_dynamics and poscar.velocities is not None:
        steps = poscar.velocities @ np.linalg.inv(poscar.lattice) * setup.incar.real("POTIM", 0.5)
    parts = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n',
        f'  <i name="program" type="string">{MARK} </i>\n',
        f'  <i name="version" type="string">{__version__}  </i>\n',
        f'  <i name="subversion" type="string">{escape(setup.banner)} </i>\n',
        '  <i name="platform" type="string">NOT VASP </i>\n',
        f'  <i name="date" type="string">{time.strftime("%Y %m %d", now)} </i>\n',
        f'  <i name="time" type="string">{time.strftime("%H:%M:%S", now)} </i>\n',
        " </generator>\n <incar>\n",
        *(_item(tag, KINDS.get(tag, "s"), setup.incar, None) for tag in setup.incar.tags),
        " </incar>\n",
        structure_xml("primitive_cell", poscar.lattice, poscar.fractional),
        _k_points_xml(setup.k_points),
        " <parameters>\n",
        *_parameters_xml(setup),
        " </parameters>\n",
        _atoms_xml(setup),
        structure_xml("initialpos", poscar.lattice, poscar.fractional, steps),
    ]
    return "".join(parts)


def _item(tag: str, kind: str, incar: Incar, value: str | None, indent: str = "  ") -> str:
    """Write a tag with its value from the INCAR, or the one given."""
    source = incar if value is None else Incar({tag: value})
    if kind == "s":
        text = escape(source.text(tag, ""))
    elif kind == "l":
        is_true = source.text(tag, "F").strip(" .")[:1].upper() not in ("F", "0", "N")
        text = " T  " if is_true else " F  "
    elif kind == "i":
        text = f"{round(source.real(tag, 0)):6d}"
    elif kind == "iv":
        text = "".join(f"{round(number):6d}" for number in source.reals(tag))
    else:
        text = "".join(f"{number:16.8f}" for number in source.reals(tag))
    mark = "v" if kind.endswith("v") else "i"
    return f'{indent}<{mark}{_TYPES.get(kind, "")} name="{escape(tag)}">{text}</{mark}>\n'


def _parameters_xml(setup: RunSetup) -> Iterable[str]:
    values = _values(setup)
    for section, table in SECTIONS.items():
        name = section.partition(",")[0]
        indent = "   " if name else "  "
        if name:
            yield f'  <separator name="{name}" >\n'
        for tag, kind, default in table:
            given = values.get(tag)
            if given is None:
                given = setup.incar.tags.get(tag, default)
            yield _item(tag, kind, setup.incar, given, indent)
        if name:
            yield "  </separator>\n"


def _values(setup: RunSetup) -> dict[str, str]:
    """Values in force where they are not the INCAR's or a plain default."""
    incar = setup.incar
    x, y, z = setup.grid
    spins = setup.moments if setup.n_spins == 2 else np.ones(setup.poscar.n_atoms)
    kelvin = incar.real("TEBEG", 1e-4)
    values = {
        "SYSTEM": setup.banner,
        "PREC": incar.text("PREC", "normal").lower(),
        "ENMAX": f"{setup.cutoff_eV:.8f}",
        "ENINI": f"{setup.cutoff_eV:.8f}",
        "EDIFF": f"{setup.ediff_eV:.10f}",
        "EDIFFG": f"{setup.ediffg:.8f}",
        "NBANDS": str(setup.n_bands),
        "NELECT": f"{setup.n_electrons:.8f}",
        "MAGMOM": " ".join(f"{moment:.8f}" for moment in spins),
        "NSW": str(setup.n_steps),
        "IBRION": str(setup.ibrion),
        "TEEND": f"{incar.real('TEEND', kelvin):.8f}",
        "KBLOCK": str(incar.integer("KBLOCK", max(1, setup.n_steps))),
        "ISPIN": str(setup.n_spins),
        "POMASS": " ".join(f"{kind.mass_u:.8f}" for kind in setup.types),
        "RWIGS": " ".join("-1.0" for _ in setup.types),
        "NGX": str(x),
        "NGY": str(y),
        "NGZ": str(z),
        "NGXF": str(2 * x),
        "NGYF": str(2 * y),
        "NGZF": str(2 * z),
        "LMETAGGA": "T" if incar.text("METAGGA", "--") not in ("--", "None", "") else "F",
    }
    if incar.text("LREAL", "F")[:1].upper() == "A":
        values["LREAL"] = "T"
    return values


def _k_points_xml(k_points: KPoints) -> str:
    text = " <kpoints>\n"
    if k_points.style in ("Gamma", "Monkhorst-Pack"):
        vectors = np.vstack([k_points.shift, np.eye(3), np.zeros(3)])
        names = ("usershift", "genvec1", "genvec2", "genvec3", "shift")
        divisions = "".join(f"{n:9d}" for n in k_points.divisions)
        text += f'  <generation param="{k_points.style}">\n'
        text += f'   <v type="int" name="divisions">{divisions} </v>\n'
        for name, (x, y, z) in zip(names, vectors.tolist(), strict=True):
            text += f'   <v name="{name}">{x:16.8f} {y:16.8f} {z:16.8f} </v>\n'
        text += "  </generation>\n"
    elif k_points.style == "listgenerated":
        text += '  <generation param="listgenerated">\n'
        text += f'   <i name="divisions" type="int">{k_points.divisions[0]:9d} </i>\n'
        text += rows("   <v> %16.8f %16.8f %16.8f </v>\n", k_points.ends) + "  </generation>\n"
    weights = rows("   <v>   %16.8f </v>\n", k_points.weights[:, None])
    return (
        text
        + varray("kpointlist", k_points.points)
        + f'  <varray name="weights" >\n{weights}  </varray>\n </kpoints>\n'
    )


def _atoms_xml(setup: RunSetup) -> str:
    atoms = "".join(
        f"    <rc><c>{symbol:<2s}</c><c>{number:4d}</c></rc>\n"
        for symbol, number in zip(setup.symbols, setup.type_numbers, strict=True)
    )
    kinds = "".join(
        f"    <rc><c>{count:4d}</c><c>{kind.symbol:<2s}</c><c>{kind.mass_u:16.8f}</c>"
        f"<c>{kind.valence:16.8f}</c><c>  {kind.title:<38s}</c></rc>\n"
        for kind, count in zip(setup.types, setup.poscar.counts, strict=True)
    )
    return f"""\
 <atominfo>
  <atoms> {setup.poscar.n_atoms:7d} </atoms>
  <types> {len(setup.types):7d} </types>
  <array name="atoms" >
   <dimension dim="1">ion</dimension>
   <field type="string">element</field>
   <field type="int">atomtype</field>
   <set>
{atoms}   </set>
  </array>
  <array name="atomtypes" >
   <dimension dim="1">type</dimension>
   <field type="int">atomspertype</field>
   <field type="string">element</field>
   <field>mass</field>
   <field>valence</field>
   <field type="string">pseudopotential</field>
   <set>
{kinds}   </set>
  </array>
 </atominfo>
"""


def varray(name: str, values: FloatArray) -> str:
    """Write a table of three columns.

    Parameters
    ----------
    name : str
        ``"forces"``.
    values : ndarray, shape (n_rows, 3)
        Numbers.
    """
    return f'  <varray name="{name}" >\n' + rows(_LINE, values) + "  </varray>\n"


def structure_xml(
    name: str, lattice: FloatArray, fractional: FloatArray, steps: FloatArray | None = None
) -> str:
    """Write a structure.

    Parameters
    ----------
    name : str
        ``"initialpos"``, or empty within a step.
    lattice, fractional : ndarray
        Shapes (3, 3) [Å] and (n_atoms, 3).
    steps : ndarray, shape (n_atoms, 3), optional
        Velocities in direct coordinates per time step, as VASP writes them.
    """
    attribute = f' name="{name}" ' if name else ""
    volume = abs(float(np.linalg.det(lattice)))
    velocities = "" if steps is None else varray("velocities", steps)
    return (
        f" <structure{attribute}>\n  <crystal>\n"
        + varray("basis", lattice)
        + f'   <i name="volume"> {volume:15.8f} </i>\n'
        + varray("rec_basis", np.asarray(np.linalg.inv(lattice).T, dtype=np.float64))
        + "  </crystal>\n"
        + varray("positions", fractional)
        + velocities
        + " </structure>\n"
    )


def electronic_xml(step: ElectronicStep) -> str:
    """Write an electronic step.

    Parameters
    ----------
    step : ElectronicStep
        It.
    """
    energy = f"{step.energy_eV:16.8f}"
    return (
        '  <scstep>\n   <time name="dav">    0.00    0.00</time>\n'
        '   <time name="total">    0.00    0.00</time>\n   <energy>\n'
        f'    <i name="e_fr_energy"> {energy} </i>\n'
        f'    <i name="e_wo_entrp"> {energy} </i>\n'
        f'    <i name="e_0_energy"> {energy} </i>\n   </energy>\n  </scstep>\n'
    )


def ionic_xml(step: IonicStep) -> str:
    """Write structure, forces and energies of a step, without its end.

    Parameters
    ----------
    step : IonicStep
        It.
    """
    energies = {"e_fr_energy": step.energy_eV, "e_wo_entrp": step.energy_eV}
    energies["e_0_energy"] = step.energy_eV
    if step.motion is not None:
        energies |= {
            "kinetic": step.motion.kinetic_eV,
            "lattice kinetic": 0.0,
            "nosepot": step.motion.thermostat_potential_eV,
            "nosekinetic": step.motion.thermostat_kinetic_eV,
            "total": step.total_energy_eV,
        }
    lines = "".join(f'   <i name="{name}"> {e:16.8f} </i>\n' for name, e in energies.items())
    return (
        structure_xml("", step.lattice, step.fractional)
        + varray("forces", step.forces)
        + varray("stress", step.stress_kB)
        + f"  <energy>\n{lines}  </energy>\n"
        + f'  <time name="totalsc"> {step.cpu_s:7.2f} {step.cpu_s:7.2f}</time>\n'
    )
