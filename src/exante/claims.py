"""What a study claims, written as text: a table of contrasts, the theories about them, and the objections they answer.

    contrast         | claim                                         | ledger | content | effect
    1 deceptive-none | persistence: deceptive - none > 10 pp         | S1 S2  | > 10    | ± 10
    installed        | installed: deceptive > 50 %; stamp installed  |        |         |

A number before a contrast's id makes it a primary. A formula is [MEASURE:] ARM [- CONTROL] REGION, and after semicolons
the settings that differ from the table's; where it names no measure, the table's is meant, else the one with the contrast's
own id. The ledger's column names clauses that the contrast answers (S1.2), or rows that it only speaks to (S1). The other
columns are theories, each headed by a piece of its id; a cell is what the theory predicts of the contrast. A
line without bars is the title of the row below it; other rows are titled by what they compare. `{cue}` in a row stands for each
value of `each["cue"]` in turn.

Does not know the study's arms, measures or trainings: registering refuses what is not there, by the contrast's id.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, get_args

from exante.errors import UserError
from exante.measures import Measure
from exante.study import Contrast, Objection, Prediction, Theory
from exante.units import Region, Unit

USUAL: dict[str, Any] = {"training": "none", "over": "bases"}
"""Settings of a claim where neither its formula nor its table says otherwise."""
FIRST_COLUMNS = ("contrast", "claim", "ledger")
FLAGS = {"paired": ("paired", True), "unpaired": ("paired", False)}
SETTINGS = ("training", "behaviour", "model", "base", "over", "stamp", "criteria")
AXES = ("training ", "behaviour ", "model ", "base ")
FORMULA = re.compile(
    r"(?:(?P<measure>\S+): +)?(?P<arm>\S+)(?: +[-−] +(?P<control>\S+))? +(?P<region>[><±].*|[-−\d.]+ *\.\..*|any .*)"
)
NUMBER = r"[-−+]?\d+(?:\.\d+)?"
REGION = re.compile(
    rf"(?:(?P<sign>[><±]) *(?P<value>{NUMBER})|(?P<low>{NUMBER}) *\.\. *(?P<high>{NUMBER})|any)(?: +(?P<unit>\S+))?"
)
REGIONS = "> 10 pp, < -10 pp, ± 10 pp, 3..30 %, or 'any pp' for an estimate without a hypothesis"


class Entry(NamedTuple):
    """An id, its title, and what is said under it."""

    id: str
    title: str
    text: str


class Claims(NamedTuple):
    """What a table says, under the names that a `Study` has for it."""

    contrasts: tuple[Contrast, ...]
    theories: tuple[Theory, ...]
    objections: tuple[Objection, ...]

    def fields(self) -> dict[str, Any]:
        """For `Study(**CLAIMS.fields(), …)`."""
        return self._asdict()


def row_of(name: str) -> str:
    """The row of the ledger that a row's id or a clause's ("S1.2") belongs to."""
    row, dot, number = name.rpartition(".")
    return row if dot and number.isdigit() else name


def region(text: str, unit: Unit | None = None) -> Region:
    """A region as it is written: `> 10 pp`, `< 2 %`, `± 10 pp`, `3..30 %`, `any pp`. `unit` is meant where none is written."""
    match = REGION.fullmatch(text.strip())
    named: Any = match["unit"] if match is not None and match["unit"] else unit
    if match is None or named not in get_args(Unit):
        raise UserError(f"{text.strip()!r} is no region; write {REGIONS}, with one of the units {', '.join(get_args(Unit))}")
    if match["sign"] == "±":
        size = _number(match["value"])
        return Region(low=-size, high=size, unit=named)
    low = _number(match["value"]) if match["sign"] == ">" else _number(match["low"])
    high = _number(match["value"]) if match["sign"] == "<" else _number(match["high"])
    if low is not None and high is not None and low >= high:
        raise UserError(f"the region {text.strip()!r} is empty; write its lower end first")
    return Region(low=low, high=high, unit=named)


def _number(text: str | None) -> Any:
    return None if text is None else float(text.replace("−", "-"))


def claim(id: str, formula: str, title: str = "", *, titles: Mapping[str, str] | None = None, **settings: Any) -> Contrast:
    """One contrast from its formula. Without a title it gets one that says what it compares; `titles` are those of measures.

    A formula that names no measure means the one in `settings`, else the measure that has the contrast's own id.
    Raises UserError that names the contrast and the words that cannot be read.
    """
    text, *named = (piece.strip() for piece in formula.split(";"))
    match = FORMULA.fullmatch(text)
    if match is None:
        raise UserError(f"contrast {id!r}: {text!r} is no claim; write it as 'measure: arm - control > 10 pp'")
    fields: dict[str, Any] = USUAL | settings
    for words in named:
        fields |= _setting(id, words)
    try:
        where = region(match["region"])
    except UserError as error:
        raise UserError(f"contrast {id!r}: {error}") from error
    measure = match["measure"] or fields.get("measure", id)
    arms: dict[str, Any] = {"arm": match["arm"], "control": match["control"]}
    heading = title or _compared(arms, (titles or {}).get(measure, measure), named)
    return Contrast(id=id, title=heading, **fields | arms | {"measure": measure, "region": where})


def _compared(arms: Mapping[str, str | None], read: str, settings: Iterable[str]) -> str:
    compared = " against ".join(filter(None, arms.values()))
    return f"{compared}: {read}" + "".join(f", {words}" for words in settings if words.startswith(AXES))


def _setting(id: str, words: str) -> dict[str, Any]:
    """`training rl` or `paired`, as fields of a contrast."""
    if words in FLAGS:
        return dict([FLAGS[words]])
    name, _, value = words.partition(" ")
    if name not in SETTINGS or not value:
        known = f"{', '.join(SETTINGS)} with a value, or {' or '.join(FLAGS)}"
        raise UserError(f"contrast {id!r}: {words!r} is no setting; after a semicolon write {known}")
    return {name: tuple(value.split()) if name == "criteria" else None if value == "all" else value}


def claims(
    table: str,
    *,
    theories: str = "",
    ledger: str = "",
    each: Mapping[str, Sequence[str]] | None = None,
    measures: Iterable[Measure] = (),
    **usual: Any,
) -> Claims:
    """The contrasts of a table, with the theories and objections that its columns name.

    Args:
        theories: entries "id: title", and below it, indented, what the theory says.
        ledger: entries "id: what the objection says", and below it, indented, the gap that remains.
        each: values of the names in braces.
        measures: their titles are put into those of rows that have none of their own.
        usual: settings of every contrast, such as `training="rl"`.

    Raises:
        UserError: names the row and the words that cannot be read.
    """
    rivals, objections = entries(theories), entries(ledger)
    titles = {measure.id: measure.title for measure in measures}
    contrasts: list[Contrast] = []
    predictions: dict[str, list[Prediction]] = {rival.id: [] for rival in rivals}
    for row in _rows(table, list(predictions), each or {}):
        _check_ledger(row, [objection.id for objection in objections])
        usual_here = usual | {"primary": row.primary, "objections": row.ledger}
        contrast = claim(row.id, row.formula, row.title, titles=titles, **usual_here)
        contrasts.append(contrast)
        for theory, text in row.predictions.items():
            predictions[theory].append(Prediction(contrast=contrast.id, region=_predicted(contrast, theory, text)))
    return Claims(
        tuple(contrasts),
        tuple(Theory(id=r.id, title=r.title, says=r.text, predictions=tuple(predictions[r.id])) for r in rivals),
        tuple(Objection(id=o.id, says=o.title, gap=o.text, contrasts=_answering(o.id, contrasts)) for o in objections),
    )


def entries(text: str) -> list[Entry]:
    """Entries "id: title", each with the indented lines below it as its text."""
    found: list[Entry] = []
    for line in inspect.cleandoc(text).splitlines():
        if not line.strip():
            continue
        if line[0].isspace():
            if not found:
                raise UserError(f"{line.strip()!r} stands below no entry; begin with a line 'id: title'")
            last = found[-1]
            found[-1] = last._replace(text=f"{last.text} {line.strip()}".strip())
            continue
        id, colon, title = line.partition(":")
        if not colon or not id.strip():
            raise UserError(f"{line!r} is no entry; write 'id: title', and indent what is said below it")
        found.append(Entry(id.strip(), title.strip(), ""))
    return found


@dataclass(frozen=True)
class _Row:
    """The words of one row. `predictions` are those cells of theories that are not empty."""

    id: str
    primary: int | None
    formula: str
    ledger: tuple[str, ...]
    predictions: dict[str, str]
    title: str


def _rows(table: str, theories: Sequence[str], each: Mapping[str, Sequence[str]]) -> Iterable[_Row]:
    lines = [line.strip() for line in table.splitlines() if line.strip()]
    header = _header(lines[0] if lines else "", theories)
    title = ""
    for line in lines[1:]:
        if "|" not in line:
            title = line
            continue
        for text, heading in _expanded(line, title, each):
            yield _row(text, heading, header)
        title = ""


def _header(line: str, theories: Sequence[str]) -> list[str]:
    """The columns' names, those of theories in full."""
    first, words = (cells := [cell.strip() for cell in line.split("|")])[:3], cells[3:]
    if tuple(first) != FIRST_COLUMNS[: len(first)] or len(first) < 2:
        raise UserError(f"a table of claims begins with the columns {' | '.join(FIRST_COLUMNS)}, not with {' | '.join(first)}")
    named = []
    for word in words:
        meant = [id for id in theories if word == id] or [id for id in theories if word in id]
        if len(meant) != 1:
            raise UserError(
                f"the column {word!r} names {len(meant)} theories; head it by a piece of one id: {', '.join(theories) or 'none'}"
            )
        named += meant
    if lacking := [id for id in theories if id not in named]:
        raise UserError(f"the theory {lacking[0]!r} has no column, so it predicts nothing; give it one, or leave the theory out")
    return [*FIRST_COLUMNS, *named]


def _expanded(line: str, title: str, each: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, str]]:
    """A row and its title for each combination of the names in braces."""
    names = list(dict.fromkeys(re.findall(r"{(\w+)}", line)))
    unknown = [name for name in (*names, *re.findall(r"{(\w+)}", title)) if name not in each]
    if unknown:
        raise UserError(
            f"the row {line!r} has {{{unknown[0]}}}, of which no values are given; it may use {', '.join(each) or 'none'}"
        )
    for values in product(*(each[name] for name in names)):
        chosen = dict(zip(names, values, strict=True))
        yield _filled(line, chosen), _filled(title, chosen)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda match: values.get(match[1], match[0]), text)


def _row(line: str, title: str, header: Sequence[str]) -> _Row:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) > len(header):
        raise UserError(f"the row {cells[0]!r} has {len(cells)} cells under {len(header)} columns")
    cells += [""] * (len(header) - len(cells))
    number, _, name = cells[0].rpartition(" ")
    if number and not number.isdigit():
        raise UserError(
            f"the row {cells[0]!r} begins with {number!r}; write the contrast's id, with its place before it if primary"
        )
    predicted = {word: cell for word, cell in zip(header[3:], cells[3:], strict=True) if cell}
    return _Row(name, int(number) if number else None, cells[1], tuple(cells[2].split()), predicted, title)


def _check_ledger(row: _Row, known: Sequence[str]) -> None:
    for id in row.ledger:
        if row_of(id) not in known:
            raise UserError(f"contrast {row.id!r} answers {id!r}, which is not in the ledger given; it has {', '.join(known)}")


def _predicted(contrast: Contrast, theory: str, text: str) -> Region:
    try:
        return region(text, contrast.region.unit)
    except UserError as error:
        raise UserError(f"contrast {contrast.id!r}, theory {theory!r}: {error}") from error


def _answering(id: str, contrasts: Iterable[Contrast]) -> tuple[str, ...]:
    """Those that are read off the models, not off how their data were made."""
    return tuple(one.id for one in contrasts if id in map(row_of, one.objections) and one.stamp == "learned")
