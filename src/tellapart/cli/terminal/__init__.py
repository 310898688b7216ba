"""Results as text in a terminal: tables, progress and sentences."""
