"""Answering programs over HTTP: routes parse, call the library, and answer.

Nothing is decided here that the library decides, and no state is kept. It may touch everything
below it; no path that a client gives reaches the file system.
"""
