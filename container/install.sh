#!/bin/sh
# Puts the reconciler and everything it needs into one folder: what the Containerfile runs, usable without a container.
# usage: container/install.sh PREFIX      e.g. container/install.sh /opt/reconciler
# PYTHON chooses the interpreter, VERSION the version where there is no git history.
# Dependencies come as wheels from the hash-checked lock, so that none of their code runs while installing.
set -eu
prefix=${1:?usage: container/install.sh PREFIX}
project=$(cd "$(dirname "$0")/.." && pwd)
lock=$project/.github/actions/reconciler/requirements.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${VERSION:-}" ]; then
  export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER="$VERSION"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# The wheel is built from a copy: the source may be read-only. The builder is in the lock too.
"${PYTHON:-python3}" -m venv "$work/build"
"$work/build/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --no-deps --requirement "$lock"
mkdir "$work/source"
tar -C "$project" --exclude=./.venv --exclude=node_modules --exclude=./site -cf - . | tar -C "$work/source" -xf -
"$work/build/bin/python" -m pip wheel --quiet --no-deps --no-index --no-build-isolation \
  --wheel-dir "$work/wheel" "$work/source"

"${PYTHON:-python3}" -m venv "$prefix"
"$prefix/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --no-deps --requirement "$lock"
"$prefix/bin/python" -m pip install --quiet --no-deps --no-index "$work"/wheel/*.whl
# Nothing is installed later: what could install something goes, and everybody may read, nobody write.
"$prefix/bin/python" -m pip uninstall --quiet --yes hatchling hatch-vcs setuptools-scm pip 2>/dev/null
"$prefix/bin/python" -m compileall -q "$prefix/lib"
chmod -R a+rX,a-w "$prefix/lib"
"$prefix/bin/reconciler" --version
