"""Running the server: the socket, the processes, and what a connection may cost."""
