#!/usr/bin/env bash
# On your own machine, which runs the manager: install the same sulfox here and, by ssh, there.
#   SULFOX_VENV=/folder/here SULFOX_REMOTE_VENV=/folder/there hpc/gpu-example/install.sh [HOST=gpu-example]
# HOST is a name of ~/.ssh/config. What is committed here is what is installed there.
set -euo pipefail
host=${1:-gpu-example} there=${SULFOX_REMOTE_VENV:?set it to an absolute folder that all nodes see}
cd "$(dirname "$0")/../.."
hpc/shared/install.sh
git archive --format=tar HEAD | ssh "$host" "
  set -e
  rm -rf '$there.source' && mkdir -p '$there.source' && tar -x -C '$there.source'
  SULFOX_VENV='$there' '$there.source/hpc/shared/install.sh'"
