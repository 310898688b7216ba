"""Asking a server that `tellapart serve` runs: pictures out, predictions in.

Besides `collecting` this is the only room that opens a connection, and only to the server whose
address it is given.
"""
