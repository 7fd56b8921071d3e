#!/usr/bin/env bash
# On the login node of a CPU cluster, from a checkout of sulfox.
#   SULFOX_VENV=/absolute/folder hpc/cpu-example/install.sh
set -euo pipefail
type module >/dev/null 2>&1 && module load python  # the name differs: module avail python
exec "$(dirname "$0")/../shared/install.sh"
