# Sourced by the scripts beside it: trains and scores unless that is done, so that a script called again goes on.
# Needs ROOT, OUT, DATA, SPLIT, SEEDS and PYTHON. LAUNCH starts trainings, e.g. "torchrun --standalone --nproc_per_node 4".

# train NAME OPTIONS...: into $OUT/NAME; train.py itself goes on after a kill and does not repeat what is finished.
train() {
    local name=$1
    shift
    echo "== train $name"
    # shellcheck disable=SC2086 # both hold several words
    ${LAUNCH:-$PYTHON} "$ROOT/train.py" generator --data "$DATA" --out "$OUT/$name" "$@" ${TRAIN_OPTIONS:-}
}

# score NAME GENERATOR LABEL OPTIONS...: keeps the evaluation in $OUT/NAME; $OUT/scores/NAME-LABEL.json says it is done.
score() {
    local name=$1 generator=$2 label=$3
    shift 3
    local scores="$OUT/scores/$name-$label-$SPLIT.json"
    if [ -f "$scores" ]; then
        echo "== $scores is there"
        return
    fi
    echo "== score $name, $label"
    mkdir -p "$OUT/scores"
    "$PYTHON" "$ROOT/evaluate.py" generator --data "$DATA" --split "$SPLIT" --generator "$generator" \
        --out "$OUT/$name" --seeds "$SEEDS" --json "$scores" "$@"
}

# preset_of BACKBONE: $PRESET, or what suits the backbone where the caller says nothing.
preset_of() {
    case $1 in
        tiny-*) echo "${PRESET:-scratch}" ;;
        *) echo "${PRESET:-$2}" ;;
    esac
}

# backbone_options BACKBONE DEFAULT_PRESET: the options of a training of one backbone, one a line.
backbone_options() {
    local preset
    preset=$(preset_of "$1" "$2")
    printf '%s\n' --preset "$preset" --backbone "$1"
    # The authors' second code trains DialoGPT at another rate than BlenderBot.
    if [ "$preset" = esconv-official ] && [ "$1" = dialogpt ]; then
        printf '%s\n' --learning-rate 5e-5
    fi
}
