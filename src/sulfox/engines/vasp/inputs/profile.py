"""What the engine ``vasp`` adds to a protocol, read from ``configs/engines/vasp.yaml``."""

from __future__ import annotations

from typing import Literal, get_args

import yaml
from pydantic import Field, ValidationError

from sulfox.documents.base import Record, content_hash
from sulfox.errors import SulfoxError
from sulfox.protocols.protocol import Choice
from sulfox.settings import find_config
from sulfox.units import Charge, Energy, Length, Seconds

__all__ = ["PawSet", "PotcarChoice", "PotcarFunctional", "VaspProfile", "VaspRules", "load_profile"]

PotcarFunctional = Literal["PBE_52", "PBE_54", "PBE_64"]


class PawSet(Record):
    """A PAW set by name; its file is the user's.

    Attributes
    ----------
    symbol : str
        ``"Li_sv"``.
    valence_electrons : float
        ZVAL [e].
    enmax_eV : float
        Cutoff the set was made for [eV].
    """

    symbol: str
    valence_electrons: Charge = Field(gt=0)
    enmax_eV: Energy = Field(gt=0)


class PotcarChoice(Record):
    """Which PAW sets are used.

    Attributes
    ----------
    functional : str
        pymatgen's name of the release.
    sets : dict
        Element -> sets in order of preference.
    """

    functional: PotcarFunctional
    sets: dict[str, tuple[PawSet, ...]]

    def choose(self, element: str, cutoff_eV: float) -> PawSet:
        """Take the first set of an element that a cutoff serves.

        Parameters
        ----------
        element : str
            Symbol.
        cutoff_eV : float
            Cutoff of the calculation [eV].

        Returns
        -------
        PawSet
            With ENMAX not above the cutoff.

        Raises
        ------
        SulfoxError
            SFX-323 if the element is not listed, or every set needs more.
        """
        listed = self.sets.get(element, ())
        for candidate in listed:
            if candidate.enmax_eV <= cutoff_eV + 1e-6:
                return candidate
        found = "no PAW set is chosen for it"
        if listed:
            least = min(listed, key=lambda s: s.enmax_eV)
            found = f"a cutoff of {cutoff_eV:g} eV, but {least.symbol} needs {least.enmax_eV:g} eV"
        raise SulfoxError(
            "SFX-323",
            who=f"VASP inputs for {element}",
            found=found,
            expected="a PAW set that the cutoff serves",
            next_step="add one to configs/engines/vasp.yaml, or raise cutoff_eV of the protocol",
        )


class VaspRules(Record):
    """Limits at which tags change.

    Attributes
    ----------
    real_space_above_atoms : int
        Cells with more atoms project in real space (LREAL Auto).
    vacuum_gap_A : float
        An empty layer along c of more than this makes a slab [Å].
    fermi_range_eV : tuple of float
        Where the Fermi level may lie on VASP's scale for the density of states [eV].
    frozen_after_s : float
        VASP is taken as frozen when it writes nothing for so long [s].
    max_corrections : int
        Corrections by custodian at most.
    """

    real_space_above_atoms: int = Field(gt=0)
    vacuum_gap_A: Length = Field(gt=0)
    fermi_range_eV: tuple[Energy, Energy]
    frozen_after_s: Seconds = Field(gt=0)
    max_corrections: int = Field(gt=0)


class VaspProfile(Record):
    """The file ``configs/engines/vasp.yaml``.

    Attributes
    ----------
    name, source : str
        ``"vasp"``; where the numbers come from.
    choices : tuple of Choice
        What the source leaves open.
    rules : VaspRules
        Limits at which tags change.
    potcar : PotcarChoice
        PAW sets.
    """

    name: str
    source: str
    choices: tuple[Choice, ...]
    rules: VaspRules
    potcar: PotcarChoice

    @property
    def hash(self) -> str:
        """Content hash of what decides numbers."""
        watch = {"frozen_after_s", "max_corrections"}
        return content_hash([self.rules.model_dump(mode="json", exclude=watch), self.potcar])

    def with_functional(self, name: str) -> VaspProfile:
        """Return the profile with another release of the PAW sets.

        Parameters
        ----------
        name : str
            ``"PBE_52"``, ``"PBE_54"`` or ``"PBE_64"``; any other word changes nothing, since
            the name of an interatomic potential may stand there.

        Returns
        -------
        VaspProfile
            Same choices.
        """
        if name not in get_args(PotcarFunctional):
            return self
        changed = self.potcar.model_copy(update={"functional": name})
        return self.model_copy(update={"potcar": changed})


def load_profile() -> VaspProfile:
    """Read ``engines/vasp.yaml`` of the first configuration folder that has one.

    Returns
    -------
    VaspProfile
        Checked: unknown keys and impossible numbers are errors.

    Raises
    ------
    SulfoxError
        SFX-102 if there is none, or it is not valid.
    """
    path = find_config("engines", "vasp")
    cause: Exception | None = None
    found = "no such file"
    if path is not None:
        try:
            return VaspProfile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            found, cause = f"{'.'.join(map(str, first['loc']))}: {first['msg']}", error
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            found, cause = " ".join(str(error).split()), error
    raise SulfoxError(
        "SFX-102",
        who=str(path or "configs/engines/vasp.yaml"),
        found=found,
        expected="the keys " + ", ".join(VaspProfile.model_fields),
        next_step="correct the file",
    ) from cause
