#!/bin/sh
# Make a virtual environment and install r1kit into it, with the versions of constraints.txt.
#
#   scripts/install.sh .venv            # to use r1kit
#   scripts/install.sh .venv '[dev]'    # to test and change it
#
# Environment:
#   PYTHON           the interpreter to use; else the first of the list below that is new enough
#   TORCH_CPU_INDEX  where the CPU build of torch is looked for when your own package index lacks it; empty: nowhere
set -eu

venv=$1
extra=${2:-}
cpu_index=${TORCH_CPU_INDEX-https://download.pytorch.org/whl/cpu}
torch=$(sed -n 's/^torch==//p' constraints.txt)

is_new_enough() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no ${PYTHON:-python3}")
    echo "error: r1kit needs Python 3.11 or newer with its venv module; found: $found." \
        "Install one (Debian, Ubuntu: apt-get install python3.11-venv) or name one: make PYTHON=/path/to/python3" >&2
    exit 1
}

has_torch() {
    "$venv/bin/python" - "$torch" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version

sys.exit(version("torch").split("+")[0] != sys.argv[1])
PY
}

# The plain build of torch for Linux x86-64 carries CUDA, gigabytes of it. Without a GPU the CPU build is wanted:
# from the indexes that pip is configured for, then from PyTorch's own; if neither has it, the plain build.
wants_cpu_build() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] && ! command -v nvidia-smi >/dev/null 2>&1
}

install_torch() {
    if wants_cpu_build; then
        echo "installing torch $torch, the CPU build"
        $pip "torch==$torch+cpu" -c constraints.txt 2>/dev/null && return
        if [ -n "$cpu_index" ]; then
            $pip "torch==$torch+cpu" -c constraints.txt --extra-index-url "$cpu_index" --retries 1 2>/dev/null && return
        fi
        echo "no CPU build of torch $torch within reach; installing the plain one, a larger download"
    fi
    $pip "torch==$torch" -c constraints.txt
}

python=$(find_python)
[ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python" || "$python" -m venv --clear "$venv"
pip="$venv/bin/python -m pip install --disable-pip-version-check"
has_torch || install_torch
echo "installing r1kit$extra"
$pip -c constraints.txt --editable ".$extra"
