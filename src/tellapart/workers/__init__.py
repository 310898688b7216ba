"""Work on many things at once. Touches threads and processes, and knows nothing of pictures."""
