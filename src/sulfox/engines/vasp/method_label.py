"""What computed a VASP run, in words: functional, U of each element, cutoff, version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["method_label"]

_FUNCTIONALS = {
    "PE": "PBE",
    "PS": "PBEsol",
    "CA": "LDA",
    "91": "PW91",
    "RP": "RPBE",
    "RE": "revPBE",
}
_ORBITALS = {0: "s", 1: "p", 2: "d", 3: "f"}
_DUDAREV = 2


def method_label(
    settings: Mapping[str, str], types: Sequence[str], potential: str = "", version: str = ""
) -> str:
    """Name the level of theory from the tags of a run.

    Parameters
    ----------
    settings : mapping
        Tag -> value as text, those of the INCAR and VASP's own.
    types : sequence of str
        Element of each atom type, in the order of the POSCAR: LDAUU and LDAUL follow it.
    potential : str
        Name of one of the pseudopotentials, such as ``"PAW_PBE O 08Apr2002"``.
    version : str
        Of VASP.

    Returns
    -------
    str
        ``"PBE+U (Fe d 5.3 eV), 520 eV (VASP 6.4.2)"``.
    """
    plus_u = _hubbard(settings, types) if _is_true(settings, "LDAU") else ""
    coupled = ", spin-orbit" if _is_true(settings, "LSORBIT") else ""
    cutoff = _first_number(settings.get("ENCUT") or settings.get("ENMAX"))
    at_cutoff = "" if cutoff is None or cutoff <= 0 else f", {cutoff:g} eV"
    code = f"VASP {version}".strip()
    return f"{_functional(settings, potential)}{plus_u}{coupled}{at_cutoff} ({code})"


def _functional(settings: Mapping[str, str], potential: str) -> str:
    tag = (settings.get("GGA", "").upper().split() or ["--"])[0]
    name = _FUNCTIONALS.get(tag, "")
    if not name:
        known = "PBE" if "PBE" in potential else "LDA" if potential else "DFT"
        name = known if tag == "--" else f"GGA {tag}"
    meta = (settings.get("METAGGA", "").upper().split() or ["--"])[0]
    if meta not in ("--", "F", "NONE"):
        name = meta
    return f"hybrid functional on {name}" if _is_true(settings, "LHFCALC") else name


def _hubbard(settings: Mapping[str, str], types: Sequence[str]) -> str:
    """``"+U (Fe d 5.3 eV)"``; U - J where only that difference acts (Dudarev)."""
    u_values, orbitals = _numbers(settings.get("LDAUU")), _numbers(settings.get("LDAUL"))
    j_values = _numbers(settings.get("LDAUJ"))
    # VASP's own list may end early; where U is 0, J is not looked at
    if not j_values or not any(u_values[len(j_values) :]):
        j_values += [0.0] * (len(u_values) - len(j_values))
    if not types or not len(types) == len(u_values) == len(orbitals) == len(j_values):
        return "+U (U of each element not in the file)"
    dudarev = (_numbers(settings.get("LDAUTYPE")) or [_DUDAREV])[0] == _DUDAREV
    terms = []
    for element, u, j, orbital in zip(types, u_values, j_values, orbitals, strict=True):
        if orbital < 0 or (u == 0 and j == 0):
            continue
        value = f"{u - j:g} eV" if dudarev else f"U {u:g} J {j:g} eV"
        terms.append(f"{element} {_ORBITALS.get(int(orbital), '?')} {value}")
    return f"+U ({', '.join(dict.fromkeys(terms))})" if terms else ""


def _is_true(settings: Mapping[str, str], tag: str) -> bool:
    return settings.get(tag, "").strip(" .").upper().startswith("T")


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(word) for word in (text or "").split()]
    except ValueError:
        return []


def _first_number(text: str | None) -> float | None:
    return next(iter(_numbers(text)), None)
