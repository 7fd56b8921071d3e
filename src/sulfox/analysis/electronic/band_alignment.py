"""Two materials' band centres side by side, by every definition and in every variant tried.

A band centre without its window, its reference and its magnetic state is not a number. The
table holds all combinations, and the verdict counts them: which come near a published
difference, of how many, and whether any is of both ground states with one reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sulfox.analysis.electronic.alignment_definitions import Definition, definitions
from sulfox.analysis.electronic.alignment_variants import Tried, find_variants
from sulfox.analysis.electronic.alignment_verdict import make_verdict
from sulfox.documents.band_alignment import (
    AlignmentRow,
    BandAlignmentDoc,
    LiteratureRow,
    PublishedDifference,
)
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.errors import SulfoxError
from sulfox.materials.literature import Measurement

__all__ = ["align_band_centers"]

#: Raised when the meaning of the numbers changes; part of every document's identity.
_METHOD_VERSION = 1
_TOLERANCE_EV = 0.25
_LEVEL_KEYS = ("functional", "cutoff_eV")


def align_band_centers(
    centers: Sequence[BandCenterDoc],
    calculations: Sequence[ElectronicStructureDoc] = (),
    *,
    upper: str,
    lower: str,
    published: PublishedDifference | None = None,
    tolerance_eV: float = _TOLERANCE_EV,
    measured: Mapping[str, Sequence[Measurement]] | None = None,
    study: str | None = None,
) -> BandAlignmentDoc:
    """Set the band centres of two materials side by side.

    Variants are paired where both have U or both have not. A calculation without a band
    centre counts as tried.

    Parameters
    ----------
    centers : sequence of BandCenterDoc
        With `material` set; one a variant, of one element and orbital.
    calculations : sequence of ElectronicStructureDoc
        Where the centres come from: energies, moments, structures.
    upper, lower : str
        Materials; differences are upper minus lower.
    published : PublishedDifference, optional
        What they are set against.
    tolerance_eV : float
        What counts as agreement [eV].
    measured : mapping, optional
        Material -> gaps and moments of the literature.
    study : str, optional
        Name of the study that asked.

    Returns
    -------
    BandAlignmentDoc
        Partial, with reasons, where a variant gave nothing or levels of theory differ.

    Raises
    ------
    SulfoxError
        SFX-714 if a material has no centre, a variant two, the centres are of different
        orbitals, or no two variants have the same U.
    """
    _check_orbitals(centers)
    tried = [find_variants(name, centers, calculations) for name in (upper, lower)]
    pairs = [
        (u, l)
        for u in tried[0]
        for l in tried[1]  # noqa: E741
        if u.center and l.center and u.variant.hubbard == l.variant.hubbard
    ]
    if not pairs:
        raise _no_pair(upper, lower, tried)
    rows = tuple(row for pair in pairs for row in _rows(*pair, published, tolerance_eV))
    variants = tuple(entry.variant for entries in tried for entry in entries)
    reasons = _reasons(tried, pairs)
    used = [entry.center for entries in tried for entry in entries if entry.center]
    first = pairs[0][0].center or used[0]
    verdict = make_verdict(rows, variants, len(pairs), published, tolerance_eV)
    literature = _literature(tried, measured or {})
    identity = [
        *("band_alignment", _METHOD_VERSION, upper, lower, published, tolerance_eV, literature),
        *(center.id for center in used),
        *(v.calculation_id for v in variants),
    ]
    inputs_hash = content_hash(identity)
    return BandAlignmentDoc(
        id="ba-" + inputs_hash[:16],
        status=Status.PARTIAL if reasons else Status.COMPLETE,
        reasons=reasons,
        provenance=Provenance(
            engine=first.provenance.engine,
            level_of_theory="; ".join(dict.fromkeys(c.provenance.level_of_theory for c in used)),
            inputs_hash=inputs_hash,
            study=study,
        ),
        upper=upper,
        lower=lower,
        element=first.element,
        orbital=first.orbital,
        variants=variants,
        rows=rows,
        n_variants=len(variants),
        n_pairs=len(pairs),
        n_definitions=len({(r.definition, r.upper_reference, r.lower_reference) for r in rows}),
        n_differences=sum(row.difference_eV is not None for row in rows),
        published=published,
        tolerance_eV=tolerance_eV,
        n_agreeing=sum(row.agrees is True for row in rows),
        reproduced=verdict.reproduced,
        verdict=verdict.text,
        literature=literature,
    )


def _check_orbitals(centers: Sequence[BandCenterDoc]) -> None:
    found = sorted({f"{center.element} {center.orbital}" for center in centers})
    if len(found) > 1:
        raise SulfoxError(
            "SFX-714",
            who="band centres",
            found=f"those of {', '.join(found)}",
            expected="one orbital of one element",
            next_step="align them one by one",
        )


def _no_pair(upper: str, lower: str, tried: Sequence[tuple[Tried, ...]]) -> SulfoxError:
    names = [entry.variant.label for entries in tried for entry in entries if entry.center]
    return SulfoxError(
        "SFX-714",
        who=f"{upper} minus {lower}",
        found=f"band centres of {', '.join(names) or 'neither'}",
        expected="one of each, both with U or both without",
        next_step="compute the missing one; see the reasons of refused calculations",
    )


def _rows(
    upper: Tried, lower: Tried, published: PublishedDifference | None, tolerance_eV: float
) -> Iterable[AlignmentRow]:
    if upper.center is None or lower.center is None:
        return
    both_ground = upper.variant.is_ground_state and lower.variant.is_ground_state
    for definition in definitions(upper.center, lower.center):
        values = definition.upper(upper.center), definition.lower(lower.center)
        sides = zip((upper, lower), values, strict=True)
        missing = [entry.variant.label for entry, value in sides if value is None]
        difference = None if missing else (values[0] or 0.0) - (values[1] or 0.0)
        agrees = None
        if difference is not None and published is not None:
            agrees = abs(difference - published.difference_eV) <= tolerance_eV
        yield AlignmentRow(
            upper=upper.variant.label,
            lower=lower.variant.label,
            definition=definition.states,
            upper_reference=definition.upper_reference,
            lower_reference=definition.lower_reference,
            upper_eV=values[0],
            lower_eV=values[1],
            difference_eV=difference,
            kind=definition.kind,
            ground_states=both_ground,
            hubbard=upper.variant.hubbard,
            agrees=agrees,
            remark=_missing_text(definition, upper, lower, missing) or definition.remark,
        )


def _missing_text(definition: Definition, upper: Tried, lower: Tried, missing: list[str]) -> str:
    if not missing:
        return ""
    metals = [e.variant.label for e in (upper, lower) if e.variant.is_metal]
    if {definition.upper_reference, definition.lower_reference} & {"VBM", "mid-gap", "CBM"} and (
        set(missing) <= set(metals)
    ):
        return f"{' and '.join(missing)}: a metal has no such level"
    return f"not known for {' and '.join(missing)}"


def _reasons(
    tried: Sequence[tuple[Tried, ...]], pairs: Sequence[tuple[Tried, Tried]]
) -> tuple[Reason, ...]:
    every = [entry for entries in tried for entry in entries]
    reasons = []
    for entry in every:
        if entry.center is None:
            reasons.append(("no-band-center", f"{entry.variant.label} was tried and gave none"))
        elif entry.center.status is not Status.COMPLETE:
            words = ", ".join(reason.code for reason in entry.center.reasons)
            reasons.append(("partial", f"{entry.variant.label}: {words}"))
    paired = {id(entry) for pair in pairs for entry in pair}
    alone = [e.variant.label for e in every if e.center is not None and id(e) not in paired]
    if alone:
        reasons.append(("unpaired", f"{', '.join(alone)}: no partner with the same U"))
    reasons += _level_reasons(every)
    return tuple(Reason(code=code, message=text) for code, text in reasons)


def _level_reasons(every: Sequence[Tried]) -> list[tuple[str, str]]:
    """Say where numbers of different engines or settings stand beside each other."""
    engines = sorted({e.center.provenance.engine for e in every if e.center})
    reasons = []
    if len(engines) > 1:
        reasons.append(("engines", f"centres of {' and '.join(engines)} in one table"))
    runs = [e.calculation for e in every if e.calculation is not None]
    for key in _LEVEL_KEYS:
        values = sorted({str(run.settings[key]) for run in runs if key in run.settings})
        if len(values) > 1:
            reasons.append(("levels", f"{key} differs: {' and '.join(values)}"))
    terms: dict[str, set[str]] = {}
    for run in runs:
        for element, term in (run.settings.get("hubbard") or {}).items() if run.hubbard else ():
            terms.setdefault(element, set()).add(str(term))
    for element, found in terms.items():
        if len(found) > 1:
            reasons.append(("levels", f"U of {element} differs: {' and '.join(sorted(found))}"))
    return reasons


def _literature(
    tried: Sequence[tuple[Tried, ...]], measured: Mapping[str, Sequence[Measurement]]
) -> tuple[LiteratureRow, ...]:
    rows = []
    for entry in (e for entries in tried for e in entries if e.variant.is_ground_state):
        variant = entry.variant
        for known in measured.get(variant.material, ()):
            is_gap = known.band_gap_eV is not None
            rows.append(
                LiteratureRow(
                    label=variant.label,
                    what=known.what,
                    computed_gap_eV=variant.gap_eV if is_gap else None,
                    measured_gap_eV=known.band_gap_eV,
                    computed_moment_muB=None if is_gap else variant.moment_muB,
                    measured_moment_muB=known.moment_muB,
                    citation=known.citation,
                    doi=known.doi,
                    checked=known.checked,
                )
            )
    return tuple(rows)
