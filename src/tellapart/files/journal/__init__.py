"""What was done with files, written down so that it can be gone on with and taken back."""
