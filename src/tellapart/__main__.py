"""`python -m tellapart` is the command line."""

from .cli import main

main()
