"""Gates on bases: which base draws fail them.

Read before any arm is trained, and again by `verify`. Does not train, and does not know about contrasts.
"""

from __future__ import annotations

from exante.analysis.algebra import leaves
from exante.analysis.gates import checks, is_of_base
from exante.analysis.items import values_of
from exante.analysis.runs import split_base
from exante.analysis.table import read_table
from exante.storage.tables import AXES, DONE, REPLACED, Measured
from exante.study import Cell, Gate, Study


def base_gates(study: Study) -> tuple[Gate, ...]:
    """The gates that read nothing but the base."""
    measures = {measure.id: measure for measure in study.measures}
    return tuple(gate for gate in study.gates if is_of_base(gate, measures))


def failing_draws(study: Study, measured: Measured) -> dict[int, tuple[str, ...]]:
    """Base draw → the gates that a base with this number fails, in any variant and model. Bases that crashed are not gated."""
    measured = _bases_alone(measured)
    gates = base_gates(study)
    names = {gate.measure for gate in gates}
    measures = tuple(measure for measure in study.measures if measure.id in names)
    needed = {(leaf.evaluation, leaf.condition) for measure in measures for leaf in leaves(measure.expression)}
    table = read_table(measured, _cells(measured), needed, {e.id: e.outcomes for e in study.evaluations})
    bare = study.model_copy(update={"gates": gates, "measures": measures, "contrasts": ()})
    failing: dict[int, dict[str, None]] = {}
    for check in checks(bare, table, measured.metrics_of_cells(), values_of(measures, table), {}, None):
        assert check.run is not None, "a gate on the base is read run by run"
        if not check.passed:
            failing.setdefault(int(split_base(table.cells[check.run].base)[1]), {})[check.gate] = None
    return {draw: tuple(names) for draw, names in sorted(failing.items())}


def _bases_alone(measured: Measured) -> Measured:
    """The bases of a run with their rows, each in one of the cells that it is in: no arm matters here."""
    read = measured.cells["state"].isin([DONE, REPLACED]) & (measured.cells["phase"] == "base")
    bases = measured.cells.loc[read].drop_duplicates("node")
    nodes = set(bases["node"].astype(str))
    rows, metrics = (table.loc[table["node"].astype(str).isin(nodes)] for table in (measured.rows, measured.metrics))
    return Measured(bases, rows, metrics)


def _cells(measured: Measured) -> list[Cell]:
    lines = measured.cells[AXES].itertuples(index=False, name=None)
    return [Cell(**dict(zip(AXES, map(str, line[:-1]), strict=False)), seed=int(line[-1])) for line in lines]
