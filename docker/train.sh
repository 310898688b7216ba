#!/bin/sh
# Learn to tell apart the pictures in DIR/data, one folder a label. Leaves in DIR:
#   model/                 what guess.sh and guessDir.sh use
#   retrained_graph.pb     for programs written for retrain.py, and
#   retrained_labels.txt   its labels: both need TensorFlow, and are left out without it
# Anything after DIR goes to `tellapart train`, such as: --quality best
set -eu
. "$(dirname "$0")/environment"

[ $# -ge 1 ] || fail "Usage: train.sh DIR [OPTIONS OF tellapart train]"
folder "$1"
dir=$found
shift
[ -d "$dir/data" ] || fail "There is no folder $dir/data." \
    "Put the pictures there, one folder a label: data/elsa/*.jpg, data/darth_vader/*.jpg"
folder "$dir/data"
data=$found
check

# shellcheck disable=SC2034  # read by run; on this machine, its own cache serves
cache=$dir/bottlenecks
run -w "$dir" -r "$data" -- train "$data" -o "$dir/model" "$@"

work=$(mktemp -d "$dir/.retrained-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
if run -w "$dir" -r "$data" -- export "$dir/model" --to tensorflow-graph -o "$work/graph" \
    >"$work/said" 2>"$work/complaint"; then
    mv -f "$work/graph/retrained_graph.pb" "$work/graph/retrained_labels.txt" "$dir"
    echo "And:     $dir/retrained_graph.pb and retrained_labels.txt"
    exit
else
    code=$?
fi
cat "$work/complaint" >&2
grep -q 'tellapart\[tensorflow\]' "$work/complaint" || exit "$code"
echo "The model is complete; retrained_graph.pb was not written, for want of TensorFlow." >&2
[ "${TELLAPART_NO_DOCKER:-}" = 1 ] ||
    echo "To have it, build the image with it: --build-arg EXTRAS=tensorflow-cpu (the default)." >&2
[ ! -e "$dir/retrained_graph.pb" ] ||
    echo "The retrained_graph.pb that is there is of an earlier training." >&2
