"""Stops, faults and ends of runs, in one process."""

from __future__ import annotations

import re
import threading
import time

import numpy as np
import pytest

from sulfox.engines.standin.faults import FAULT_NAMES, read_faults
from sulfox.engines.standin.files.oszicar import fortran
from sulfox.engines.standin.files.poscar import read_poscar
from sulfox.engines.standin.label import MARK, is_standin
from sulfox.engines.standin.run import VaspFailure
from sulfox.engines.standin.sink import Disk, GrowingFile
from sulfox.errors import SulfoxError

DYNAMICS = "IBRION = 0; NSW = {steps}; POTIM = 2; TEBEG = 600; MDALGO = 2; SMASS = 0"


def ionic_lines(folder):
    return re.findall(r"^ +\d+ (?:T|F)=.*$", (folder / "OSZICAR").read_text(), re.MULTILINE)


def test_every_file_names_the_stand_in(deck, run):
    folder = run(deck("named", DYNAMICS.format(steps=2) + "\nLORBIT = 11; LWAVE = T; LCHARG = T"))
    names = [path.name for path in folder.iterdir() if path.stat().st_size]
    inputs = {"INCAR", "POSCAR", "KPOINTS", "POTCAR"}
    assert {"OUTCAR", "OSZICAR", "XDATCAR", "CONTCAR", "vasprun.xml", "EIGENVAL", "DOSCAR"} <= set(
        names
    )
    for name in set(names) - inputs:
        assert is_standin(folder / name), name


def test_a_relaxation_ends_below_its_force(deck, run):
    folder = run(deck("relaxed", "IBRION = 2; NSW = 60; ISIF = 2; EDIFFG = -0.01"))
    assert 1 < len(ionic_lines(folder)) < 60
    text = (folder / "OUTCAR").read_text()
    assert "reached required accuracy - stopping structural energy minimisation" in text
    table = text.rsplit("TOTAL-FORCE (eV/Angst)", 1)[1].split("\n")[2:18]
    forces = np.array([[float(w) for w in row.split()[3:]] for row in table])
    assert np.linalg.norm(forces, axis=1).max() < 0.01


def test_a_relaxation_of_the_cell_loses_its_pressure(deck, run):
    folder = deck("cell", "IBRION = 1; NSW = 40; ISIF = 3; EDIFFG = -0.03")
    lines = (folder / "POSCAR").read_text().splitlines()
    lines[1] = "1.015"
    (folder / "POSCAR").write_text("\n".join(lines) + "\n")
    text = (run(folder) / "OUTCAR").read_text()
    pressures = [float(p) for p in re.findall(r"external pressure =\s+(\S+) kB", text)]
    assert pressures[0] < -20  # stretched: VASP's sign is negative under tension
    assert abs(pressures[-1]) < 6
    assert (folder / "XDATCAR").read_text().count(MARK) == len(ionic_lines(folder))


def test_a_relaxation_by_energy_stops_at_a_small_change(deck, run):
    folder = run(deck("small", "IBRION = 2; NSW = 60; EDIFFG = 1E-2"))
    energies = [float(e) for e in re.findall(r"F= (\S+)", "".join(ionic_lines(folder)))]
    assert abs(energies[-1] - energies[-2]) < 1e-2 <= abs(energies[-2] - energies[-3])


@pytest.mark.parametrize(("word", "kind"), [("LSTOP", "soft"), ("LABORT", "hard")])
def test_stopcar_stops_after_the_step(word, kind, deck, run):
    folder = deck("stopped", DYNAMICS.format(steps=500))
    (folder / "STANDIN_FAULTS").write_text("sleep=0.02  # slow enough to be stopped\n")

    def ask():
        while len(ionic_lines(folder)) < 3 if (folder / "OSZICAR").is_file() else True:
            time.sleep(0.005)
        (folder / "STOPCAR").write_text(f"{word} = .TRUE.\n")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    run(folder)
    asking.join(timeout=10)
    done = len(ionic_lines(folder))
    assert 3 <= done < 400
    text = (folder / "OUTCAR").read_text()
    assert f"{kind} stop encountered!  aborting job" in text
    assert "General timing and accounting" in text
    assert (folder / "vasprun.xml").read_text().rstrip().endswith("</modeling>")
    assert (folder / "vasprun.xml").read_text().count("</calculation>") == done
    assert read_poscar(folder / "CONTCAR").state.steps_done == done
    assert (folder / "STOPCAR").is_file()  # VASP leaves it: the next run must remove it


def test_electrons_that_do_not_converge_are_recorded_and_the_run_goes_on(deck, run, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "nelm@3")
    folder = run(deck("nelm", DYNAMICS.format(steps=4) + "\nNELM = 12"))
    oszicar = (folder / "OSZICAR").read_text()
    counts = [part.count("DAV:") for part in oszicar.split("T=")]
    assert counts[2] == 12
    assert counts[3] < 12
    outcar = (folder / "OUTCAR").read_text()
    assert outcar.count("aborting loop because EDIFF is reached") == 3
    assert outcar.count("aborting loop EDIFF was not reached (unconverged)") == 1
    assert len(ionic_lines(folder)) == 4


@pytest.mark.parametrize(
    ("fault", "message", "status", "steps"),
    [
        ("edddav@3", "Error EDDDAV: Call to ZHEGV failed", 1, 2),
        ("zbrent@3", "ZBRENT: fatal error in bracketing", 1, 3),
        ("exit3@3", "", 3, 2),
    ],
)
def test_a_fault_ends_the_run_once(fault, message, status, steps, deck, run, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", fault)
    folder = deck("faulty", DYNAMICS.format(steps=5))
    with pytest.raises(VaspFailure, match=message or None) as raised:
        run(folder)
    assert raised.value.status == status
    assert len(ionic_lines(folder)) == steps
    assert "</modeling>" not in (folder / "vasprun.xml").read_text()
    assert read_poscar(folder / "CONTCAR").state.steps_done == steps
    assert len(ionic_lines(run(folder))) == 5  # the same fault does not come back


def test_a_fault_with_an_exclamation_mark_comes_back(deck, run, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "exit3@1!")
    folder = deck("again", DYNAMICS.format(steps=5))
    for _ in range(2):
        with pytest.raises(VaspFailure):
            run(folder)


def test_an_exploding_run_ends_with_very_bad_news_or_hot(deck, run, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "explode@2")
    folder = run(deck("hot", DYNAMICS.format(steps=3)))
    kelvin = [float(t) for t in re.findall(r"T=\s*(\S+)", "".join(ionic_lines(folder)))]
    assert kelvin[2] > 50 * kelvin[1]


def test_a_full_disk_cuts_the_files_and_says_so(deck, run, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "disk_full@4")
    folder = deck("full", DYNAMICS.format(steps=9))
    with pytest.raises(OSError, match="No space left"):
        run(folder)
    assert len(ionic_lines(folder)) == 3
    assert read_poscar(folder / "CONTCAR").state.steps_done == 3
    assert not list(folder.glob(".*.new"))


def test_the_disk_takes_what_has_room(tmp_path):
    disk = Disk(tmp_path)
    growing = GrowingFile(disk, "file")
    disk.bytes_left = 5000
    with pytest.raises(OSError, match="No space left"):
        growing.write("x" * 9000)
    assert (tmp_path / "file").stat().st_size == 5000
    with pytest.raises(OSError, match="No space left"):
        disk.replace("CONTCAR", "whole")
    assert (tmp_path / "CONTCAR").read_text() == ""


def test_faults_are_read_from_file_and_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "nelm@3, hang@20")
    (tmp_path / "STANDIN_FAULTS").write_text("exit7@2 # then\nsleep=0.25\n")
    faults = read_faults(tmp_path)
    assert faults.sleep_s == 0.25
    assert faults.exit_status == {2: 7}
    assert faults.due("hang", 20)
    assert not faults.due("hang", 20)
    assert not faults.due("hang", 21)


@pytest.mark.parametrize("word", ["nelm", "nelm@", "mystery@3", "exit@3", "nelm4@3", "sleep=long"])
def test_a_fault_that_is_not_known_is_refused(word, tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", word)
    with pytest.raises(SulfoxError, match="SFX-343"):
        read_faults(tmp_path)


def test_the_manual_lists_every_fault():
    from sulfox.engines.standin import faults

    for name in FAULT_NAMES:
        assert f"``{name}" in faults.__doc__


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [(-225.88307402, 8, "-.22588307E+03"), (5.06563916, 5, "0.50656E+01"), (0.0, 2, "0.00E+00")],
)
def test_numbers_look_as_fortran_writes_them(number, digits, text):
    assert fortran(number, digits) == text
