"""What is wrong with the data: subgroups of a label that are thin, missing or often judged wrong,
and shortcuts that tell a label but have nothing to do with it. Pure functions over arrays."""
