"""Where the NEP89 potential comes from, and whether it is the right one.

NEP89 (doi 10.48550/arXiv.2504.21286) covers 89 elements in one file of 16 MB. sulfox does
not ship it: it lies inside the source package NepTrainKit on PyPI (GPL-3.0-or-later), and
:func:`fetch_nep89` takes it from there. nep-adapters, which computes with it, is GPL-3 too;
both are optional and neither is imported by the rest of sulfox.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.settings import get_settings
from sulfox.trajectories.durable import write_durably

__all__ = ["NEP89_SHA256", "Potential", "fetch_nep89", "find_nep89"]

NEP89_SHA256 = "75168ece02e840e4a32644f982b78d43cba697f5b64b4c8134ab66c7a8c28be1"
_PACKAGE = "NepTrainKit"
_REQUIREMENT = f"{_PACKAGE}==3.1.5"
_MEMBER = "src/NepTrainKit/Config/nep89.txt"
_FETCH_SECONDS = 600


@dataclass(frozen=True)
class Potential:
    """A potential file.

    Attributes
    ----------
    path : Path
        Where it lies.
    sha256 : str
        Checksum of its content, hexadecimal.
    is_published : bool
        Whether it is the published NEP89, byte by byte.
    """

    path: Path
    sha256: str

    @property
    def is_published(self) -> bool:
        """Whether it is the published NEP89, byte by byte."""
        return self.sha256 == NEP89_SHA256


def find_nep89() -> Potential:
    """Find the NEP89 potential on this machine.

    Returns
    -------
    Potential
        The user's own file (``SULFOX_NEP89_FILE``) with whatever checksum it has, else the
        fetched one.

    Raises
    ------
    SulfoxError
        SFX-302 if there is none; SFX-303 if the fetched file was changed.
    """
    settings = get_settings()
    if settings.nep89_file is not None:
        return Potential(settings.nep89_file, _sha256(settings.nep89_file))
    path = _cached_path()
    if not path.is_file():
        raise _missing(str(path), "no such file", "run: sulfox engines fetch nep89")
    found = Potential(path, _sha256(path))
    if not found.is_published:
        raise _wrong(str(path), found.sha256)
    return found


def fetch_nep89() -> Potential:
    """Bring the NEP89 potential from PyPI into the user's cache.

    pip downloads the source package; only the potential is taken out of it, and only if its
    checksum is the published one. Nothing of the package is installed.

    Returns
    -------
    Potential
        The file; one that is there already and whole is kept.

    Raises
    ------
    SulfoxError
        SFX-302 without network or pip; SFX-303 for a wrong checksum.
    """
    path = _cached_path()
    if not (path.is_file() and _sha256(path) == NEP89_SHA256):
        with tempfile.TemporaryDirectory(prefix="sulfox-fetch-") as folder:
            content = _member_of(_download(Path(folder)))
        digest = hashlib.sha256(content).hexdigest()
        if digest != NEP89_SHA256:
            raise _wrong(f"{_MEMBER} of {_REQUIREMENT}", digest)
        write_durably(path, content)
    return Potential(path, NEP89_SHA256)


def _cached_path() -> Path:
    return get_settings().cache_dir / "potentials" / "nep89.txt"


def _download(folder: Path) -> Path:
    # --no-binary names the package alone: its build requirements come as wheels.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", _PACKAGE]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), _REQUIREMENT]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unreachable(str(error)) from error
    archives = sorted(folder.glob("*.tar.gz"))
    if done.returncode != 0 or not archives:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise _unreachable(lines[-1])
    return archives[0]


def _member_of(archive: Path) -> bytes:
    # The member is read into memory: no name inside the archive becomes a path here.
    try:
        with tarfile.open(archive) as package:
            for member in package:
                if member.isfile() and member.name.partition("/")[2] == _MEMBER:
                    stream = package.extractfile(member)
                    if stream is not None:
                        return stream.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _unreachable(f"{archive.name} cannot be read: {error}") from error
    raise _unreachable(f"{archive.name} holds no {_MEMBER}")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _missing(
            str(path), error.strerror or str(error), "correct SULFOX_NEP89_FILE"
        ) from error


def _missing(who: str, found: str, next_step: str) -> SulfoxError:
    return SulfoxError(
        "SFX-302",
        who=f"potential nep89 at {who}",
        found=found,
        expected="the NEP89 potential file",
        next_step=next_step,
    )


def _unreachable(found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-302",
        who=f"pip download {_REQUIREMENT}",
        found=found,
        expected="the source package from PyPI",
        next_step="check network and pip, or set SULFOX_NEP89_FILE to your own nep89.txt",
    )


def _wrong(who: str, digest: str) -> SulfoxError:
    return SulfoxError(
        "SFX-303",
        who=who,
        found=f"sha256 {digest}",
        expected=f"sha256 {NEP89_SHA256}",
        next_step="run: sulfox engines fetch nep89; your own file goes to SULFOX_NEP89_FILE",
    )
