#!/bin/sh
# One shard: fetch the ledger, apply this shard's part, and push what was written, whatever came of it.
set -eu

# Kubernetes counts from 0, the reconciler from 1.
shard=$((JOB_COMPLETION_INDEX + 1))/$SHARDS

# With these, and GITHUB_REPOSITORY, the reconciler finds out who reviewed what it applies.
GITHUB_SHA=$(git rev-parse HEAD)
export GITHUB_SHA

reconciler github ledger pull

# A pod that is told to end has TERM sent to this script; the reconciler ends in order when it gets it too.
reconciler apply --yes --shard "$shard" --out /data/run.json &
child=$!
trap 'kill -TERM "$child" 2>/dev/null || true' TERM INT
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do
  code=0
  wait "$child" || code=$?
done

reconciler github ledger push
exit "$code"
