#!/usr/bin/env bash
# Reach a database behind a gateway: localhost:PORT here is HOST:27017 there, until Ctrl-C.
#   hpc/shared/database-tunnel.sh GATEWAY DATABASE_HOST [PORT=27117]
# Then SULFOX_MONGO_HOST=127.0.0.1 SULFOX_MONGO_PORT=PORT. ssh asks for the key; nothing is kept.
set -euo pipefail
gateway=${1:?gateway} host=${2:?database host} port=${3:-27117}
exec ssh -N -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 \
  -L "127.0.0.1:$port:$host:27017" "$gateway"
