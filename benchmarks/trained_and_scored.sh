# Sourced by the scripts beside it: trains and scores unless that is done, so that a script called again resumes, and
# compares.
# Needs ROOT, OUT, DATA, SPLIT, SEEDS and PYTHON. LAUNCH starts trainings, e.g. "torchrun --standalone --nproc_per_node 4".

# train NAME OPTIONS...: into $OUT/NAME; train.py itself resumes after a kill and does not repeat what is finished.
train() {
    local name=$1
    shift
    echo "== train $name"
    # shellcheck disable=SC2086 # both hold more than one word
    ${LAUNCH:-$PYTHON} "$ROOT/train.py" generator --data "$DATA" --out "$OUT/$name" "$@" ${TRAIN_OPTIONS:-}
}

# score NAME GENERATOR LABEL OPTIONS...: stores the evaluation in $OUT/NAME, one for each label and split; a file of
# $OUT/scores says that it is done, and with how many seeds. LABEL names all else that can differ.
score() {
    local name=$1 generator=$2 label=$3
    shift 3
    local done_with="$OUT/scores/$name-$label-$SPLIT-seeds"
    local scores="$done_with$SEEDS.json"
    if [ -f "$scores" ]; then
        echo "== $scores is there"
        return
    fi
    echo "== score $name, $label"
    mkdir -p "$OUT/scores"
    rm -f "$done_with"*.json # another number of seeds: its evaluation is about to be replaced
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
    # The authors' second code trains DialoGPT, by whatever name or folder, at another rate than BlenderBot.
    case $preset,${1,,} in
        esconv-official,*dialogpt*) printf '%s\n' --optimisation.learning-rate 5e-5 ;;
    esac
}

# compare NAME FOLDERS... OPTIONS...: the stored evaluations of the folders, as $OUT/NAME.(txt|html|tex|json).
compare() {
    local name=$1
    shift
    echo "== compare $name"
    "$PYTHON" "$ROOT/evaluate.py" compare "$@" --split "$SPLIT" \
        --text "$OUT/$name.txt" --html "$OUT/$name.html" --latex "$OUT/$name.tex" --json "$OUT/$name.json"
}
