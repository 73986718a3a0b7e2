#!/usr/bin/env bash
# Runs tests, those named or some of numbers, on each further Python that this machine has.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- tests/calibrator/test_{arrow,cumulative,evidence,forest_batch,ordinal}.py tests/report/test_arithmetic.py tests/sharing/test_nearness.py

found() { # the interpreter of a version: Debian's, pyenv's or uv's
    for python in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python \
        "$(uv python find --no-python-downloads "$1" 2>/dev/null || true)"; do
        if "$python" -c "import ensurepip, sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

own=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13; do
    [ "$version" != "$own" ] || continue
    python=$(found "$version")
    if [ -z "$python" ]; then
        echo "Python $version: not on this machine, so nothing was tested with it. To have it: uv python install $version"
        continue
    fi
    venv=.venv-$version
    if [ ! -e "$venv/.installed" ] || [ requirements.lock -nt "$venv/.installed" ]; then
        "$python" -m venv "$venv"
        "$venv/bin/pip" install --quiet --no-deps --no-compile --require-hashes -r requirements.lock
        "$venv/bin/pip" install --quiet --no-deps --no-build-isolation --editable .
        touch "$venv/.installed"
    fi
    echo "Python $version: $*"
    "$venv/bin/pytest" -q "$@"
done
