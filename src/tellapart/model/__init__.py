"""A model: its file, its training record, and its answers."""
