"""Results as JSON: one shape for the command line and the server. Decides nothing."""
