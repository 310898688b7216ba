"""The commands of the command line, each a thin function; `app.py` puts them together."""
