"""A model: its file, what it remembers of its training, and its answers."""
