"""Writing, locking, moving and taking back files: the disk, and no word of what is in the files."""
