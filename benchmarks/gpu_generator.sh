#!/usr/bin/env bash
# Pretrained chat models adapted and scored on one GPU, in at most 8 minutes (estimated). Called again, it resumes.
#
#   benchmarks/gpu_generator.sh DATA OUT [BACKBONE...]
#   DRY_RUN=1 benchmarks/gpu_generator.sh DATA OUT
#
# DATA is what --data takes. BACKBONE: smollm2 and qwen2.5-coder-1.5b by default; the second is fetched and converted
# once, which takes minutes that are not counted. Each learns from whole conversations by an adapter, then writes ITEMS
# messages of SPLIT under the annotated strategies. At the end stand the tokens per second of every training.
#
# DRY_RUN=1 needs no card and no weights: a tiny model with random weights takes the backbones' place.
#
# Environment: SPLIT=valid, SEEDS=1, ITEMS=600 (empty: all), CONVERSATIONS=8 side by side in a step (16 where the card
# has more than 80 GB), RESPONSES=64 written side by side, and as in table4.sh TRAIN_OPTIONS, LAUNCH, PYTHON.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
fi
ROOT=$(dirname "$0")/..
DATA=$1 OUT=$2
shift 2
SPLIT=${SPLIT:-valid} SEEDS=${SEEDS:-1} PYTHON=${PYTHON:-python}
ITEMS=${ITEMS-600} CONVERSATIONS=${CONVERSATIONS:-8} RESPONSES=${RESPONSES:-64}
# shellcheck source=benchmarks/trained_and_scored.sh
. "$ROOT/benchmarks/trained_and_scored.sh"
mkdir -p "$OUT"

if [ -n "${DRY_RUN:-}" ]; then
    train tiny --backbone tiny-smollm2 --variant vanilla --optimisation.epochs 1 \
        --tiny.width 16 --tiny.layers 1 --tiny.heads 2 --tiny.vocabulary 300
    set -- "$OUT/tiny/model"
    ITEMS=
elif [ $# -eq 0 ]; then
    set -- smollm2 qwen2.5-coder-1.5b
fi
names=()
for backbone in "$@"; do
    name=$(basename "${backbone%/model}")-strategy
    train "$name" --backbone "$backbone" --optimisation.batch-size "$CONVERSATIONS" \
        --optimisation.accumulation-steps 1 --optimisation.evaluation-batch-size "$CONVERSATIONS" \
        2>&1 | tee -a "$OUT/$name.log"
    score "$name" "$OUT/$name" "oracle-${ITEMS:-all}" --plan oracle --precision auto --batch-size "$RESPONSES" \
        ${ITEMS:+--items "$ITEMS"}
    names+=("$name")
done
compare gpu_generator "${names[@]/#/$OUT/}" --reference "${names[0]}"
for name in "${names[@]}"; do
    echo "$name: $(grep -h tokens/s "$OUT/$name.log" | tail -n 1)"
done
echo "$SECONDS seconds in all"
