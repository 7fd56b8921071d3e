#!/usr/bin/env bash
# On your own machine: do jobs there see a GPU, is VASP a GPU build, does the cluster run a study?
#   hpc/gpu-example/smoke-test.sh [CLUSTER=gpu-example] [HOST=CLUSTER] [PARTITION=gpu]
# MODULES names what the cluster file loads, SRUN_OPTIONS adds an account.
set -euo pipefail
cluster=${1:-gpu-example} host=${2:-${1:-gpu-example}} partition=${3:-gpu}
modules=${MODULES:-nvhpc/24.7 vasp/6.4.3-gpu}
ssh "$host" "bash -lc '
  srun --partition=$partition --gres=gpu:1 --time=5 ${SRUN_OPTIONS:-} nvidia-smi -L || {
    echo \"a job of partition $partition sees no GPU\" >&2; exit 1; }
  module load $modules && vasp=\$(command -v vasp_std) || {
    echo \"no vasp_std after: module load $modules\" >&2; exit 1; }
  ldd \$vasp | grep -qE \"libcuda|libacc|libcudart\" || {
    echo \"\$vasp is no GPU build: it is linked with neither CUDA nor OpenACC\" >&2; exit 1; }
  echo \"a GPU, and \$vasp for it\"'"
exec "$(dirname "$0")/../shared/smoke-test.sh" "$cluster"
