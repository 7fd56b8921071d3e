"""The report: one HTML page that needs nothing else, figures and a table as files."""

from __future__ import annotations

from html import escape
from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.reports.band_centers import band_centers_section
from sulfox.reports.comparison import comparison_csv, comparison_section
from sulfox.reports.data import ReportData, reasons_text
from sulfox.reports.dynamics import dynamics_section
from sulfox.reports.findings import findings
from sulfox.reports.interfaces import geometry_section, side_view_section
from sulfox.reports.lattice_constants import lattice_constants_section
from sulfox.reports.markup import Html, Section, note, paragraph, table
from sulfox.reports.sulfur_bonds import (
    bond_counts_section,
    bond_details_section,
)
from sulfox.reports.thermodynamics.gas_reduction import gas_reductions_section
from sulfox.reports.thermodynamics.pair_table import reaction_energies_section, windows_section
from sulfox.reports.variants import matrix_section

__all__ = ["make_sections", "render_page", "write_report"]

_CSS = """
:root { --ink: #1c1c1c; --pale: #5c5c5c; --line: #d9d9d9; --tint: #f5f6f8; --accent: #00568a; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 76rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.4rem 0; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 0.6rem; border-bottom: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 0.4rem; }
p { margin: 0.5rem 0; max-width: 60rem; }
.note, caption, figcaption { color: var(--pale); font-size: 0.85rem; }
.level { background: #fff4d6; border-left: 5px solid #b87900; padding: 0.6rem 0.9rem; }
.findings { background: var(--tint); border-left: 5px solid var(--accent); padding: 0.6rem 0.9rem; }
.findings li { margin: 0.3rem 0; }
.findings ul { margin: 0; padding-left: 1.1rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin-top: 0.8rem; }
nav a { color: var(--accent); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; margin: 0.8rem 0; width: 100%; }
caption { text-align: left; padding-bottom: 0.3rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.55rem;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
thead th { border-bottom: 2px solid var(--ink); vertical-align: bottom; }
tbody tr:nth-child(even) { background: var(--tint); }
.verdict { font-weight: 600; white-space: nowrap; padding: 0.05rem 0.4rem; border-radius: 3px; }
.verdict.yes { background: #d5e8f5; color: #003e66; }
.verdict.no { background: #fbdcc8; color: #7a2a00; }
.verdict.open { background: #e6e6e6; color: #333; }
figure { margin: 1rem 0; break-inside: avoid; }
figure img { max-width: 100%; height: auto; display: block; }
.gallery { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); }
.hash { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.75rem;
  overflow-wrap: anywhere; }
@media (max-width: 760px) {
  body { padding: 0.8rem; font-size: 15px; }
  .gallery { grid-template-columns: 1fr; }
  table.cards thead { position: absolute; left: -9999px; }
  table.cards tr { display: block; border: 1px solid var(--line); margin-bottom: 0.8rem; }
  table.cards td { display: block; border: 0; }
  table.cards td::before { content: attr(data-head); display: block; font-weight: 600;
    color: var(--pale); font-size: 0.75rem; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; }
  tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""


def make_sections(data: ReportData) -> tuple[Section, ...]:
    """Make all sections in the order of the page.

    Parameters
    ----------
    data : ReportData
        Documents and frames.

    Returns
    -------
    tuple of Section
        Each from documents alone.
    """
    return (
        comparison_section(data),
        bond_counts_section(data),
        matrix_section(data),
        side_view_section(data),
        bond_details_section(data),
        geometry_section(data),
        band_centers_section(data),
        reaction_energies_section(data),
        windows_section(data),
        gas_reductions_section(data),
        lattice_constants_section(data),
        dynamics_section(data),
        _not_complete_section(data),
        _provenance_section(data),
    )


def _not_complete_section(data: ReportData) -> Section:
    rows = [(d.kind, d.id, d.status.value, reasons_text(d)) for d in data.not_complete]
    rows += [("?", missing, "missing", "not in the store") for missing in data.missing_ids]
    title = "Partial, refused and missing"
    if not rows:
        return Section(title, paragraph("Every document of this run is complete."))
    return Section(title, table(("kind", "id", "status", "reasons"), rows))


def _provenance_section(data: ReportData) -> Section:
    versions = sorted(
        {f"{name} {v}" for d in data.everything for name, v in d.provenance.code_versions.items()}
    )
    rows = [
        (
            d.kind,
            Html(f'<span class="hash">{escape(d.id)}</span>'),
            d.provenance.engine,
            d.provenance.level_of_theory,
            Html(f'<span class="hash">{escape(d.provenance.inputs_hash)}</span>'),
            f"{d.provenance.created_at:%Y-%m-%d %H:%M:%S} UTC",
        )
        for d in data.everything
    ]
    columns = ("kind", "id", "engine", "level of theory", "SHA-256 of the inputs", "made at")
    html = paragraph(f"Study {data.study}. Codes: {', '.join(versions) or 'none'}.")
    return Section("Provenance", Html(html + table(columns, rows)))


def render_page(data: ReportData, sections: tuple[Section, ...]) -> str:
    """Put the sections on one page.

    Parameters
    ----------
    data : ReportData
        For heading and findings.
    sections : tuple of Section
        As :func:`make_sections` gives them.

    Returns
    -------
    str
        HTML without scripts, links to other files or to the net.
    """
    title = escape(f"sulfox report: {data.study}")
    anchors = [f"s{number}" for number in range(len(sections))]
    links = "".join(
        f'<a href="#{anchor}">{escape(section.title)}</a>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(section.title)}</h2>\n{section.html}</section>\n'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in findings(data))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_CSS}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f"{_level(data)}{_date(data)}"
        f'<div class="findings"><ul>{said}</ul></div>\n<nav>{links}</nav>\n{body}</body></html>\n'
    )


def _level(data: ReportData) -> str:
    only_energies = data.energy_levels and not data.levels
    line = "" if only_energies else f"Computed with: {data.level_text}."
    if any("not DFT" in theory for _, theory in data.levels):
        line += (
            " An interatomic potential is not DFT: its counts show what this potential does, "
            "and a DFT engine has the last word."
        )
    if data.energy_levels:
        line += f" Reaction energies by sets of energies of {'; '.join(data.energy_levels)}."
    return f'<p class="level">{escape(line.strip())}</p>\n'


def _date(data: ReportData) -> Html:
    dates = [d.provenance.created_at for d in data.everything]
    when = f"Last document made {max(dates):%Y-%m-%d %H:%M} UTC. " if dates else ""
    return note(f"{when}{len(data.everything)} documents; all text and figures are made from them.")


def write_report(data: ReportData, out_dir: Path) -> list[Path]:
    """Write ``index.html``, ``figures/*.png``, ``figures/*.svg`` and ``comparison.csv``.

    Parameters
    ----------
    data : ReportData
        Documents and frames.
    out_dir : Path
        Made if it does not exist; files of the same name are replaced.

    Returns
    -------
    list of Path
        What was written, the page first.

    Raises
    ------
    SulfoxError
        SFX-302 without matplotlib, SFX-503 if a file cannot be written.
    """
    sections = make_sections(data)
    figures = [figure for section in sections for figure in section.figures]
    contents: dict[Path, bytes] = {
        out_dir / "index.html": render_page(data, sections).encode("utf-8")
    }
    if data.comparison is not None:
        contents[out_dir / "comparison.csv"] = comparison_csv(data.comparison).encode("utf-8")
    for figure in figures:
        contents[out_dir / "figures" / f"{figure.name}.png"] = figure.png
        contents[out_dir / "figures" / f"{figure.name}.svg"] = figure.svg
    try:
        (out_dir / "figures").mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            path.write_bytes(content)
    except OSError as error:
        raise SulfoxError(
            "SFX-503",
            who=str(out_dir),
            found=error.strerror or str(error),
            expected="a folder that can be written, with space left",
            next_step="give another folder with --out",
        ) from error
    return list(contents)
