"""The verb as a whole: what is averaged, what counts as n, what is printed, and that nothing but the rows matters."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import planted
import pytest
from planted import NOTHING, STEPS, arms, cell, contrast, crash, graded, phase_rows, registered, samples, table
from scipy import stats
from test_verdicts import PATH, RANGE, trajectory

from exante.analysis.analyse import analyse, series, table_of
from exante.analysis.decide import decide
from exante.analysis.series import COLUMNS
from exante.analysis.table import Counts, Table, read_table
from exante.analysis.verdicts import Verdicts
from exante.errors import UserError
from exante.storage.tables import once
from exante.study import Contrast, Gate, Objection, Prediction, Theory
from exante.units import above, within

FAR = {"a": [18] * 8, "b": [2] * 8}


def decided(rows: pd.DataFrame, *contrasts: Contrast, **more) -> Verdicts:
    return analyse(registered(*contrasts, **more), once(rows, NOTHING))


# --- what is averaged ----------------------------------------------------------------------------------------------


def two_behaviours(x: dict[str, list[int]], y: dict[str, list[int]]) -> pd.DataFrame:
    return table(
        samples(cell(arm, 1000 + k, behaviour=behaviour), n)
        for behaviour, counts in (("x", x), ("y", y))
        for arm, runs in counts.items()
        for k, n in enumerate(runs)
    )


def test_behaviours_are_averaged_within_a_run_and_shown_beside() -> None:
    """x: 80 pp apart, y: 20 pp apart. Mean 50 with n = 8, not 16; interaction ± 60."""
    rows = two_behaviours(FAR, {"a": [12] * 8, "b": [8] * 8})
    found = decided(rows, contrast()).contrasts[0]
    assert (found.estimate, found.n_units) == (pytest.approx(50), 8)
    assert [(c.behaviour, c.estimate, c.n_units) for c in found.cells] == [
        ("x", pytest.approx(80), 8),
        ("y", pytest.approx(20), 8),
    ]
    assert [c.interaction["estimate"] for c in found.cells] == pytest.approx([60, -60])
    assert found.cells[0].interaction["low"] < 60 < found.cells[0].interaction["high"]
    alone = decided(rows, contrast(behaviour="y")).contrasts[0]
    assert (alone.estimate, alone.cells) == (pytest.approx(20), ())
    assert alone.low == pytest.approx(found.cells[1].low)


def padded(a: list[float], b: list[float]) -> tuple[float, float]:
    """The robust interval of two arms of one size, written out: 0 and 100 appended to each, t on n + 1."""
    x, y = [*a, 0, 100], [*b, 0, 100]
    half = stats.t.ppf(0.975, len(a) + 1) * np.hypot(stats.sem(x), stats.sem(y))
    return np.mean(x) - np.mean(y) - half, np.mean(x) - np.mean(y) + half


def test_a_run_crashed_in_one_behaviour_is_half_unknown() -> None:
    rows = two_behaviours({"a": [18] * 8, "b": [2] * 8}, {"a": [18] * 7, "b": [2] * 8})
    rows = pd.concat([rows, table([crash(cell("a", 1007, behaviour="y"))])])
    found = decided(rows, contrast(primary=1)).contrasts[0]
    runs = {"a": [90.0] * 7 + [45.0], "b": [10.0] * 8}
    assert found.low == pytest.approx(padded(runs["a"], runs["b"])[0])
    assert found.estimate == pytest.approx(80)


# --- what counts as n ----------------------------------------------------------------------------------------------


def over_bases(bases: int, seeds: int) -> pd.DataFrame:
    return table(
        samples(cell(arm, 1000 + s, base=f"linked#{1000 + b}"), n + b)
        for arm, n in (("a", 12), ("b", 2))
        for b in range(bases)
        for s in range(seeds)
    )


@pytest.mark.parametrize(
    ("bases", "over", "n", "scope"),
    [
        (6, "bases", 6, "over 6 bases"),
        (5, "bases", 15, "given these bases"),
        (6, "runs", 18, "given these bases"),
        (1, "runs", 3, "given this base"),
    ],
)
def test_bases_are_units_if_there_are_six(bases: int, over: str, n: int, scope: str) -> None:
    found = decided(over_bases(bases, 3), contrast(over=over)).contrasts[0]
    assert (found.n_units, found.scope) == (n, f"{scope}, on these items")


def test_base_means_by_hand() -> None:
    """Base means 60, 65, … 85 and 10, 15, … 35, each arm with 0 and 100."""
    found = decided(over_bases(6, 3), contrast(over="bases", primary=1)).contrasts[0]
    assert (found.low, found.high) == pytest.approx(padded([60, 65, 70, 75, 80, 85], [10, 15, 20, 25, 30, 35]))


def test_over_templates_adds_their_variance() -> None:
    """Arm a: items 20, 10, 0, 20 of 20, arm b: 0: template differences 100, 50, 0, 100; s² = 2291.67, V_T = 572.9."""
    rows = table(
        [samples(cell(arm, 1000 + k), counts) for arm, counts in (("a", [20, 10, 0, 20]), ("b", [0] * 4)) for k in range(8)]
    )
    items, templates = (decided(rows, contrast(templates=t, primary=1)).contrasts[0] for t in (False, True))
    v_a, v_b = (np.var([*[mean] * 8, 0, 100], ddof=1) / 10 for mean in (62.5, 0.0))
    half = stats.t.ppf(0.975, 3) * np.sqrt(v_a + v_b + np.var([100, 50, 0, 100], ddof=1) / 4)
    assert half == pytest.approx(86.06, abs=0.01)
    assert (templates.low, templates.high) == (pytest.approx(60 - 10 - half), 100)  # cut: 136 pp cannot be
    assert templates.low < items.low
    assert (items.scope, templates.scope) == ("given this base, on these items", "given this base, over templates")


def test_graded_floors_come_from_the_samples() -> None:
    """Runs alike at 12 and 8 of 20: p̃ = 12.5/21 and 8.5/21, w = 120.5 pp² each; √(2 × 120.5/8) t(7)."""
    found = decided(arms({"a": [12] * 8, "b": [8] * 8}), contrast(primary=1), measures=(graded(),)).contrasts[0]
    w = 1e4 * (12.5 / 21) * (8.5 / 21) / 20
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 7) * np.sqrt(2 * w / 8))


def test_unequal_numbers_of_runs() -> None:
    found = decided(arms({"a": [18] * 8, "b": [2] * 5}), contrast()).contrasts[0]
    assert (found.n_arm, found.n_control, found.n_units) == (8, 5, 5)
    assert found.sentence == "5 runs alike leave up to 45 % of runs free to differ"


# --- the batch that calibration uses -------------------------------------------------------------------------------


def stacked(tables: list[Table]) -> Table:
    """Many simulated studies as one table with a leading axis."""
    first = tables[0]

    def one(key: tuple[str, str, str]) -> Counts:
        n = {o: np.stack([t.counts[key].n[o] for t in tables]) for o in first.counts[key].n}
        return Counts(np.stack([t.counts[key].trials for t in tables]), n, n, n)

    return Table(first.cells, first.crashed_R, first.items, first.clusters, {key: one(key) for key in first.counts})


def test_deciding_a_batch_is_deciding_each_study() -> None:
    rng = np.random.default_rng(0)
    gate = Gate(id="g", title="g", measure="end", region=above(20, "%"), arms=("a",))
    contrasts = [
        contrast(primary=1),
        contrast(id="d", region=within(-60, 60, "pp"), primary=2),
        contrast(id="s", over="bases", templates=True),
    ]
    registration = registered(*contrasts, gates=(gate,))
    rows = [arms({"a": rng.integers(2, 20, 6).tolist(), "b": rng.integers(0, 12, 6).tolist()}, ungraded=0) for _ in range(40)]
    tables = [table_of(registration.study, once(r), "default", None) for r in rows]
    batch = decide(registration.study, stacked(tables), NOTHING).contrasts
    word = {1: "supported", 0: "undecided", -1: "contradicted"}
    seen = set()
    for k, r in enumerate(rows):
        for one in analyse(registration, once(r, NOTHING)).contrasts:
            assert word[int(batch[one.id].code[k])] == one.verdict
            low = float(np.broadcast_to(batch[one.id].low, 40)[k])
            assert low == (-np.inf if one.low is None else pytest.approx(one.low))
            seen.add(one.verdict)
    assert seen == {"supported", "undecided"}


def test_a_batch_costs_less_than_a_millisecond_a_study() -> None:
    rng = np.random.default_rng(0)
    registration = registered(contrast(primary=1), contrast(id="s", measure="path"), measures=(graded(), PATH), gates=(RANGE,))
    first = table_of(registration.study, once(trajectory({"a": (20, 12, 4), "b": (20, 8, 2)})), "default", None)
    shape = (500, len(first.cells), 1)

    def draw(_: object) -> Counts:
        n = rng.binomial(20, 0.5, shape).astype(float)
        counts = {"target": n, "other": 20 - n, "ungraded": np.zeros(shape)}
        return Counts(np.full(shape, 20.0), counts, counts, counts)

    batch = Table(first.cells, first.crashed_R, first.items, first.clusters, {key: draw(key) for key in first.counts})
    began = time.perf_counter()
    found = decide(registration.study, batch, NOTHING).contrasts
    assert (time.perf_counter() - began) / 500 < 0.001
    assert found["s"].code.shape == (500,)


# --- match table, objections, series -------------------------------------------------------------------------------


def test_match_table_counts_what_was_trained() -> None:
    parts = [
        phase_rows(cell("a", 1000 + k, training=training), phase, {"examples": {0: 0, last: 640.0}, "copies": {last: 320.0 + k}})
        for k in range(2)
        for training in ("sft", "rl")
        for phase, last in (("organism", 200), ("safety", 40))
    ]
    rows = table(samples(cell("a", 1000 + k, training=training), 5) for k in range(2) for training in ("sft", "rl"))
    found = analyse(registered(contrast()), once(rows, table(parts))).match_table
    assert [(r.phase, r.training, r.runs, r.steps) for r in found] == [
        ("organism", "", 2, 200.0),
        ("safety", "rl", 2, 40.0),
        ("safety", "sft", 2, 40.0),
    ]
    assert (found[0].examples, found[0].copies, found[0].tokens_answer) == (640.0, (320.0, 321.0), None)


def test_objections_collect_their_evidence() -> None:
    objections = tuple(
        Objection(id=name, says=name, contrasts=c, gap="g") for name, c in (("S1", ("x",)), ("S2", ("x", "y")), ("S3", ()))
    )
    found = decided(arms(FAR), contrast(id="x"), contrast(id="y", arm="c", objections=("S2",)), objections=objections).objections
    assert [(o.id, o.state, len(o.evidence)) for o in found] == [
        ("S1", "answered", 1),
        ("S2", "answered", 2),
        ("S3", "not asked", 0),
    ]
    evidence = found[0].evidence[0]
    assert (evidence.study, evidence.contrast, evidence.verdict, evidence.unit) == ("planted", "x", "supported", "pp")
    assert found[1].evidence[1].estimate is None


def test_series_hold_every_run_and_the_arm_means() -> None:
    rows = trajectory({"a": (20, 10, 2), "b": (20, 6, 0)})
    registration = registered(contrast(measure="path", region=above(0, "pp")), measures=(PATH,))
    found = series(registration, once(rows))
    assert list(found.columns) == COLUMNS
    on = found[(found.panel == "e · on · target") & (found.arm == "a")]
    assert len(on) == 9 * len(STEPS)
    mean = on[on.seed == -1].sort_values("step")
    assert mean.value.tolist() == [100.0, 50.0, 10.0]
    assert ((mean.low <= mean.value) & (mean.value <= mean.high)).all()
    runs = found[found.figure == "runs"]
    assert (len(runs), set(runs.panel), set(runs.unit)) == (18, {"c"}, {"pp"})
    expected = 100 * (0.125 * 1 + 0.5 * 0.5 + 0.375 * 0.1 - 1)
    assert runs[(runs.arm == "a")].value.tolist() == pytest.approx([expected] * 9)


# --- nothing but the rows ------------------------------------------------------------------------------------------


def full_study() -> tuple:
    rows = pd.concat(
        [trajectory({"a": (20, 10, 2), "b": (20, 6, 0)}), trajectory({"c": (20, 20, 20)}), table([crash(cell("c", 1008))])]
    )
    theory = Theory(id="t", title="t", says="t", predictions=(Prediction(contrast="c", region=above(0, "pp")),))
    contrasts = (
        contrast(measure="path", primary=1),
        contrast(id="d", arm="c", over="bases", templates=True),
        contrast(id="e", arm="d"),
    )
    return registered(*contrasts, measures=(*registered().study.measures, PATH), gates=(RANGE,), theories=(theory,)), rows


def test_the_order_of_rows_does_not_matter() -> None:
    registration, rows = full_study()
    texts = {analyse(registration, once(rows.sample(frac=1, random_state=k), NOTHING)).to_json() for k in range(4)}
    assert len(texts) == 1


def test_verdicts_are_plain_json() -> None:
    registration, rows = full_study()
    found = analyse(registration, once(rows, NOTHING), provenance={"rows": "abc"})
    plain = json.loads(found.to_json(), parse_constant=lambda name: pytest.fail(f"{name} in verdicts.json"))
    assert list(plain) == sorted(plain)
    contract = {
        "study",
        "registration_sha256",
        "registered_before_data",
        "preset",
        "gates",
        "contrasts",
        "theories",
        "objections",
    }
    assert contract | {"match_table", "provenance"} <= set(plain)
    assert Verdicts.model_validate(plain) == found
    assert plain["contrasts"][1]["low"] is None


def test_bad_input_is_one_sentence() -> None:
    registration, rows = full_study()
    with pytest.raises(UserError, match="no preset 'huge'; it has default, quick"):
        analyse(registration, once(rows, NOTHING), "huge")
    with pytest.raises(UserError, match="twice"):
        analyse(registration, once(pd.concat([rows, rows.head(1)]), NOTHING))


def test_rows_of_other_arms_and_variants_are_left_out() -> None:
    registration = registered(contrast())
    more = table(samples(cell("a", 2000 + k, base="strange#1000"), 0) for k in range(8))
    assert analyse(registration, once(pd.concat([arms(FAR), more]), NOTHING)).contrasts[0].n_units == 8


def test_items_of_two_behaviours_may_share_their_ids() -> None:
    rows = two_behaviours({"a": [20] * 3}, {"a": [0] * 3})
    rows.loc[rows.behaviour == "y", "cluster"] = "other"
    found = read_table(once(rows), [cell("a", 1000, behaviour=b) for b in "xy"], {("e", "on")}, planted.outcomes_in(rows))
    assert found.items["e"] == ("i0", "i0")
    assert found.clusters["e"] == ("other", "t0")
    assert found.counts["e", "on", "safety@40"].trials.tolist() == [[0.0, 20.0], [20.0, 0.0]]


def test_no_torch_is_needed() -> None:
    code = """if True:
    import sys
    class NoTorch:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("torch", "transformers"):
                raise ImportError(name)
    sys.meta_path.insert(0, NoTorch())
    import exante.analysis.analyse
    print("torch" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_raw_rate_of_one_arm_shows_its_samples_and_their_exact_bound() -> None:
    rows = table(samples(cell("a", 1000 + k), n) for k, n in enumerate([0, 0, 1, 0]))
    found = decided(rows, contrast(control=None, region=above(5, "%"))).contrasts[0]
    assert "1 of 80 samples (exact bounds for these runs alone: 0.0 to 6.8 %)" in found.sentence
    both = table(samples(cell(arm, 1000 + k), 3) for k in range(4) for arm in "ab")
    assert "samples" not in decided(both, contrast()).contrasts[0].sentence
