"""What files hold beside plain dynamics: learnt steps, linear response, odd columns."""

from __future__ import annotations

import gzip
import re

import h5py
import numpy as np
import pytest

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.opening import open_frames

SCSTEP = (
    b'  <scstep>\n   <energy>\n    <i name="e_fr_energy">  -99.00000000 </i>\n   </energy>\n'
    b"  </scstep>\n"
)
RULE = b" " + b"-" * 83 + b"\n"


def read(folder, name, text):
    path = folder / name
    path.write_bytes(text)
    with open_frames(path) as reader:
        return list(reader), reader


def same_numbers(frames, others):
    assert len(frames) == len(others)
    for frame, other in zip(frames, others, strict=True):
        assert frame.lattice.tobytes() == other.lattice.tobytes()
        assert frame.coordinates.tobytes() == other.coordinates.tobytes()
        assert frame.forces_eV_A.tobytes() == other.forces_eV_A.tobytes()
        assert frame.energies.free_energy_eV == other.energies.free_energy_eV
        assert frame.energies.conserved_eV == other.energies.conserved_eV


def learnt_steps(text, computed):
    """Leave calculations around some steps only, as a run with ML_LMLFF writes them."""
    head, *steps = text.split(b" <calculation>\n")
    out = [head]
    for k, step in enumerate(steps):
        if k in computed:
            out += [b" <calculation>\n", step]
        else:
            bare = re.sub(rb"  <scstep>.*</scstep>\n", b"", step, flags=re.DOTALL)
            time = b' <time name="totalsc">    0.04    0.04</time>\n'
            out.append(bare.replace(b" </calculation>\n", time))
    return b"".join(out)


@pytest.mark.parametrize("computed", [(0, 1, 4), (0, 1, 2, 3, 4), ()])
def test_steps_of_a_learnt_force_field_are_frames_too(tmp_path, make_run, computed):
    text = make_run(6).vasprun()
    plain, _ = read(tmp_path, "vasprun.xml", text)
    text = learnt_steps(text, computed)
    frames, reader = read(tmp_path, "vasprun.xml", text)
    same_numbers(frames, plain)
    assert not reader.truncated
    counts = [frame.energies.n_electronic_steps for frame in frames]
    assert counts == [2 * (k in computed) for k in range(6)]
    for cut in range(text.rfind(b"<structure>"), len(text), 41):
        frames, reader = read(tmp_path, "vasprun.xml", text[:cut])
        same_numbers(frames, plain[: len(frames)])
        assert len(frames) >= 5
        assert reader.truncated == (b"</modeling>" not in text[:cut])


@pytest.mark.parametrize("mark", [b"  <energy>\n", b" </calculation>\n"])
def test_energies_of_linear_response_are_not_those_of_the_step(tmp_path, make_run, mark):
    text = make_run(3).vasprun()
    plain, _ = read(tmp_path, "vasprun.xml", text)
    frames, _ = read(tmp_path, "vasprun.xml", text.replace(b"\n" + mark, b"\n" + 2 * SCSTEP + mark))
    same_numbers(frames, plain)


def test_a_symbol_that_vasp_cut_short_is_that_of_its_potential(tmp_path, make_run):
    text = make_run(2).vasprun().replace(b"<c>S </c>", b"<c>X </c>")
    with pytest.raises(SulfoxError, match="element symbols"):
        read(tmp_path, "vasprun.xml", text)
    types = (
        b'  <array name="atomtypes" >\n   <set>\n    <rc><c>   1</c><c>X </c><c>131.29</c>'
        b"<c>8.0</c><c> PAW_PBE Xe 07Sep2000      </c></rc>\n   </set>\n  </array>\n </atominfo>"
    )
    _, reader = read(tmp_path, "vasprun.xml", text.replace(b" </atominfo>", types))
    assert reader.head.species == ("Li", "Li", "P", "Xe")


def test_a_calculation_without_a_structure_is_named(tmp_path, make_run):
    text = re.sub(rb"  <structure>.*?</structure>\n", b"", make_run(1).vasprun(), flags=re.DOTALL)
    with pytest.raises(SulfoxError, match="a step without a structure"):
        read(tmp_path, "vasprun.xml", text)


def test_own_forces_stand_for_those_of_a_force_field_that_learns(tmp_path, make_run):
    text = make_run(3).outcar()
    plain, _ = read(tmp_path, "OUTCAR", text)
    guess = b"  POSITION                                       TOTAL-FORCE (eV/Angst) (ML)\n" + RULE
    guess += 4 * (b"      1.00000      1.00000      1.00000" + 3 * b"      0.000000" + b"\n")
    guess += RULE + b"  free  energy ML TOTEN  =         0.00000000 eV\n\n"
    guess += b"  ML energy  without entropy=  0.00000000  ML energy(sigma->0) =  0.00000000\n\n"
    first = re.compile(rb"(-------- Iteration +\d+\(   1\))")
    frames, _ = read(tmp_path, "OUTCAR", first.sub(guess + rb"\1", text))
    same_numbers(frames, plain)
    learnt = re.sub(rb"-------- Iteration.*\n", b"", text)
    learnt = learnt.replace(b"(eV/Angst)\n", b"(eV/Angst) (ML)\n")
    learnt = learnt.replace(b"free  energy   TOTEN", b"free  energy ML TOTEN")
    learnt = learnt.replace(b"  energy  without", b"  ML energy  without")
    frames, _ = read(tmp_path, "OUTCAR", learnt.replace(b"  energy(sigma", b"  ML energy(sigma"))
    same_numbers(frames, plain)
    lost = re.sub(rb"  total energy   ETOTAL.*\n", b"", text, count=1)
    with pytest.raises(SulfoxError, match="without its energies"):
        read(tmp_path, "OUTCAR", lost)


def test_forces_without_dispersion_are_left_out(tmp_path, make_run):
    text = make_run(2).outcar()
    plain, _ = read(tmp_path, "OUTCAR", text)
    wide = text.replace(b"(eV/Angst)\n", b"(eV/Angst),            FORCE-w/o vdW (eV/Angst)\n")
    row = re.compile(rb"^((?:   )(?: +-?\d+\.\d{5}){3}(?: +-?\d+\.\d{6}){3})$", re.MULTILINE)
    assert len(row.findall(wide)) == 8
    frames, _ = read(tmp_path, "OUTCAR", row.sub(rb"\1     7.000000     8.000000     9.0", wide))
    same_numbers(frames, plain)


def test_many_kinds_of_ions_take_two_lines(tmp_path, make_run):
    text = make_run(1).outcar().replace(b"2   1   1\n", b"2   1\n                   1\n\n")
    _, reader = read(tmp_path, "OUTCAR", text)
    assert reader.head.species == ("Li", "Li", "P", "S")


def test_a_tiny_change_of_energy_of_a_relaxation(tmp_path):
    text = b"   1 F= -.13040704E+03 E0= -.13040704E+03  d E =-.243930-146\n"
    frames, _ = read(tmp_path, "OSZICAR", text)
    assert frames[0].energies.free_energy_eV == -130.40704
    assert frames[0].energies.conserved_eV is None


def test_symbols_behind_the_coordinates(tmp_path, make_run):
    text = make_run(3).xdatcar()
    plain, _ = read(tmp_path, "XDATCAR", text)
    row = re.compile(rb"^((?:  \d\.\d{8}){3})$", re.MULTILINE)
    symbols = iter(3 * [b"Li", b"Li", b"P", b"S"])
    named = row.sub(lambda match: match[1] + b" " + next(symbols), text)
    frames, _ = read(tmp_path, "XDATCAR", named)
    assert [f.coordinates.tobytes() for f in frames] == [f.coordinates.tobytes() for f in plain]
    with pytest.raises(SulfoxError, match="SFX-401"):  # in another order than the head
        read(tmp_path, "XDATCAR", named.replace(b" P\n", b" Li\n"))


def test_negative_coordinates_that_touch(tmp_path):
    head = b"title\n1.0\n4 0 0\n0 4 0\n0 0 4\nLi\n2\nDirect configuration= 1\n"
    rows = b"-0.63265286-0.11227753 -0.15402785\n0.1 -0.2-0.3\n"
    frames, _ = read(tmp_path, "XDATCAR", head + rows)
    expected = [[-0.63265286, -0.11227753, -0.15402785], [0.1, -0.2, -0.3]]
    assert frames[0].coordinates.tolist() == expected


def test_a_packed_vaspout_and_the_scale_of_its_steps(tmp_path, make_run):
    run, path = make_run(3), tmp_path / "vaspout.h5"
    run.write_vaspout(path)
    plain, _ = read(tmp_path, "vaspout.h5", path.read_bytes())
    packed, _ = read(tmp_path, "vaspout.h5.gz", gzip.compress(path.read_bytes()))
    same_numbers(packed, plain)
    with pytest.raises(SulfoxError, match="SFX-401"):
        read(tmp_path, "vaspout.h5.gz", gzip.compress(path.read_bytes())[:-3000])
    with h5py.File(path, "a") as file:
        file["results/positions/scale"][()] = 3.0  # of the last structure, not of the steps
        file["intermediate/ion_dynamics/scale"] = 2.0
    with open_frames(path) as reader:
        assert np.array_equal(next(iter(reader)).lattice, 2 * plain[0].lattice)
