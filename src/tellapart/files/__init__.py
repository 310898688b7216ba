"""Writing, locking, moving and taking back files. Touches the disk, and knows nothing of models."""
