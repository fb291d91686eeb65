"""Sampling variance of a run's value over its items: against other implementations, by brute force, and in simulation."""

from __future__ import annotations

import numpy as np
import planted
import pytest
from planted import NOTHING, cell, contrast, rate, registered, samples, table
from scipy import stats

from exante.analysis.analyse import analyse
from exante.analysis.evaluate import evaluate
from exante.analysis.items import influence, sampling_variance
from exante.analysis.rules import level_of
from exante.analysis.table import Counts, Table, cells_of, read_table
from exante.errors import UserError
from exante.evaluations import faking_measures as faking
from exante.evaluations.faking_measures import OUTCOMES, Cues
from exante.measures import Difference, Distance, Expression, ItemBound, ItemProduct, LogOdds, MeanScore, Measure, Ratio
from exante.registry.register import register
from exante.stats.proportions import wilson
from exante.storage.tables import once
from exante.study import Profile
from exante.units import Region, above

RUN = cell("a", 1000)
Z = stats.norm.ppf(0.975)
ITEMS = Measure(id="end", title="end", expression=rate(), unit="%", low=0, high=100, run_model="items")


def counted(rng: np.random.Generator, items: int, trials: int, batch: tuple[int, ...] = ()) -> Table:
    """Items whose rates differ, the same ones under both conditions; target, other and no ungraded."""
    p = rng.beta(2, 2, (*batch, 1, items))
    counts = {}
    for condition, shift in (("on", 0.1), ("off", -0.1)):
        hit = rng.binomial(trials, np.clip(p + shift, 0, 1)).astype(float)
        n = {"target": hit, "other": trials - hit, "ungraded": 0 * hit}
        counts["e", condition, "safety@40"] = Counts(np.full(hit.shape, float(trials)), n, n, {k: x**2 for k, x in n.items()})
    ids = tuple(f"i{k}" for k in range(items))
    return Table((RUN,), np.zeros(1, bool), {"e": ids}, {"e": ("t",) * items}, counts)


EXPRESSIONS: list[Expression] = [
    rate(),
    Difference(left=rate("on"), right=rate("off")),
    MeanScore(evaluation="e", condition="on", outcome="target", at="safety@40", high=5),
    Ratio(left=ItemProduct(factors=(rate("on"), rate("off"))), right=ItemProduct(factors=(rate("on"),))),
    ItemBound(factors=(rate("on"), rate("off")), end="least"),
    ItemBound(factors=(rate("on"), rate("off")), end="greatest"),
    LogOdds(of=rate(), trials=50),
    Distance(evaluation="e", left="on", right="off", outcomes=("target", "other"), at="safety@40"),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda e: e.op)
def test_influence_is_what_leaving_an_item_out_shows(expression: Expression) -> None:
    """Brute force: n − 1 times how far the value moves when an item is left out, and the delete-one jackknife's variance."""
    data, n = counted(np.random.default_rng(3), 120, 5), 120
    moved = influence(expression, data)["e"][0] * n
    whole = evaluate(expression, data).point[0]
    rest = []
    for i in range(n):
        keep = np.arange(n) != i
        counts = {key: _picked(c, keep) for key, c in data.counts.items()}
        left = Table(data.cells, data.crashed_R, {"e": data.items["e"][1:]}, {"e": data.clusters["e"][1:]}, counts)
        rest.append(evaluate(expression, left).point[0])
    np.testing.assert_allclose(moved, (n - 1) * (whole - np.array(rest)), rtol=0.05, atol=0.05 * np.abs(moved).max())
    jackknife = (n - 1) / n * np.sum((np.array(rest) - np.mean(rest)) ** 2)
    assert np.sum((moved / n) ** 2) * n / (n - 1) == pytest.approx(jackknife, rel=0.05)


def _picked(counts: Counts, keep: np.ndarray) -> Counts:
    parts = (counts.n, counts.score_sum, counts.score_sumsq)
    return Counts(counts.trials[..., keep], *({name: x[..., keep] for name, x in part.items()} for part in parts))


def test_a_rate_over_items_has_the_standard_error_of_their_mean() -> None:
    """`scipy.stats.sem` of the items' rates, at Student's quantile of 14 degrees of freedom."""
    data = counted(np.random.default_rng(5), 15, 40)
    rates = data.counts["e", "on", "safety@40"].n["target"][0] / 40
    expected = (stats.sem(rates) * stats.t.ppf(0.975, 14) / Z) ** 2
    assert sampling_variance(rate(), data)[0] == pytest.approx(expected)


@pytest.mark.parametrize("hits", [0, 3, 50, 100])
def test_samples_without_items_have_at_least_wilsons_interval(hits: int) -> None:
    """One item: nothing is known between items, and the samples of 0 in 100 still reach to 3.7 %."""
    rows = table([samples(RUN, hits, trials=100)])
    data = read_table(once(rows), cells_of(once(rows)), {("e", "on")}, planted.outcomes_in(rows))
    low, high = wilson(np.array(hits), np.array(100))
    reach = max(hits / 100 - float(low), float(high) - hits / 100)
    assert Z * np.sqrt(sampling_variance(rate(), data)[0]) == pytest.approx(reach)
    found = analyse(
        registered(contrast(above(-1, "%"), control=None, primary=1), measures=(ITEMS,)), once(rows, NOTHING)
    ).contrast("c")
    assert found.low == pytest.approx(max(hits - 100 * reach, 0))
    assert found.high == pytest.approx(min(hits + 100 * reach, 100))


def cells_table(rng: np.random.Generator, studies: int, items: int, trials: int) -> tuple[Table, dict[str, float]]:
    """Alignment-faking outcomes of items of four kinds, and the true gap and shares of the kinds' mixture."""
    kinds = np.array([[0.7, 0.2, 0.1], [0.3, 0.1, 0.6], [0.1, 0.5, 0.4], [0.0, 0.1, 0.9]])  # faking, unfaked, refusing: training
    after = np.array([[0.1, 0.6, 0.3], [0.0, 0.3, 0.7], [0.2, 0.2, 0.6], [0.0, 0.1, 0.9]])  # the same in deployment
    kind = rng.integers(0, 4, (studies, 1, items))
    counts = {}
    for condition, p in (("train", kinds), ("deploy", after)):
        drawn = rng.multinomial(trials, p[kind])
        named = dict(zip(("comply-faking", "comply-plain", "refuse-plain"), np.moveaxis(drawn, -1, 0).astype(float), strict=True))
        n = {outcome: named.get(outcome, np.zeros(kind.shape)) for outcome in OUTCOMES}
        counts["f", condition, "rl@40"] = Counts(np.full(kind.shape, float(trials)), n)
    ids = tuple(map(str, range(items)))
    share = (kinds[:, 0] * after[:, 1]).sum() / kinds[:, 0].sum()
    truth = {"gap": (1 - kinds[:, 2]).mean() - (1 - after[:, 2]).mean(), "share": share, "faked": kinds[:, 0].mean()}
    return Table((RUN,), np.zeros(1, bool), {"f": ids}, {"f": ("t",) * items}, counts), truth


@pytest.mark.parametrize("items", [12, 60])
def test_intervals_hold_the_truth_over_items_about_as_often_as_they_say(items: int) -> None:
    """3,000 simulated runs, 6 samples of an item and cue: gap, faked rate and the faking-faking share, nominal 95 %."""
    data, truth = cells_table(np.random.default_rng(7), 3000, items, 6)
    cues = Cues("f", "rl@40")
    of = {"gap": faking.gap(cues), "faked": faking.faked(cues, "train"), "share": faking.share(cues, "faking-faking")}
    for name, expression in of.items():
        half = Z * np.sqrt(sampling_variance(expression, data)[:, 0])
        held = np.mean(np.abs(evaluate(expression, data).point[:, 0] - truth[name]) <= half)
        assert 0.93 <= held <= 0.995, (name, held)


def test_the_scope_says_how_many_runs_it_speaks_of() -> None:
    rows = table([samples(cell("a", 1000), [3, 5, 9]), samples(cell("b", 1000), [1, 2, 3]), samples(cell("b", 1001), [1, 2, 3])])
    claims = contrast(control=None, region=above(0, "%")), contrast(id="d")
    found = analyse(registered(*claims, measures=(ITEMS,)), once(rows, NOTHING))
    assert [c.scope for c in found.contrasts] == ["1 run, over its items", "1 run against 2 runs, over their items"]
    assert {c.run_model for c in found.contrasts} == {"items"}


def test_a_study_that_samples_is_not_measured_over_items() -> None:
    from tiny_study import STUDY

    measures = tuple(m.model_copy(update={"run_model": "items"}) for m in STUDY.measures)
    with pytest.raises(UserError, match="imported runs"):
        register(STUDY.model_copy(update={"measures": measures}))
    mute = tuple(Profile.model_validate(p.model_dump() | {"capabilities": ()}) for p in STUDY.profiles)
    register(STUDY.model_copy(update={"measures": measures, "profiles": mute}))


def test_estimates_without_a_hypothesis_take_no_part_in_the_family() -> None:
    """Two claims share 2.5 %, whatever is estimated beside them; an estimate has its 95 % interval, and is never decided."""
    free = [contrast(id=f"free{k}", region=Region(unit="pp")) for k in range(6)]
    study = registered(contrast(id="c"), contrast(id="d"), *free).study
    assert [level_of(study, c) for c in study.contrasts] == [0.9875, 0.9875, *([0.95] * 6)]
    rows = table([samples(cell(arm, 1000 + k), n) for arm, n in (("a", 18), ("b", 2)) for k in range(8)])
    found = analyse(registered(*study.contrasts), once(rows, NOTHING))
    assert {found.contrast(c.id).reason for c in free} == {"an estimate: no hypothesis was registered"}
    assert {found.contrast(c.id).verdict for c in free} == {"estimate"}
    assert {found.contrast(c.id).level for c in free} == {0.95}
