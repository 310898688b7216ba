"""How good answers are, in figures and in words. Touches arrays and text alone."""
