#!/usr/bin/env bash
# A real Slurm on this machine's loopback, from Debian's packages, without systemd: to try a workflow on, not to compute with.
#   loopback.sh start [--accounting]    nodes n1 and n2, partitions `compute` (default) and `network` (n1); with sacct
#   loopback.sh restart-node [n1]       kill -9 a node's slurmd and start it again: its jobs run on
#   loopback.sh restart-node n1 40      a power cut of 40 s: its jobs die too; after 20 s Slurm declares the node down
#   loopback.sh stop                    cancel the jobs and end it all; the logs stay in the folder
# A job that uses more than its --mem is killed within seconds (Slurm's own OverMemoryKill, no cgroups; its state is FAILED).
set -euo pipefail
DIR=${SLURM_LOOPBACK_DIR:-/run/slurm-loopback}    # everything is in here; a short path, for the sockets
NODES=${SLURM_LOOPBACK_NODES:-2}
CPUS=${SLURM_LOOPBACK_CPUS:-$(nproc)}             # that each node says it has
MEMORY=${SLURM_LOOPBACK_MEMORY:-16000}            # MB, likewise
PORT=${SLURM_LOOPBACK_PORT:-16817}                # slurmctld's; the nodes' follow it, the databases' lie below
export SLURM_CONF=$DIR/slurm.conf PATH=$PATH:/usr/sbin:/sbin

pid_of() { cat "$DIR/$1.pid" 2>/dev/null; }
runs() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/${1:-none}/status"; }    # and is no zombie
with_children() { for pid; do echo "$pid"; with_children $(pgrep -P "$pid"); done; }
all_idle() { [ "$(sinfo -hN -p compute -t idle | wc -l)" -eq "$NODES" ]; }
wait_for() { # name, command...
    for _ in $(seq 300); do if "${@:2}" >/dev/null 2>&1; then return; fi; sleep 0.2; done
    echo "loopback.sh: $1 did not come up within 60 s; its log is in $DIR" >&2; exit 1
}
setting() { printf '%s\n' "${@:2}" >>"$DIR/$1.conf"; }
configure() { # --accounting or nothing
    local auth=(AuthType=auth/munge "AuthInfo=socket=$DIR/munge.socket" SlurmUser=root)
    rm -f "$DIR"/*.conf
    setting slurm "${auth[@]}" ClusterName=loopback "SlurmctldHost=$(hostname -s)(127.0.0.1)" SlurmctldPort="$PORT" \
        CommunicationParameters=NoCtldInAddrAny,NoInAddrAny StateSaveLocation="$DIR/state" SlurmdSpoolDir="$DIR/%n" \
        Slurmctld{PidFile="$DIR/slurmctld.pid",LogFile="$DIR/slurmctld.log"} Slurmd{PidFile="$DIR/%n.pid",LogFile="$DIR/%n.log"} \
        ProctrackType=proctrack/linuxproc TaskPlugin=task/none SelectType=select/cons_tres SelectTypeParameters=CR_CPU_Memory \
        SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000 SlurmdParameters=config_overrides SlurmdTimeout=20 ReturnToService=2 \
        JobAcctGatherType=jobacct_gather/linux JobAcctGatherFrequency=task=1 JobAcctGatherParams=OverMemoryKill \
        "NodeName=n[1-$NODES] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$((PORT + 1))-$((PORT + NODES))] CPUs=$CPUS RealMemory=$MEMORY" \
        "PartitionName=compute Nodes=ALL Default=YES" "PartitionName=network Nodes=n1"
    if [ -z "${1:-}" ]; then return; fi
    setting slurm AccountingStorage{Type=accounting_storage/slurmdbd,Host=127.0.0.1,Port=$((PORT - 2)),Pass="$DIR/munge.socket"}
    (umask 077; setting slurmdbd "${auth[@]}" DbdHost=localhost DbdPort=$((PORT - 2)) PidFile="$DIR/slurmdbd.pid" LogFile="$DIR/slurmdbd.log" \
        Storage{Type=accounting_storage/mysql,Host=127.0.0.1,Port=$((PORT - 1)),User=slurm,Pass=loopback,Loc=slurm})
}
start_accounting() {
    local data=$DIR/mariadb; mkdir -p "$data"; chown mysql "$data"
    [ -d "$data/mysql" ] || mariadb-install-db --no-defaults --user=mysql --datadir="$data" --auth-root-authentication-method=normal >"$DIR/mariadb.log"
    mariadbd --no-defaults --user=mysql --datadir="$data" --socket="$data/socket" --bind-address=127.0.0.1 --port=$((PORT - 1)) </dev/null >>"$DIR/mariadb.log" 2>&1 &
    echo $! >"$DIR/mariadb.pid"
    wait_for mariadb mariadb --no-defaults --user=root --socket="$data/socket" --execute="create or replace user slurm@localhost identified by 'loopback';
        create or replace user slurm@'127.0.0.1' identified by 'loopback'; grant all on slurm.* to slurm@localhost; grant all on slurm.* to slurm@'127.0.0.1'"
    slurmdbd    # reads the slurmdbd.conf beside $SLURM_CONF
    wait_for slurmdbd sacctmgr -n list cluster
    for what in "cluster loopback" "account demo" "user $(id -un) account=demo"; do sacctmgr -i add $what >/dev/null || true; done
}
start() { # --accounting or nothing
    if [ "$(id -u)" != 0 ]; then echo "loopback.sh: only root can install and start a Slurm" >&2; exit 1; fi
    if runs "$(pid_of slurmctld)"; then echo "loopback.sh: it runs already; stop would end its jobs" >&2; exit 1; fi
    mkdir -p "$DIR/state" /etc/slurm
    if ! which slurmctld slurmd munged sinfo pgrep ${1:+slurmdbd mariadbd} >/dev/null; then    # at runlevel 1 no service is started
        (apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            slurmctld slurmd munge slurm-client procps ${1:+slurmdbd mariadb-server}) >"$DIR/apt.log" 2>&1 || { tail "$DIR/apt.log" >&2; exit 1; }
    fi
    stop
    if [ -e /etc/slurm/slurm.conf ]; then echo "loopback.sh: this machine has a Slurm already" >&2; exit 1; fi
    configure "$@"
    ln -sf "$SLURM_CONF" /etc/slurm/slurm.conf    # Snakemake's plugin drops SLURM_CONF inside jobs: it must be found without
    [ -s "$DIR/munge.key" ] || (umask 077; head -c 1024 /dev/urandom >"$DIR/munge.key")
    munged --force --key-file="$DIR/munge.key" --seed-file="$DIR/munge.seed" --socket="$DIR/munge.socket" --pid-file="$DIR/munged.pid" --log-file="$DIR/munged.log"
    if [ -n "${1:-}" ]; then start_accounting; fi
    slurmctld -c    # without jobs that a killed run has left
    for n in $(seq "$NODES"); do slurmd -N "n$n"; done
    wait_for slurmctld all_idle; sinfo
}
stop() {
    if runs "$(pid_of slurmctld)"; then squeue -h -o %A | sort -u | timeout 30 xargs -r scancel || true; fi
    for name in $(seq -f 'n%g' "$NODES") slurmctld slurmdbd mariadb munged; do
        pid=$(pid_of "$name") || continue
        if runs "$pid"; then kill "$pid"; fi
        for _ in $(seq 100); do if runs "$pid"; then sleep 0.1; fi; done
        if runs "$pid"; then kill -9 "$pid"; fi
        rm -f "$DIR/$name.pid"
    done
    if [ "$(readlink /etc/slurm/slurm.conf)" = "$SLURM_CONF" ]; then rm /etc/slurm/slurm.conf; fi
}
restart_node() { # name, seconds of power cut or nothing
    kill -9 "$(pid_of "$1")"
    for job in ${2:+$(squeue -h -w "$1" -o %A)}; do kill -9 $(with_children $(pgrep -f "slurmstepd: \[$job\.")) 2>/dev/null || true; done
    sleep "${2:-1}"; slurmd -N "$1"
}
case ${1:-} in
start) start ${2:+--accounting} ;;
stop) stop ;;
restart-node) restart_node "${2:-n1}" "${3:-}" ;;
*) sed -n '2,/^set/{/^#/p}' "$0"; exit 2 ;;
esac
