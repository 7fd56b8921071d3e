"""The last density of states of a ``vasprun.xml``, read in one pass that never holds the file.

Sections that say nothing about the density of states (electronic steps, forces, projected
bands: nearly all of a large file) are dropped from the stream of bytes before the XML parser
(expat) sees them, and the rows of a table (``<r>``) go past it in one piece, to be read all at
once. Of the ionic steps only the last one is kept. Format:
https://www.vasp.at/wiki/index.php/Vasprun.xml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.engines.vasp.dos_tables import damaged
from sulfox.engines.vasp.vasprun_sections import VasprunSections

__all__ = ["parse_vasprun"]

_CHUNK = 1 << 20
_OPENING = re.compile(
    rb"<(?:(?P<dropped>scstep|projected\w*|dynmat|varray name=\"(?:forces|stress)\")[\s>]"
    rb"|(?P<table>set[^<>]*>)\s*<r>)"
)


def parse_vasprun(
    stream: IO[bytes],
    who: str,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read the last density of states of a ``vasprun.xml``.

    Parameters
    ----------
    stream : binary file
        The XML text.
    who : str
        Name of the file, for messages.
    elements, orbitals : tuple of str, optional
        What is kept of the projections; all if not given.

    Returns
    -------
    ProjectedDos
        With the eigenvalues and the structure of the same ionic step.

    Raises
    ------
    SulfoxError
        SFX-311 if the file is truncated or damaged, SFX-312 if it is another XML file,
        SFX-313 without a density of states or its projections, SFX-314 for numbers that
        are not finite.
    """
    sections = VasprunSections(who, elements, orbitals)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    if hasattr(parser, "SetReparseDeferralEnabled"):
        parser.SetReparseDeferralEnabled(False)  # a table belongs to the set opened last
    parser.buffer_size = _CHUNK
    parser.StartElementHandler = sections.start
    parser.EndElementHandler = sections.end
    parser.CharacterDataHandler = sections.text
    parser.StartDoctypeDeclHandler = sections.refuse_doctype
    try:
        for is_table, piece in _pieces(stream):
            if is_table:
                sections.rows(piece)
            else:
                parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        where = sections.path[-1][:80] if sections.path else "its head"
        reason = expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else error
        found = f"the XML breaks off or is broken in {where} ({reason})"
        raise damaged(who, found, "a whole vasprun.xml") from None
    return sections.finish()


def _pieces(stream: IO[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Yield whether a piece is the rows of a table, and the piece; dropped sections miss."""
    data, start, until, in_table = b"", 0, b"", False
    while chunk := stream.read(_CHUNK):
        searched = len(data) - start - len(until)  # no end of the section before this
        data, start = data[start:] + chunk, 0
        while True:
            if until:
                stop = data.find(until, max(start, searched))
                searched = 0
                if stop < 0:
                    if not in_table:
                        start = max(start, len(data) - len(until) + 1)
                    break
                if in_table:
                    yield True, data[start:stop]
                start, until = stop if in_table else stop + len(until), b""
            opening = _OPENING.search(data, start)
            if opening is None:
                # a mark is handed on whole, so that none is missed between two chunks
                whole = max(data.rfind(b">") + 1, start)
                yield False, data[start:whole]
                start = whole
                break
            in_table = opening["table"] is not None
            stop = opening.end("table") if in_table else opening.start()
            yield False, data[start:stop]
            start = stop if in_table else opening.end("dropped")
            until = b"</set>" if in_table else b"</" + opening["dropped"].split()[0] + b">"
    if in_table or not until:
        yield False, data[start:]
