"""The entry point: the command line, with an interrupt caught from the first import on. Knows nothing else."""

import os
import sys


def main() -> None:
    """`exante`, or `python -m exante`."""
    try:
        from exante.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("exante: interrupted; the same command continues\n")
        sys.stderr.flush()
        os._exit(130)


if __name__ == "__main__":
    main()
