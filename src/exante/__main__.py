"""`python -m exante`: the command line."""

from exante.cli import main

main()
