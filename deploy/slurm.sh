#!/usr/bin/env bash
# A run on a SLURM cluster, in one job: the run and a Dask scheduler on its first node, workers on all of its nodes.
#
#   source .venv/bin/activate              # sbatch takes the environment along
#   sbatch deploy/slurm.sh RUN.toml [OPTION of `tripletmine run`]...
#   sbatch --ntasks=33 --mem-per-cpu=6G --time=2-0 deploy/slurm.sh RUN.toml        # 32 workers
#
# --ntasks         one for the run, and one for each worker; each has one core
# --mem-per-cpu    of a worker: at least what `tripletmine check RUN.toml` says of workers, or Dask pauses them
# --time           two minutes before its end the run is ended like by Ctrl-C; the same command continues it then, as it
#                  does after scancel or the loss of a node
#
# The folder in which sbatch is called, the run directory and the data must be on a file system that all nodes see under the
# same path. Everybody on the cluster can reach Dask's ports: the job makes a certificate of its own, and nobody without
# it gets in. In the run file set cluster.timeout_seconds = 300: so long the run waits for the first worker to start.

#SBATCH --job-name=tripletmine
#SBATCH --ntasks=5
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=4G
#SBATCH --time=1-0
#SBATCH --signal=B:TERM@120
#SBATCH --requeue

set -euo pipefail

stop() {
    echo "slurm.sh: $*" >&2
    exit 1
}

[[ -n ${SLURM_JOB_ID:-} ]] || stop "this is a job script: start it with \`sbatch $0 RUN.toml\`"
(($# >= 1)) || stop "no run file is named: \`sbatch slurm.sh RUN.toml\`"
[[ -f $1 ]] || stop "there is no run file $1, seen from $PWD on $(hostname): name one on a shared file system"
workers=$((${SLURM_NTASKS:-1} - 1))
((workers >= 1)) || stop "--ntasks is ${SLURM_NTASKS:-1}, which leaves no task for a worker: give --ntasks=2 or more"
for command in tripletmine dask openssl; do
    command -v "$command" >/dev/null || stop "$command is not on PATH: activate the environment before sbatch"
done

umask 077
private=$(mktemp -d "$PWD/.tripletmine-$SLURM_JOB_ID-XXXXXX")
scheduler="" run=""
tidy() {
    trap - EXIT
    # The step of the workers ends with its srun.
    kill $(jobs -p) 2>/dev/null || true
    wait
    rm -rf "$private"
}
trap tidy EXIT
# Bash handles a signal when `wait` returns, which it does at once; the run is waited for again below.
trap '[[ -z $run ]] || kill -TERM "$run" 2>/dev/null || true' TERM

openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=tripletmine-$SLURM_JOB_ID" \
    -keyout "$private/key.pem" -out "$private/cert.pem" 2>"$private/openssl.log" || stop "$(<"$private/openssl.log")"
export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=$private/cert.pem
for role in SCHEDULER WORKER CLIENT; do
    export "DASK_DISTRIBUTED__COMM__TLS__${role}__CERT=$private/cert.pem"
    export "DASK_DISTRIBUTED__COMM__TLS__${role}__KEY=$private/key.pem"
done
# A link that is cut for some minutes loses nothing.
export DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP=300s
export DASK_LOGGING__DISTRIBUTED=${DASK_LOGGING__DISTRIBUTED:-warning}

dask scheduler --protocol tls --port 0 --no-dashboard --dashboard-address 127.0.0.1:0 \
    --scheduler-file "$private/scheduler.json" &
scheduler=$!
until [[ -s $private/scheduler.json ]]; do
    kill -0 "$scheduler" 2>/dev/null || stop "the Dask scheduler did not start; what it said is above"
    sleep 0.2
done
address=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' "$private/scheduler.json")

# A worker that is lost takes no others along: its tasks run elsewhere.
srun --ntasks="$workers" --exact --kill-on-bad-exit=0 \
    dask worker "$address" --protocol tls --nthreads 1 \
    --memory-limit "$((${SLURM_MEM_PER_CPU:?give --mem-per-cpu} * ${SLURM_CPUS_PER_TASK:-1}))MiB" \
    --local-directory "${TMPDIR:-/tmp}" --no-dashboard --dashboard-address 127.0.0.1:0 &

tripletmine run "$@" --executor "$address" &
run=$!
status=0
while kill -0 "$run" 2>/dev/null; do
    status=0
    wait "$run" || status=$?
done
if ((status == 130 || status == 143)); then
    echo "slurm.sh: the same sbatch command continues the run" >&2
fi
exit "$status"
