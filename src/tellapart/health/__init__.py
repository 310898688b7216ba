"""What is wrong with the data: which looks of a label are thin, missing, or often judged wrong, and
which cues a label can be told by that have nothing to do with it. Pure functions over arrays."""
