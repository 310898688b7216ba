"""The doors: each parses, calls the library and answers."""
