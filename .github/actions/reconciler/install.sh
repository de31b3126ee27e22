#!/usr/bin/env bash
# Puts the reconciler of this checkout into an environment of its own and says where it is.
# Dependencies are locked with their hashes and come as wheels, so that nothing of them runs while installing.
set -euo pipefail
unset TPP_TOKEN TPP_TOKEN_FILE TPP_REFRESH_TOKEN TPP_USERNAME TPP_PASSWORD GITHUB_TOKEN

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)
lock=$here/requirements.txt

fail() {
  echo "::error title=reconciler not installed::$1"
  exit 1
}

if [ -n "${RECONCILER_VENV:-}" ]; then
  # A prepared environment, for runners without a way to a package index.
  venv=$RECONCILER_VENV
  [ -x "$venv/bin/reconciler" ] || fail "RECONCILER_VENV names $venv, which has no bin/reconciler"
else
  python=${RECONCILER_PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is absent or older than 3.11: set the input python, or use actions/setup-python before"
  key=$({ cat "$lock"; "$python" -VV; echo "$source"; } | sha256sum | cut -c1-16)
  venv=${RUNNER_TEMP:?}/reconciler-$key
  if [ ! -x "$venv/bin/reconciler" ]; then
    # The version of a release is its tag; of any other commit, the commit.
    ref=${RECONCILER_REF:-}
    if [[ "$ref" =~ ^v?([0-9]+\.[0-9]+\.[0-9]+.*)$ ]]; then
      export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER=${BASH_REMATCH[1]}
    elif [[ "$ref" =~ ^[0-9a-f]{40}$ ]]; then
      export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER=0.0.0+g${ref:0:12}
    fi
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
      --require-hashes --requirement "$lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index \
      --no-build-isolation "$source"
  fi
fi

echo "program=$venv/bin/reconciler" >>"$GITHUB_OUTPUT"
