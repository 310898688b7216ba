"""What is noted of each request, and the log of it."""
