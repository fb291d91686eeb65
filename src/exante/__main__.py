"""The entry point: the command line, with an interrupt caught from the first import on. Knows nothing else."""

import os
import sys


def main() -> None:
    """`exante`, or `python -m exante`."""
    try:
        from exante import streams

        streams.install()
        from exante.cli import main as run

        run()
    except KeyboardInterrupt:
        print("exante: interrupted; the same command continues", file=sys.stderr, flush=True)
        os._exit(130)


def _forget_directory() -> None:
    """`python -m` looks modules up in the current directory first, where a file of any name may lie."""
    here = os.getcwd()
    if not sys.flags.safe_path and sys.path[:1] == [here] and not __file__.startswith(os.path.join(here, "exante", "")):
        del sys.path[0]


if __name__ == "__main__":
    _forget_directory()
    main()
