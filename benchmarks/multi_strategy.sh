#!/usr/bin/env bash
# The systems of multi-strategy turns (Zhu et al. 2026): trains, scores and compares. Called again, it resumes.
#
#   benchmarks/multi_strategy.sh DATA OUT PLANNER
#
# DATA is what --data takes, PLANNER the run folder of a planner with reasoning (train.py planner --preset best). Single
# strategy, All-in-One and One-by-One, each trained on half of its turns after the supporter's reasoning, then scored on
# whole turns: writing freely, after the planner's reasoning, with its plan, with both, and with the gold plan.
#
# Environment: BACKBONE=blenderbot (tiny-blenderbot trains from scratch), SPLIT=test, SEEDS=3, and as in table4.sh PRESET
# (esconv-official by default), LAUNCH, TRAIN_OPTIONS, PYTHON.
set -euo pipefail
if [ $# -ne 3 ]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
fi
ROOT=$(dirname "$0")/..
DATA=$1 OUT=$2 PLANNER=$3
BACKBONE=${BACKBONE:-blenderbot} SPLIT=${SPLIT:-test} SEEDS=${SEEDS:-3} PYTHON=${PYTHON:-python}
# shellcheck source=benchmarks/trained_and_scored.sh
. "$ROOT/benchmarks/trained_and_scored.sh"

folders=()
planner=$(basename "$PLANNER")
mapfile -t options < <(backbone_options "$BACKBONE" esconv-official)
for variant in strategy all-in-one one-by-one; do
    name=$(basename "$BACKBONE")-$variant
    run=$OUT/$name
    train "$name" "${options[@]}" --variant "$variant" --reasoning-share 0.5
    score "$name" "$run" free --unit turn --plan joint
    score "$name" "$run" "reasoning-of-$planner" --unit turn --plan joint --planner "$PLANNER" --reasoning
    score "$name" "$run" "planned-by-$planner" --unit turn --plan planner --planner "$PLANNER"
    score "$name" "$run" "planned-by-$planner-reasoning" --unit turn --plan planner --planner "$PLANNER" --reasoning
    score "$name" "$run" oracle --unit turn --plan oracle
    folders+=("$run")
done
compare multi_strategy "${folders[@]}" # with the single strategy writing freely
