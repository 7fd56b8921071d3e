#!/usr/bin/env bash
# On the login node, where the manager runs too: does cpu-example (or your copy of it) run a study?
#   hpc/cpu-example/smoke-test.sh [CLUSTER=cpu-example]
exec "$(dirname "$0")/../shared/smoke-test.sh" "${1:-cpu-example}"
