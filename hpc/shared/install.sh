#!/usr/bin/env bash
# Install sulfox into a folder of its own, from this checkout. Run it again to update.
#   SULFOX_VENV=/absolute/folder hpc/shared/install.sh
set -euo pipefail
venv=${SULFOX_VENV:?set it to an absolute folder on a file system that all nodes see}
[[ $venv = /* ]] || { echo "SULFOX_VENV must be an absolute path, found $venv" >&2; exit 2; }
python=$(command -v python3.12 || command -v python3.11 || command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "Python 3.11 or newer is needed, found $("$python" -V); load a module" >&2; exit 2; }
[[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install -q --upgrade pip
"$venv/bin/python" -m pip install -q "$(cd "$(dirname "$0")/../.." && pwd)[mlip,vasp,remote,fireworks]"
"$venv/bin/sulfox" --version
echo "next: source $venv/bin/activate; sulfox engines; pmg config -p POTCARS LIBRARY"
