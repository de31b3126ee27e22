#!/bin/sh
# One run in a pod: fetch the ledger, plan or apply (a part of) what the branch says, and push what was written.
# usage: run.sh plan|apply    SHARDS and JOB_COMPLETION_INDEX divide the work; PUSHGATEWAY takes metrics.
stopped=0
child=
# First of all, so that a pod that is told to end never begins to apply. The signal goes on to what is running.
trap 'stopped=143; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
trap 'stopped=130; [ -z "$child" ] || kill -INT "$child" 2>/dev/null' INT
set -eu
mode=${1:?usage: run.sh plan|apply}

# In the background: a shell runs its traps only when a foreground command has ended.
run() {
  "$@" &
  child=$!
  code=0
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do
    code=0
    wait "$child" || code=$?
  done
  child=
  return "$code"
}

# With these, and GITHUB_REPOSITORY, the reconciler finds out who reviewed what it applies.
GITHUB_SHA=$(git rev-parse HEAD)
export GITHUB_SHA

set -- --env cluster
if [ -n "${SHARDS:-}" ]; then
  # Kubernetes counts from 0, the reconciler from 1.
  set -- "$@" --shard $((JOB_COMPLETION_INDEX + 1))/"$SHARDS"
fi
if [ -n "${PUSHGATEWAY:-}" ]; then
  set -- "$@" --pushgateway "$PUSHGATEWAY"
fi

run reconciler github ledger pull
[ "$stopped" = 0 ] || exit "$stopped"

case $mode in
plan)
  run reconciler plan --recheck "$@" || exit $?
  ;;
apply)
  # Every intent is pushed before the first update and receipts while it runs, so that a pod that is lost loses nothing.
  export RECONCILER_LEDGER_BRANCH="${RECONCILER_LEDGER_BRANCH:-reconciler-ledger}"
  result=0
  run reconciler apply --yes --lock-timeout 90s "$@" --out /data/run.json || result=$?
  trap '' TERM INT # nothing is left to stop, and the record has to be kept
  reconciler github ledger push
  exit "$result"
  ;;
*)
  echo "run.sh: unknown mode $mode" >&2
  exit 2
  ;;
esac
