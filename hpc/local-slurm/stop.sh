#!/usr/bin/env bash
# Stop the daemons that start.sh started, by their pid files, and nothing else.
set -uo pipefail
root=${SULFOX_LOCAL_SLURM:?set it to the folder that start.sh was given}
for file in "$root"/run/slurmd.*.pid "$root"/run/slurmctld.pid "$root"/run/munged.pid; do
  [[ -s $file ]] || continue
  pid=$(<"$file")
  kill "$pid" 2>/dev/null || continue
  for _ in {1..100}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -0 "$pid" 2>/dev/null && kill -9 "$pid"
  echo "stopped $(basename "$file" .pid)"
done
