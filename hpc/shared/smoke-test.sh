#!/usr/bin/env bash
# Does a cluster run a study? The checks of doctor, then a small study until it is done or failed.
#   hpc/shared/smoke-test.sh CLUSTER     (the runner must be running: jf runner start)
set -euo pipefail
cluster=${1:?name of a file in configs/clusters}
study=$(cd "$(dirname "$0")/../local-slurm/tiny" && pwd)
sulfox doctor --cluster "$cluster" --study "$study"
sulfox submit "$study" --cluster "$cluster" --yes
until=$((SECONDS + ${SMOKE_TIMEOUT_S:-7200}))
while [[ $SECONDS -lt $until ]]; do
  states=$(sulfox status tiny --cluster "$cluster" --json |
    python3 -c 'import json, sys; print(*sorted(json.load(sys.stdin)["states"]))')
  case $states in
    done | "") echo "$cluster runs a study"; exit 0 ;;  # nothing in the queue: it ran before
    *failed*) sulfox status tiny --cluster "$cluster"; exit 1 ;;
  esac
  sleep "${SMOKE_POLL_S:-30}"
done
sulfox status tiny --cluster "$cluster"
echo "not done after ${SMOKE_TIMEOUT_S:-7200} s: is the runner running (jf runner status)?" >&2
exit 1
