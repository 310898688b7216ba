"""Labelled pictures -> what is wrong with them, what it costs, and the command that mends it."""
