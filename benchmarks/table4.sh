#!/usr/bin/env bash
# The systems of Table 4 (Liu et al., ACL 2021): trains, scores and compares. Called again, it resumes.
#
#   benchmarks/table4.sh DATA OUT [BACKBONE...]
#
# DATA is what --data takes; preset esconv2021, the default, is meant for a directory with the three files
# (train|dev|test)WithStrategy_short.tsv of the authors' repository (codes/dataset). BACKBONE: blenderbot and dialogpt by
# default; a tiny-... one is trained from scratch (preset scratch) and has no row without fine-tuning.
#
# OUT/table4.* compares all systems with the first backbone's Vanilla, OUT/table4-BACKBONE.* those of one backbone with
# its own, OUT/table4-BACKBONE-joint.* with its Joint: is Joint above Random, what does the gold strategy add?
#
# Environment: SPLIT=test (or valid), SEEDS=3 sampling runs, PRESET (e.g. esconv-official with the official split),
# LAUNCH="torchrun --standalone --nproc_per_node 2" to train in more than one process, TRAIN_OPTIONS for further options
# of train.py generator (e.g. "--optimisation.precision fp32"), PYTHON=python.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
fi
ROOT=$(dirname "$0")/..
DATA=$1 OUT=$2
shift 2
SPLIT=${SPLIT:-test} SEEDS=${SEEDS:-3} PYTHON=${PYTHON:-python}
# shellcheck source=benchmarks/trained_and_scored.sh
. "$ROOT/benchmarks/trained_and_scored.sh"

if [ $# -eq 0 ]; then
    set -- blenderbot dialogpt
fi
folders=()
for backbone in "$@"; do
    name=$(basename "$backbone")
    mapfile -t options < <(backbone_options "$backbone" esconv2021)
    train "$name-vanilla" "${options[@]}" --variant vanilla
    train "$name-strategy" "${options[@]}" --variant strategy
    systems=("$OUT/$name-vanilla" "$OUT/$name-strategy")
    if [[ $backbone != tiny-* ]]; then
        score "$name-as-it-is" "$backbone" none --like "$OUT/$name-vanilla"
        systems=("$OUT/$name-as-it-is" "${systems[@]}")
    fi
    score "$name-vanilla" "$OUT/$name-vanilla" none
    for plan in oracle joint random; do
        score "$name-strategy" "$OUT/$name-strategy" "$plan" --plan "$plan"
    done
    compare "table4-$name" "${systems[@]}"
    compare "table4-$name-joint" "${systems[@]}" --reference "$name-strategy, joint"
    folders+=("${systems[@]}")
done
compare table4 "${folders[@]}"
