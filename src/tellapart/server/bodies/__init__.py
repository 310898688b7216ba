"""What a request carries -> the pictures in it."""
