"""Entry sets of other makes: the same phases, however they are written, give the same numbers."""

from __future__ import annotations

import csv
import json

import pytest
from monty.json import MontyEncoder
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element, Lattice, Structure
from pymatgen.core.entries import (
    CompositionEnergyAdjustment,
    ComputedEntry,
    ComputedStructureEntry,
    ConstantEnergyAdjustment,
)

from sulfox.analysis.thermodynamics.entries.entry_sources import read_entry_set
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.errors import SulfoxError

#: Total energies of cells [eV], made up: polymorphs, cells of several formulas, an element twice.
TOTAL = [
    *(("Li2", -3.8), ("Li", -1.88), ("S8", -33.03), ("P4", -21.5), ("Co2", -14.2), ("O2", -9.86)),
    *(("Li4S2", -24.16), ("Li2S", -11.9), ("P4S10", -70.2), ("Li6P2S8", -78.9), ("Co9S8", -104.5)),
    *(("Li3PO4", -55.4), ("CoO", -13.1), ("Li2O", -14.3), ("Li2Co2O4", -46.1), ("CoS2", -16.95)),
    ("LiCoS2", -19.4),
]
FORMATION = "formation_energy_eV_per_atom"


def energies():
    """Return formation energies per atom as pymatgen gives them."""
    entries = [PDEntry(Composition(f), e) for f, e in TOTAL]
    diagram = PhaseDiagram(entries)
    return [(entry, diagram.get_form_energy_per_atom(entry)) for entry in entries]


def formation_table(header, scale=1.0, mark=",", end="\n", cell="{}", more=""):
    rows = [header]
    for entry, value in energies():
        formula = cell.format(entry.composition.formula.replace(" ", ""))
        rows.append(f"{formula}{mark}{float(value) * scale!r}{more}")
    return end.join([*rows, ""])


def counted_table(last):
    symbols = ["Li", "Co", "P", "S", "O"]
    lines = [",".join(["Name", *symbols, last])]
    for formula, energy in TOTAL:
        amounts = Composition(formula).get_el_amt_dict()
        counts = ",".join(f"{amounts.get(s, 0)}" for s in symbols)
        lines.append(f"{Composition(formula).reduced_formula},{counts},{energy}")
    return "\n".join(lines)


def with_scheme(entry):
    """Split off a part of the energy as adjustments of MP2020, as the database has it."""
    scheme = {
        "@module": "pymatgen.entries.compatibility",
        "@class": "MaterialsProject2020Compatibility",
    }
    amounts = entry.composition.get_el_amt_dict()
    adjustments = [ConstantEnergyAdjustment(0.25, name="MP2020 something", cls=scheme)]
    if "O" in amounts and len(amounts) > 1:
        adjustments.append(CompositionEnergyAdjustment(-0.687, amounts["O"], cls=scheme))
    entry = entry.copy()
    entry.energy_adjustments = adjustments
    entry._energy -= entry.correction
    return entry


def structured(formula, energy):
    composition = Composition(formula)
    symbols = [s for s, n in composition.get_el_amt_dict().items() for _ in range(int(n))]
    places = [[k / len(symbols)] * 3 for k in range(len(symbols))]
    structure = Structure(Lattice.cubic(9.0), symbols, places)
    return ComputedStructureEntry(structure, energy, entry_id=f"x-{formula}")


COMPUTED = [ComputedEntry(f, e, entry_id=f"mp-{k}") for k, (f, e) in enumerate(TOTAL)]


def as_json(entries):
    return json.dumps([entry.as_dict() for entry in entries])


def without_composition():
    rows = [structured(f, e).as_dict() for f, e in TOTAL]
    return json.dumps([{k: v for k, v in row.items() if k != "composition"} for row in rows])


def decorated():
    rows = [structured(f, e).as_dict() for f, e in TOTAL]
    for row in rows:
        row["composition"] = {f"{k}2+": v for k, v in row["composition"].items()}
    return json.dumps(rows)


def only_sums():
    rows = [with_scheme(e).as_dict() for e in COMPUTED]
    return json.dumps([{k: v for k, v in r.items() if k != "energy_adjustments"} for r in rows])


def only_parts():
    rows = [with_scheme(e).as_dict() for e in COMPUTED]
    return json.dumps([{k: v for k, v in r.items() if k != "correction"} for r in rows])


def summary():
    rows = [
        {"formula_pretty": e.name, "material_id": f"mp-{k}", "formation_energy_per_atom": value,
         "energy_above_hull": 0.0, "is_stable": True, "symmetry": {"number": 1}}
        for k, (e, value) in enumerate(energies())
    ]  # fmt: skip
    return json.dumps({"data": rows})


PLAIN = formation_table(f"formula,{FORMATION}")
PER_ATOM = [f"{f},{e / Composition(f).num_atoms!r}" for f, e in TOTAL]
MAKES = {
    "plain.csv": PLAIN,
    "marked.csv": "\ufeff" + PLAIN.replace("formula", "Formula").replace("\n", "\r\n"),
    "old-mac.csv": PLAIN.replace("\n", "\r"),
    "utf-16.csv": PLAIN.encode("utf-16"),
    "quoted.csv": formation_table('"Formula","e_form (eV/atom)"', cell='"{}"'),
    "semicolon.csv": formation_table("pretty_formula;Formation energy (eV/atom)", mark=";"),
    "comma-in-header.csv": formation_table("formula;Ef (eV/atom);a, b", mark=";", more=";c, d"),
    "decimal-comma.csv": formation_table(f"formula;{FORMATION}", mark=";").replace(".", ","),
    "tabs.tsv": formation_table("formula\tformation_energy_per_atom", mark="\t"),
    "bars.txt": formation_table("compound | formation_energy_per_atom [eV/atom]", mark=" | "),
    "jarvis.csv": formation_table("formula,formation_energy_peratom"),
    "aflow.csv": formation_table("compound,enthalpy_formation_atom"),
    "oqmd.csv": formation_table("composition,delta_e (eV/atom)"),
    "milli.csv": formation_table("formula,formation_energy (meV/atom)", scale=1000.0),
    "molar.csv": formation_table("formula,dHf (kJ/mol atoms)", scale=96.48533212331),
    "comments.csv": "# made up\n\n" + PLAIN.replace("\n", "\n\n# x, y\n", 3),
    "header-comment.csv": "# " + PLAIN,
    "more-columns.csv": formation_table(f"formula,{FORMATION},energy_per_atom,,x", more=",7,,"),
    "minus.csv": PLAIN.replace("-", "\N{MINUS SIGN}"),
    "per-atom.csv": "\n".join(["formula,energy_per_atom", *PER_ATOM]),
    "pymatgen.csv": counted_table("Energy"),
    "pymatgen-final.csv": counted_table("Final energy"),
    "computed.json": as_json(COMPUTED),
    "structures.json": as_json([structured(f, e) for f, e in TOTAL]),
    "no-composition.json": without_composition(),
    "oxidation-states.json": decorated(),
    "pd-entries.json": as_json([PDEntry(Composition(f), e) for f, e in TOTAL]),
    "adjusted.json": as_json([with_scheme(e) for e in COMPUTED]),
    "sums.json": only_sums(),
    "parts.json": only_parts(),
    "wrapped.json": json.dumps({"@module": "x", "entries": json.loads(as_json(COMPUTED))}),
    "diagram.json": json.dumps(PhaseDiagram(COMPUTED).as_dict(), cls=MontyEncoder),
    "summary.json": summary(),
}


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture(scope="module")
def diagram():
    return PhaseDiagram(COMPUTED)


@pytest.mark.parametrize("make", MAKES)
def test_every_make_gives_the_formation_energies_of_pymatgen(make, tmp_path, diagram):
    entry_set = read_entry_set(write(tmp_path, make, MAKES[make]))
    assert entry_set.reference.n == len(TOTAL)
    found = {}
    for entry in entry_set.entries:  # ordered by energy within a formula
        composition = Composition(entry.formula).reduced_composition
        found.setdefault(composition, entry.formation_energy_eV_per_atom)
    lowest = {}
    for entry in diagram.all_entries:
        key = entry.composition.reduced_composition
        value = diagram.get_form_energy_per_atom(entry)
        lowest[key] = min(value, lowest.get(key, value))
    assert found == pytest.approx(lowest, abs=1e-12)


@pytest.mark.parametrize("make", ["per-atom.csv", "pymatgen.csv", "adjusted.json", "milli.csv"])
def test_reactions_and_windows_are_those_of_pymatgen(make, tmp_path, diagram):
    library = HullLibrary(read_entry_set(write(tmp_path, make, MAKES[make])))
    pair = (Composition("LiCoO2"), Composition("Li3PS4"))
    for use_hull in (True, False):
        peer = InterfacialReactivity(*pair, diagram, norm=True, use_hull_energy=use_hull)
        document = reaction_energy(library, ("LiCoO2", "Li3PS4"), use_hull_energy=use_hull)
        kinks = [(k.x_atomic, k.energy_eV_per_atom) for k in document.kinks]
        theirs = [(x, e) for _, x, e, _, _ in peer.get_kinks()]
        assert kinks == [pytest.approx(k, abs=1e-9) for k in theirs]
    profile = diagram.get_element_profile(Element("Li"), Composition("Li3PS4"))
    zero = diagram.el_refs[Element("Li")].energy_per_atom
    volts = sorted(float(zero - step["chempot"]) for step in profile)
    ours = stability_window(library, "Li3PS4").edges_V
    assert list(ours) == pytest.approx([v for v in volts if v > 1e-9], abs=1e-9)


def test_totals_of_other_cells_and_other_zeros_are_one_set(tmp_path):
    shifted = [(f, e + 1.5 * Composition(f).num_atoms) for f, e in TOTAL]
    doubled = [((Composition(f) * 3).formula.replace(" ", ""), 3 * e) for f, e in shifted]
    texts = [as_json([ComputedEntry(f, e) for f, e in rows]) for rows in (TOTAL, shifted, doubled)]
    first, *others = (read_entry_set(write(tmp_path, "set.json", text)) for text in texts)
    for other in others:
        assert other.hash == first.hash


@pytest.mark.parametrize(
    "header",
    [
        *("formula,formation_energy", "formula,e_form", "formula,formation_energy (eV)"),
        *("formula,formation_energy_kJ_per_mol", "formula,dHf (kJ/mol)", "formula,energy"),
        *("formula,formation_energy (eV/f.u.)", "formula,energy (eV)", "formula,e_above_hull"),
        "formula,formation_energy (Ry/atom)",
        "formula,formation enthalpy (kcal/mol)",
    ],
)
def test_an_energy_whose_unit_is_not_said_is_refused(tmp_path, header):
    with pytest.raises(SulfoxError, match=r"^SFX-720.*formation_energy_eV_per_atom"):
        read_entry_set(write(tmp_path, "set.csv", f"{header}\nLi2S,-1.5\n"))


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "formula,e_form (eV/atom),delta_e (eV/atom)\nLi2S,-1.5,-1.4\n", "SFX-720"),
        ("a.csv", f"formula,{FORMATION},{FORMATION}\nLi2S,-1.5,-1.4\n", "SFX-720"),
        ("a.csv", f"formula,formula,{FORMATION}\nLi2S,Li2S2,-1.4\n", "SFX-720"),
        ("a.csv", f"formula,{FORMATION}\nLi2S,-1,5\n", "SFX-720"),
        ("a.csv", f"formula,{FORMATION}\nLi2S,1_5\n", "SFX-721"),
        ("a.csv", f"formula,{FORMATION}\nLi2S,N/A\n", "SFX-721"),
        ("a.csv", f"formula,{FORMATION}\nLi0,-1.5\n", "SFX-723"),
        ("a.csv", "formula,energy_per_atom\nLi2S,-4.0\nLi,-1.9\n", "SFX-722"),
        ("a.csv", "Name,Li,S,Energy\nLi2S,2,1,-12\nLi,1,0,-1.9\n", "SFX-722"),
        ("a.csv", "Name,Li,S,Energy\nLi2S,two,1,-12\n", "SFX-721"),
        ("a.csv", "Name,Li,S,Energy\nnothing,0,0,-12\n", "SFX-723"),
        ("a.json", '[{"composition": {"Li": 0, "S": 0}, "energy": -4}]', "SFX-723"),
        ("a.json", '[{"composition": {"Li": -1}, "energy": -4}]', "SFX-723"),
        ("a.json", '[{"composition": {}, "energy": -4}]', "SFX-720"),
        ("a.json", '[{"composition": {"Li": 1}, "energy": "low"}]', "SFX-721"),
        ("a.json", '[{"composition": {"Li": 1}, "energy": null}]', "SFX-721"),
        ("a.json", '[{"@class": "GrandPotPDEntry", "energy": -4}]', "SFX-720"),
        ("a.json", '[{"@class": "PDEntry", "composition": {"Li": 1}}]', "SFX-720"),
        ("a.json", '[{"formula_pretty": "Li2S", "energy_per_atom": -4.0}]', "SFX-720"),
        ("a.json", '[{"formula_pretty": "Li2S", "formation_energy_per_atom": null}]', "SFX-721"),
        ("a.json", "[" * 100_000, "SFX-720"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path, name, text, code):
    with pytest.raises(SulfoxError) as caught:
        read_entry_set(write(tmp_path, name, text))
    assert caught.value.code == code, caught.value.line


def test_adjustments_that_do_not_add_up_are_refused(tmp_path):
    rows = [with_scheme(e).as_dict() for e in COMPUTED]
    rows[3]["correction"] += 0.1
    with pytest.raises(SulfoxError, match=r"^SFX-721.*entry 4.*adjustments"):
        read_entry_set(write(tmp_path, "set.json", json.dumps(rows)))


def test_adjustments_of_two_schemes_are_refused_unless_one_mixes_them(tmp_path):
    rows = [with_scheme(e).as_dict() for e in COMPUTED]
    other = dict(rows[0]["energy_adjustments"][0]["cls"], **{"@class": "MITCompatibility"})
    rows[0]["energy_adjustments"][0]["cls"] = other
    with pytest.raises(SulfoxError, match=r"^SFX-721.*mixed corrections.*MITCompatibility"):
        read_entry_set(write(tmp_path, "set.json", json.dumps(rows)))
    other["@class"] = "MaterialsProjectDFTMixingScheme"
    read_entry_set(write(tmp_path, "set.json", json.dumps(rows)))


def test_energies_of_two_functionals_are_refused(tmp_path):
    rows = [e.as_dict() for e in COMPUTED]
    for row, run in zip(rows, ["GGA", "GGA+U", *["GGA"] * len(rows)], strict=False):
        row["parameters"] = {"run_type": run}
    read_entry_set(write(tmp_path, "set.json", json.dumps(rows)))
    rows[-1]["parameters"] = {"run_type": "R2SCAN"}
    with pytest.raises(SulfoxError, match=r"^SFX-721.*functionals: GGA, r2SCAN"):
        read_entry_set(write(tmp_path, "set.json", json.dumps(rows)))


def test_a_table_that_pymatgen_writes_itself_is_read(tmp_path):
    from pymatgen.analysis.phase_diagram import PDEntry as Entry

    path = tmp_path / "own.csv"
    entries = [Entry(Composition(f), e) for f, e in TOTAL]
    symbols = sorted({el for e in entries for el in e.composition.elements}, key=lambda el: el.X)
    with path.open("w", newline="") as stream:  # as PDEntryIO.to_csv did
        writer = csv.writer(stream, quotechar='"', quoting=csv.QUOTE_MINIMAL)
        writer.writerow(["Name", *(el.symbol for el in symbols), "Energy"])
        for e in entries:
            writer.writerow([e.name, *(e.composition[el] for el in symbols), e.energy])
    direct = read_entry_set(write(tmp_path, "own.json", as_json(entries)))
    assert read_entry_set(path).hash == direct.hash
