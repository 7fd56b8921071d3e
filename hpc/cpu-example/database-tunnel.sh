#!/usr/bin/env bash
# On the login node, where the database lies behind a gateway. Compute nodes do not see a tunnel of
# the login node: then nodes_reach_database: false.
#   hpc/cpu-example/database-tunnel.sh GATEWAY DATABASE_HOST [PORT=27117]
exec "$(dirname "$0")/../shared/database-tunnel.sh" "$@"
