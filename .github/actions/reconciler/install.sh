#!/usr/bin/env bash
# Puts the reconciler of this action's commit into an environment of its own and says where it is.
# Dependencies are locked with their hashes and come as wheels, so that nothing of them runs while installing.
# The step starts in a checkout of strangers' files. Nothing there is looked up: Python runs isolated (-I), elsewhere.
set -euo pipefail
unset TPP_TOKEN TPP_TOKEN_FILE TPP_REFRESH_TOKEN TPP_USERNAME TPP_PASSWORD GITHUB_TOKEN
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP CDPATH

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source=$(cd -- "$here/../../.." && pwd)
cd -- "$here"
lock=$here/requirements.txt

fail() {
  echo "::error title=reconciler not installed::$1"
  exit 1
}

if [ -n "${RECONCILER_VENV:-}" ]; then
  # A prepared environment, for runners without a way to a package index.
  venv=$RECONCILER_VENV
  [[ "$venv" = /* ]] || fail "RECONCILER_VENV is $venv: give a whole path, not one below the checkout"
  [ -x "$venv/bin/reconciler" ] || fail "RECONCILER_VENV names $venv, which has no bin/reconciler"
else
  python=${RECONCILER_PYTHON:-python3}
  case $python in
    /*) ;;
    */*) fail "the input python is $python: give a name on PATH or a whole path, not one below the checkout" ;;
  esac
  "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is absent or older than 3.11: set the input python, or use actions/setup-python before"
  key=$({ cat "$lock"; "$python" -I -VV; echo "$source"; } | sha256sum | cut -c1-16)
  venv=${RUNNER_TEMP:?}/reconciler-$key
  if [ ! -x "$venv/bin/reconciler" ]; then
    # The version of a release is its tag; of any other commit, the commit.
    ref=${RECONCILER_REF:-}
    if [[ "$ref" =~ ^v?([0-9]+\.[0-9]+\.[0-9]+.*)$ ]]; then
      export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER=${BASH_REMATCH[1]}
    elif [[ "$ref" =~ ^[0-9a-f]{40}$ ]]; then
      export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER=0.0.0+g${ref:0:12}
    fi
    "$python" -I -m venv "$venv"
    "$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes --requirement "$lock"
    "$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-deps --no-index \
      --no-build-isolation "$source"
  fi
fi

# What the steps run: Python without the working directory and without anything that a variable puts on its path.
program=$(mktemp -d "${RUNNER_TEMP:?}/reconciler-bin-XXXXXX")/reconciler
printf '#!/bin/sh\nexec "%s" -I -m reconciler "$@"\n' "$venv/bin/python" >"$program"
chmod 0755 "$program"
echo "program=$program" >>"$GITHUB_OUTPUT"
