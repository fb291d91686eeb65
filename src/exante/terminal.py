"""What the command line prints, and the exit code of each ending. Knows nothing of studies or verbs.

Exit codes: 0 the command is done; 1 a phase crashed, the disk filled, or what was printed could not be written; 2 the input was
wrong; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console

from exante import streams
from exante.errors import UserError, is_disk_full

UsageError: Any = typer.BadParameter.__base__
"""click's, or the one of typer's own copy of click."""
CRASHED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
DISK_FULL = "the disk is full; what was done is kept: free some space and run the same command again"

errors = Console(stderr=True)
"""Where progress and error messages go."""


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Rows with the same keys: tab-separated lines where stdout is no terminal, else a table drawn by rich."""
    columns = list(rows[0]) if rows else []
    cells = [[visible(str(row[column])) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        print("\n".join("\t".join(line) for line in [columns, *cells]))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # names are never cut: cut ones collide
    for line in cells:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Lines of a name and a sentence, tab-separated where stdout is no terminal; empty sentences are left out."""
    for name, sentence in facts:
        if not sentence:
            continue
        if sys.stdout.isatty():
            from rich.text import Text

            Console().print(Text.assemble((f"{name}  ", "bold"), visible(sentence)))
        else:
            print(f"{name}\t{visible(sentence)}")


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The rows as JSON or as a table."""
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


COLOURS = {"context": "dim", "scratchpad": "cyan", "answer": "green"}
"""Of spans of a training text. Context carries no loss."""


def print_tokens(tokens: Iterable[tuple[str, str, bool]]) -> None:
    """Tokens as (text, span, ends a turn): coloured on a terminal, else a line each."""
    if not sys.stdout.isatty():
        for text, span, stops in tokens:
            print(f"{visible(text)}\t{span}{' stop' if stops else ''}")
        print()
        return
    from rich.text import Text

    line = Text()
    for text, span, stops in tokens:
        line.append(visible(text), style=f"{COLOURS[span]}{' reverse' if stops else ''}")
        line.append("\n" if "\n" in text else "")
    Console().print(line, soft_wrap=True)
    Console().print(Text.assemble("context", (" scratchpad", "cyan"), (" answer", "green"), (" end of turn", "reverse")), "\n")


def print_error(sentence: str) -> None:
    errors.print(sentence, markup=False, highlight=False, soft_wrap=True)


def visible(text: str) -> str:
    """Control characters made visible: model text must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# --- endings -----------------------------------------------------------------------------------------------------------------


def exit_code(app: typer.Typer, arguments: list[str]) -> int:
    """Run a command. Every ending but a bug becomes one sentence on stderr and an exit code."""
    try:
        _refuse_undecodable(arguments)
        # Not app(): it would print an empty line of its own when interrupted.
        command = typer.main.get_command(app)
        with command.make_context("exante", arguments or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _end("interrupted; the same command continues", INTERRUPTED)
    except UserError as error:
        return _end(str(error), WRONG_INPUT)
    except UsageError as error:
        return _end(f"{error.format_message().rstrip('.')}; see --help", WRONG_INPUT)
    except Exception as error:
        if is_disk_full(error):
            return _end(f"{DISK_FULL} ({error})", CRASHED)
        raise
    return 0


def leave(code: int) -> NoReturn:
    """End the process with an exit code, once all output is written."""
    sys.stdout.flush()
    if (fault := streams.lost()) and code == 0:
        code = _end(f"what this command printed could not be written ({fault}); what it wrote into files is complete", CRASHED)
    if code == INTERRUPTED:
        # An interrupt that went through a C extension's own evaluation of code leaves Python determined to die of the signal.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _refuse_undecodable(arguments: list[str]) -> None:
    """Undecodable bytes reach Python as lone surrogates, which no JSON file, registration or tokenizer can hold."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= c <= "\udfff" for c in argument):
            raise UserError(
                f"the argument {argument!r} holds bytes that are no text in this terminal's encoding; write it in UTF-8, and"
                " rename a file or directory that is called so"
            )


def _end(sentence: str, code: int) -> int:
    """Print the one sentence, on one line: what it quotes may hold anything."""
    print_error(f"exante: {visible(' '.join(sentence.split()))}")
    return code
