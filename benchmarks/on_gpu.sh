#!/bin/sh
# Everything that needs a GPU, in one call of at most 8 minutes: supervised training, a GRPO step and sampling against TRL (where it
# is installed) and `generate`, memory of the GPU, and two runs compared byte by byte. Needs torch, transformers, peft and exante.
#
#     sh benchmarks/on_gpu.sh [DIRECTORY]     a checkpoint; without one, random weights in the shape of SmolLM2-135M
#
# DEVICE=cpu STAND_IN=tiny tries the script itself without a GPU, in a minute.
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
PYTHON="${PYTHON:-python3}"
if [ $# -gt 0 ]; then set -- --model "$1"; else set -- --stand-in "${STAND_IN:-full}"; fi
exec timeout 480 "$PYTHON" benchmarks/real_vs_peers.py "$@" --device "${DEVICE:-cuda}" --rounds "${ROUNDS:-1}" --identical ${WORK:+--work $WORK}
