#!/usr/bin/env bash
# Does a cluster run a study? The checks of doctor, then a small study until it is done or failed.
#   hpc/cpu-example/smoke-test.sh CLUSTER     (the runner must be running: jf runner start)
set -euo pipefail
cluster=${1:?name of a file in configs/clusters}
study=$(cd "$(dirname "$0")/../local-slurm/tiny" && pwd)
sulfox doctor --cluster "$cluster" --study "$study"
sulfox submit "$study" --cluster "$cluster" --yes
while :; do
  states=$(sulfox status tiny --cluster "$cluster" --json |
    python3 -c 'import json, sys; print(*sorted(json.load(sys.stdin)["states"]))')
  case $states in
    done) echo "the cluster runs a study"; exit 0 ;;
    *failed*) sulfox status tiny --cluster "$cluster"; exit 1 ;;
  esac
  sleep "${SMOKE_POLL_S:-30}"
done
