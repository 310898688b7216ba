#!/bin/sh
# Say what is in a picture, with what train.sh DIR learnt: elsa (score = 0.99621)
set -eu
. "$(dirname "$0")/environment"

[ $# -eq 2 ] || fail "Usage: guess.sh DIR IMAGE"
folder "$1"
model=$found/model
[ -d "$model" ] || fail "There is no model in $found. Type first: train.sh DIR"
file "$2"
check
run -r "$model" -r "$found" -- guess "$model" "$found"
