#!/usr/bin/env bash
# On your own machine: the manager reaches the database through the cluster's login node. Compute
# nodes need none (nodes_reach_database: false): what reads frames runs on the manager's machine.
#   hpc/gpu-example/database-tunnel.sh DATABASE_HOST [PORT=27117] [HOST=gpu-example]
set -euo pipefail
exec "$(dirname "$0")/../shared/database-tunnel.sh" "${3:-gpu-example}" "${1:?database host}" "${2:-27117}"
