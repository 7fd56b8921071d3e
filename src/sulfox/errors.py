"""Errors that say who, what was found, what was expected and what to do next.

Every error a user can meet has a stable code ``SFX-nnn`` (table :data:`CODES`, one
hundred per room) and a kind that says what helps: other input, more resources, a
gentler calculation, another try, or other data.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CODES", "ErrorKind", "SulfoxError"]


class ErrorKind(StrEnum):
    """What helps against an error."""

    INPUT = "input"
    RESOURCE = "resource"
    CONVERGENCE = "convergence"
    TRANSIENT = "transient"
    DATA = "data"


#: Stable code -> (kind, meaning). A code is never reused for another meaning.
CODES: dict[str, tuple[ErrorKind, str]] = {
    # 1xx materials, configuration
    "SFX-101": (ErrorKind.INPUT, "unknown material"),
    "SFX-102": (ErrorKind.INPUT, "a configuration file is not valid"),
    "SFX-103": (ErrorKind.INPUT, "a structure file cannot be used"),
    "SFX-104": (ErrorKind.INPUT, "disorder that cannot be realised in this cell"),
    # 2xx interfaces
    "SFX-201": (ErrorKind.INPUT, "no slab exists for this facet"),
    "SFX-202": (ErrorKind.INPUT, "no lattice match within the limits"),
    "SFX-203": (ErrorKind.INPUT, "an interface search parameter is out of range"),
    "SFX-204": (ErrorKind.INPUT, "a material that is no decorated rock salt"),
    "SFX-205": (ErrorKind.INPUT, "a coherent interface that cannot be built"),
    "SFX-206": (ErrorKind.INPUT, "a parameter of a coherent interface is out of range"),
    # 3xx engines
    "SFX-301": (ErrorKind.INPUT, "unknown engine"),
    "SFX-302": (ErrorKind.RESOURCE, "the engine's potential or package is missing"),
    "SFX-303": (ErrorKind.DATA, "a fetched potential has the wrong checksum"),
    "SFX-304": (ErrorKind.CONVERGENCE, "a dynamics run exploded"),
    "SFX-305": (ErrorKind.CONVERGENCE, "a relaxation did not converge"),
    "SFX-306": (ErrorKind.DATA, "a checkpoint does not belong to this run"),
    "SFX-307": (ErrorKind.TRANSIENT, "another process holds this run"),
    "SFX-308": (ErrorKind.INPUT, "an element is unknown to the potential"),
    "SFX-311": (ErrorKind.DATA, "an electronic structure file is truncated or damaged"),
    "SFX-312": (ErrorKind.INPUT, "an electronic structure format is not read"),
    "SFX-313": (ErrorKind.DATA, "a file holds no projected density of states"),
    "SFX-314": (ErrorKind.DATA, "numbers in an electronic structure file are not finite"),
    "SFX-315": (ErrorKind.INPUT, "a folder without one electronic structure file to read"),
    "SFX-316": (ErrorKind.INPUT, "a file that must lie beside another is missing"),
    "SFX-321": (ErrorKind.RESOURCE, "the VASP executable is missing"),
    "SFX-322": (ErrorKind.RESOURCE, "POTCAR files are missing or are not the stated ones"),
    "SFX-323": (ErrorKind.INPUT, "VASP inputs cannot be made"),
    "SFX-324": (ErrorKind.CONVERGENCE, "VASP failed"),
    "SFX-325": (ErrorKind.DATA, "VASP's output is missing or damaged"),
    "SFX-326": (ErrorKind.CONVERGENCE, "the electrons did not become self-consistent"),
    "SFX-327": (ErrorKind.DATA, "VASP ran with other settings than meant"),
    "SFX-328": (ErrorKind.INPUT, "the vasp engine cannot do this"),
    "SFX-331": (ErrorKind.CONVERGENCE, "GPAW failed"),
    "SFX-332": (ErrorKind.RESOURCE, "GPAW passed its limit of time or memory"),
    "SFX-334": (ErrorKind.INPUT, "the gpaw engine cannot do this"),
    "SFX-341": (ErrorKind.INPUT, "an input file of the stand-in cannot be used"),
    "SFX-342": (ErrorKind.INPUT, "the stand-in does not do this"),
    "SFX-343": (ErrorKind.INPUT, "a fault that is not known"),
    "SFX-344": (ErrorKind.INPUT, "no placeholder POTCAR of this name"),
    "SFX-351": (ErrorKind.CONVERGENCE, "VASP's dynamics failed again and again"),
    "SFX-352": (ErrorKind.CONVERGENCE, "electrons of a dynamics run did not converge"),
    "SFX-353": (ErrorKind.DATA, "two segments of a dynamics run do not fit"),
    "SFX-354": (ErrorKind.DATA, "segments of one run by different programs"),
    "SFX-355": (ErrorKind.RESOURCE, "a job is too short for a step of dynamics"),
    "SFX-356": (ErrorKind.INPUT, "a study that cannot be rehearsed"),
    "SFX-357": (ErrorKind.CONVERGENCE, "a rehearsal found what would break"),
    "SFX-358": (ErrorKind.INPUT, "a cost that cannot be estimated"),
    # 4xx trajectories
    "SFX-401": (ErrorKind.DATA, "a trajectory file is truncated or damaged"),
    "SFX-402": (ErrorKind.INPUT, "a trajectory format is not known"),
    "SFX-403": (ErrorKind.DATA, "numbers in a trajectory are not finite"),
    "SFX-404": (ErrorKind.DATA, "an archive segment fails its checksum"),
    "SFX-405": (ErrorKind.DATA, "archive segments leave a gap or overlap"),
    "SFX-406": (ErrorKind.INPUT, "a frame range outside the trajectory"),
    "SFX-407": (ErrorKind.INPUT, "a file does not exist or cannot be read"),
    "SFX-408": (ErrorKind.DATA, "an archive header is missing, damaged or of another run"),
    "SFX-409": (ErrorKind.DATA, "two segments of a run do not follow each other"),
    "SFX-411": (ErrorKind.DATA, "a folder holds no whole frame of a run"),
    "SFX-412": (ErrorKind.DATA, "an archive already holds other frames"),
    "SFX-413": (ErrorKind.DATA, "segments of different systems or time steps"),
    "SFX-414": (ErrorKind.INPUT, "files are not those of a dynamics run"),
    "SFX-419": (ErrorKind.INPUT, "a file that cannot be followed while it grows"),
    # 5xx stores
    "SFX-501": (ErrorKind.INPUT, "a store cannot be opened"),
    "SFX-502": (ErrorKind.INPUT, "a store was written by a newer sulfox"),
    "SFX-503": (ErrorKind.RESOURCE, "the disk is full or the store is read-only"),
    "SFX-504": (ErrorKind.INPUT, "no such document in the store"),
    "SFX-505": (ErrorKind.DATA, "a stored document cannot be read"),
    "SFX-506": (ErrorKind.DATA, "a portable archive of a study is damaged"),
    "SFX-507": (ErrorKind.DATA, "a document is too large for the store"),
    "SFX-560": (ErrorKind.INPUT, "an export would be written over something"),
    "SFX-561": (ErrorKind.INPUT, "an exported study cannot be changed"),
    "SFX-562": (ErrorKind.INPUT, "an analysis that cannot be run again"),
    "SFX-563": (ErrorKind.RESOURCE, "a worker of a re-analysis died"),
    # 6xx studies and flows
    "SFX-601": (ErrorKind.INPUT, "a study is not valid"),
    "SFX-602": (ErrorKind.INPUT, "no such study"),
    "SFX-603": (ErrorKind.TRANSIENT, "a branch of the flow failed"),
    "SFX-640": (ErrorKind.INPUT, "a worker has another version of sulfox"),
    # 7xx analyses
    "SFX-701": (ErrorKind.INPUT, "a pair of elements the trajectory does not hold"),
    "SFX-702": (ErrorKind.INPUT, "a detection criterion is out of range"),
    "SFX-703": (ErrorKind.INPUT, "a time step is needed"),
    "SFX-711": (ErrorKind.INPUT, "sites or an orbital the density of states does not hold"),
    "SFX-712": (ErrorKind.DATA, "no states where a band centre is asked for"),
    "SFX-713": (ErrorKind.INPUT, "layers or sides that cannot be told apart"),
    "SFX-714": (ErrorKind.INPUT, "band centres that cannot be aligned"),
    "SFX-720": (ErrorKind.INPUT, "an entry set is missing or cannot be read"),
    "SFX-721": (ErrorKind.DATA, "an entry set contradicts itself"),
    "SFX-722": (ErrorKind.INPUT, "an element without entries"),
    "SFX-723": (ErrorKind.INPUT, "a chemical formula cannot be used"),
    "SFX-724": (ErrorKind.INPUT, "an open element cannot be used"),
    "SFX-725": (ErrorKind.INPUT, "the catalogue of phases is not valid"),
    "SFX-726": (ErrorKind.INPUT, "no entry set of this name, or a scheme it has not"),
    "SFX-727": (ErrorKind.RESOURCE, "the Materials Project cannot be asked"),
    "SFX-728": (ErrorKind.DATA, "a computed phase is refused"),
    "SFX-729": (ErrorKind.DATA, "a computed entry set lacks what a scheme needs"),
    "SFX-731": (ErrorKind.INPUT, "thermochemical data are missing or cannot be read"),
    "SFX-732": (ErrorKind.INPUT, "a temperature outside the range of the data"),
    "SFX-733": (ErrorKind.INPUT, "a gas that cannot be used"),
    "SFX-734": (ErrorKind.INPUT, "an element without thermochemical data"),
    "SFX-735": (ErrorKind.CONVERGENCE, "an equilibrium was not found"),
    "SFX-736": (ErrorKind.INPUT, "a voltage range that cannot be used"),
    "SFX-741": (ErrorKind.INPUT, "a coating that cannot be screened"),
    "SFX-742": (ErrorKind.INPUT, "a solid solution without a model"),
    "SFX-743": (ErrorKind.INPUT, "a table of pairs is not valid"),
    "SFX-745": (ErrorKind.INPUT, "an input of a formula is not physical"),
    "SFX-746": (ErrorKind.INPUT, "a table of measurements cannot be read"),
    "SFX-747": (ErrorKind.DATA, "measurements that a fit cannot use"),
    # 8xx clusters
    "SFX-801": (ErrorKind.INPUT, "unknown cluster"),
    "SFX-802": (ErrorKind.INPUT, "a cluster file is not valid"),
    "SFX-803": (ErrorKind.INPUT, "a file with secrets is readable by others"),
    "SFX-804": (ErrorKind.TRANSIENT, "the queue is being changed by another process"),
    "SFX-805": (ErrorKind.INPUT, "a submission costs more than its budget"),
    "SFX-806": (ErrorKind.INPUT, "FireWorks lacks the user's own file with a password"),
    "SFX-807": (ErrorKind.RESOURCE, "a cluster is not ready for a study"),
    "SFX-808": (ErrorKind.INPUT, "a queue holds no job of a study"),
    # 9xx command line
    "SFX-901": (ErrorKind.INPUT, "an option has a value that cannot be used"),
    "SFX-999": (ErrorKind.DATA, "an unexpected error"),
}


class SulfoxError(Exception):
    """An error with a stable code and the four things a user needs.

    Parameters
    ----------
    code : str
        One of :data:`CODES`.
    who : str
        What the error is about: a material, a file, an interface.
    found : str
        What was found.
    expected : str
        What was expected instead.
    next_step : str
        What to do next.

    Raises
    ------
    KeyError
        If `code` is not in :data:`CODES`.
    """

    def __init__(self, code: str, *, who: str, found: str, expected: str, next_step: str) -> None:
        self.kind, self.meaning = CODES[code]
        self.code = code
        self.who = who
        self.found = found
        self.expected = expected
        self.next_step = next_step
        super().__init__(self.line)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive a process boundary with every field."""
        fields = (self.code, self.who, self.found, self.expected, self.next_step)
        return _rebuild, (type(self), *fields)

    @property
    def line(self) -> str:
        """The whole message on one line."""
        text = (
            f"{self.code} [{self.kind.value}] {self.who}: {self.found}; "
            f"expected {self.expected}; {self.next_step}"
        )
        return " ".join(text.split())

    @property
    def exit_code(self) -> int:
        """Exit status of the command line: 2 where the user's input or data is at fault."""
        return 2 if self.kind in (ErrorKind.INPUT, ErrorKind.DATA) and self.code != "SFX-999" else 1


def _rebuild(cls: type[SulfoxError], code: str, *fields: str) -> SulfoxError:
    who, found, expected, next_step = fields
    return cls(code, who=who, found=found, expected=expected, next_step=next_step)
