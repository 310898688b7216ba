"""The commands of the command line, each a thin function; `cli.py` puts them together."""
