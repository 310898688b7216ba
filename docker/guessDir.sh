#!/bin/sh
# Sort the pictures in IN with what train.sh DIR learnt: each is copied into OUT, which is made if
# need be, under the name <label>-<score>.<its own ending>.
set -eu
. "$(dirname "$0")/environment"

[ $# -eq 3 ] || fail "Usage: guessDir.sh DIR IN OUT"
folder "$1"
model=$found/model
[ -d "$model" ] || fail "There is no model in $found. Type first: train.sh DIR"
folder "$2"
inbox=$found
check
mkdir -p -- "$3" || fail "The folder $3 cannot be made."
folder "$3"
run -r "$model" -r "$inbox" -w "$found" -- sort "$model" "$inbox" "$found"
