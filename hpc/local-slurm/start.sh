#!/usr/bin/env bash
# Start a private SLURM cluster on this host: munge, slurmctld and N slurmd, all on loopback.
# Needs root and Debian's slurm-wlm and munge; /etc/slurm, /etc/munge and /run are not touched.
#
#   SULFOX_LOCAL_SLURM=/absolute/folder hpc/local-slurm/start.sh [NODES=3] [CORES_PER_NODE=2]
#
# Everything it makes lies in the folder; stop.sh stops exactly what was started here.
set -euo pipefail
root=${SULFOX_LOCAL_SLURM:?set it to an absolute folder for the state of this cluster}
[[ $root = /* ]] || { echo "SULFOX_LOCAL_SLURM must be an absolute path, found $root" >&2; exit 2; }
nodes=${1:-3} cores=${2:-2} memory_mb=${NODE_MEMORY_MB:-4000} port=${SLURM_BASE_PORT:-17817}
for program in munged slurmctld slurmd sinfo; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
    { echo "$program is missing: apt-get install slurm-wlm munge" >&2; exit 2; }
done
host=$(hostname -s)
mkdir -p "$root"/{etc,state,log,run,work}
mkdir -p -m 711 "$root/munge"
chmod 755 "$root" "$root"/{etc,state,log,run,work}
if [[ ! -s $root/munge/munge.key ]]; then
  (umask 377 && head -c 1024 /dev/urandom >"$root/munge/munge.key")
fi

{
  cat <<CONF
ClusterName=sulfox-local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/munge
AuthInfo=socket=$root/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/run/spool.%n
SlurmctldPidFile=$root/run/slurmctld.pid
SlurmdPidFile=$root/run/slurmd.%n.pid
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdLogFile=$root/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SchedulerParameters=batch_sched_delay=1,sched_interval=5,bf_interval=5
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$root/log/jobcomp.txt
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
JobRequeue=1
SlurmctldTimeout=30
SlurmdTimeout=20
SlurmdParameters=config_overrides
InactiveLimit=0
KillWait=3
MinJobAge=300
Waittime=0
MailProg=/bin/true
CONF
  for ((i = 1; i <= nodes; i++)); do
    mkdir -p "$root/run/spool.node$i"
    echo "NodeName=node$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + i))" \
      "CPUs=$cores RealMemory=$memory_mb State=UNKNOWN"
  done
  echo "PartitionName=debug Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP"
} >"$root/etc/slurm.conf"

export SLURM_CONF=$root/etc/slurm.conf PATH=$PATH:/usr/sbin
munged --force --key-file="$root/munge/munge.key" --socket="$root/munge/socket" \
  --pid-file="$root/run/munged.pid" --log-file="$root/log/munged.log" \
  --seed-file="$root/munge/munge.seed"
for _ in {1..50}; do [[ -S $root/munge/socket ]] && break; sleep 0.1; done
slurmctld -f "$SLURM_CONF"
for ((i = 1; i <= nodes; i++)); do slurmd -f "$SLURM_CONF" -N "node$i"; done
for _ in {1..150}; do
  up=$(sinfo -h -N -o %T 2>/dev/null | grep -cE 'idle|mixed|allocated' || true)
  [[ $up -ge $nodes ]] && break
  sleep 0.2
done
if [[ ${up:-0} -lt $nodes ]]; then
  echo "only ${up:-0} of $nodes nodes came up; see $root/log" >&2
  exit 1
fi
echo "export SULFOX_LOCAL_SLURM=$root SLURM_CONF=$SLURM_CONF"
