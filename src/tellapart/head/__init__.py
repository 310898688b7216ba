"""What is fitted on embeddings. Touches arrays alone."""
