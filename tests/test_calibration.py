"""The simulation behind docs/verdicts.md, with few studies: what it takes for the truth is the truth, it finds an interval that
fails, and the rule keeps its promises within Monte Carlo error. The real run is `python benchmarks/calibration.py`."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from calibration import FAMILIES, Family, Row, family, generator, jobs, main, misses, single, summary, work
from exact_runs import (
    LOOKS,
    ExactRow,
    Worst,
    base_by_arm,
    cases,
    contradicted,
    one_sample,
    one_sample_looks,
    pair_chances,
    paired_looks,
    pairs,
    secondaries,
    supported,
    two_arm,
    two_arm_looks,
)
from scipy import stats
from simulated_runs import SPREADS, Scenario, draw_rates, scenarios
from simulated_studies import Path, first_runs, paths, simulate, simulated_table, wrong_looks

from exante.analysis.evaluate import evaluate
from exante.stats.intervals import Shared, robust

STUDIES = 1000
"""Coverage of .95 then has a standard error of .007; bounds are five of them away."""
PATHS = {path.name: path for path in paths()}


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name)
@pytest.mark.parametrize(
    "scenario",
    [Scenario("Beta(2, 5)", "steady"), Scenario("20 % collapse", "steady"), Scenario("normal", "steady", fixed_bases=True)],
    ids=lambda scenario: scenario.name,
)
def test_the_mean_over_many_runs_is_the_truth(path: Path, scenario: Scenario) -> None:
    if not path.takes(scenario):
        assert path.bases
        return
    rng = generator("truth", path.name, scenario.name)
    n, studies = 6, 4000
    rates = draw_rates(rng, scenario, 1, studies, n, 2 if path.bases else None)[:1]
    table = simulated_table(rng, path, scenario, [*rates, *rates][: 2 if path.control else 1])
    values = evaluate(path.expression, table).point[:, : rates[0].shape[1]]
    per_study = np.nanmean(values, axis=1)
    error = per_study.std(ddof=1) / np.sqrt(studies)
    assert per_study.mean() == pytest.approx(path.mean(scenario, scenario.arm, n), abs=4.5 * error)


def by_model(path: str, scenario: Scenario, n: int) -> dict[str, Row]:
    return {row.run_model: row for row in single(PATHS[path], scenario, n, STUDIES)}


@pytest.mark.parametrize("spread", ["5 % fire", "Beta(0.1, 0.9)"])
def test_robust_holds_for_modes_that_are_rare_where_graded_does_not(spread: str) -> None:
    rows = by_model("two-arm", Scenario(spread, "steady"), 8)
    assert rows["robust"].coverage > 0.915
    assert rows["robust"].wrong == pytest.approx(1 - rows["robust"].coverage)
    assert rows["robust"].promised
    assert rows["graded"].coverage < 0.88
    assert not rows["graded"].promised


def test_graded_holds_for_smooth_runs_and_is_narrower() -> None:
    for n in (8, 24):
        rows = by_model("paired", Scenario("normal", "normal", rho=0.5), n)
        assert 0.915 < rows["graded"].coverage < 0.995
        assert rows["graded"].width < rows["robust"].width


def test_serial_dependence_is_not_promised_and_graded_does_not_hold_there() -> None:
    scenario = Scenario("normal", "normal", serial=0.7)
    rows = by_model("two-arm", scenario, 16)
    assert not any(row.promised for row in rows.values())
    assert rows["graded"].coverage < 0.8
    (rates, _) = draw_rates(generator("ar"), scenario, 1, 4000, 8)
    tied = np.corrcoef(rates[:, 3, 0], rates[:, 4, 0])[0, 1]
    assert tied == pytest.approx(0.7, abs=0.04)


def test_arms_of_different_sizes_get_their_own_runs() -> None:
    path = PATHS["two-arm, n against 24"]
    found = simulate(path, Scenario("near all", "near none"), 8, 50, generator("unequal"))["robust"]
    assert found.truth == pytest.approx(90, abs=0.5)
    few = simulate(PATHS["two-arm"], Scenario("near all", "near none"), 8, 50, generator("unequal"))["robust"]
    assert (found.high - found.low).mean() < (few.high - few.low).mean()


def test_a_larger_effect_is_decided_and_a_boundary_is_not() -> None:
    effect = Scenario("near all", "near none")
    assert np.mean(simulate(PATHS["two-arm"], effect, 8, 200, generator("effect"), edge=10.0)["robust"].code > 0) == 1
    assert np.mean(simulate(PATHS["two-arm"], effect, 8, 200, generator("effect"))["robust"].code != 0) < 0.05
    reverse = Scenario("near none", "near all")
    assert np.mean(simulate(PATHS["two-arm"], reverse, 8, 200, generator("effect"), edge=-10.0)["robust"].code < 0) == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_family_errors(name: str) -> None:
    for spread in ("normal", "20 % collapse"):
        scenario = Scenario(spread, "never" if spread != "normal" else "normal")
        rows = family(name, scenario, FAMILIES[name][2][-1], STUDIES)
        assert {row.run_model for row in rows} == ({"robust", "graded"} if spread == "normal" else {"robust"})
        for row in rows:
            assert max(row.wrong) <= 0.095
            if row.kinds[-1] == "both":
                assert max(row.wrong[:2]) <= row.wrong[2] <= sum(row.wrong[:2]) + 1e-9


def test_either_look_counts_and_the_first_has_the_first_runs() -> None:
    """Both looks of a graded measure on lumpy runs are wrong more often than the last alone would be."""
    path, scenario = PATHS["two-arm"], Scenario("20 % collapse", "steady")
    rates = draw_rates(generator("look"), scenario, 1, 3, 24)
    table = simulated_table(generator("look"), path, scenario, rates)
    early = first_runs(table, 16)
    assert [cell.seed for cell in early.cells if cell.arm == "a0"] == [c.seed for c in table.cells if c.arm == "a0"][:16]
    hits = table.counts["e", "on", "safety@40"].n["target"]
    assert (early.counts["e", "on", "safety@40"].n["target"] == hits[:, [*range(16), *range(24, 40)]]).all()
    both = wrong_looks(path, scenario, STUDIES, generator("looks"), "graded").mean()
    last = by_model("two-arm", scenario, 24)["graded"].wrong
    assert both > last - 0.03
    assert LOOKS[0][1] > LOOKS[1][1]


# --- exact --------------------------------------------------------------------------------------------------------------


def test_exact_values_by_hand() -> None:
    """One run with 0, 0, 100, 100: 60 ± t(4) × 24.49 = 60 ± 68 or 40 ± 68 hold every p. Two runs an arm at level .5, p = .5 and
    1: with 0 and 100, arms 25, 50, 75 with variances 625, 833.3, 625 and a control of 75, 625; t(.75, 3) = .7649 times 35.36 or
    38.19 = 27.0 or 29.2. The truth, −50, is held by −50 ± 27.0 (x = 0) and −25 ± 29.2 (x = 1), not by 0 ± 27.0: 3 of 4."""
    assert one_sample(1).wrong == pytest.approx(0)
    assert two_arm(2, [0.5], [1.0], level=0.5).wrong == pytest.approx(0.25)


def brute(n: int, p: float, q: float, odds: float, level: float, paired: bool) -> float:
    """Every sequence of n pairs, each weighed by itself; intervals by scipy. A second implementation of `pairs`."""
    kinds, chances = np.array([(1, 1), (1, 0), (0, 1), (0, 0)]), np.array(pair_chances(p, q, odds))
    sequences = np.array(list(itertools.product(range(4), repeat=n)))
    a, b = 100.0 * kinds[sequences, 0], 100.0 * kinds[sequences, 1]
    d, many, q975 = a - b, len(sequences), (1 + level) / 2
    if paired:
        padded = np.hstack([d, np.tile([-100, -100, 100, 100], (many, 1))])
        centre, half = padded.mean(1), stats.sem(padded, axis=1) * stats.t.ppf(q975, n + 3)
    else:
        arms = [np.hstack([x, np.tile([0, 100], (many, 1))]) for x in (a, b)]
        centre = arms[0].mean(1) - arms[1].mean(1)
        apart = np.hypot(*(stats.sem(x, axis=1) for x in arms)) * stats.t.ppf(q975, n + 1)
        half = np.maximum(apart, stats.sem(d, axis=1) * stats.t.ppf(q975, n - 1))
    return float(chances[sequences].prod(1) @ (abs(centre - 100 * (p - q)) > half + 1e-9))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("p", "q", "odds"), [(0.5, 0.5, 0.0), (0.3, 0.6, 0.1), (0.2, 0.4, 1.0), (0.7, 0.6, 10.0)])
def test_pairs_are_what_all_sequences_come_to(p: float, q: float, odds: float, paired: bool) -> None:
    by_sequence = max(brute(4, a, b, odds, 0.6, paired) for a in (p, q) for b in (p, q))
    assert pairs(4, odds, 0.6, paired=paired, p=(p, q)).wrong == pytest.approx(by_sequence)


def test_pairs_have_their_margins_and_odds() -> None:
    for odds in (0.1, 1.0, 10.0):
        both, a, b, none = pair_chances(0.3, 0.6, odds)
        assert (both + a, both + b, both + a + b + none) == pytest.approx((0.3, 0.6, 1.0))
        assert both * none / (a * b) == pytest.approx(odds)
    assert pair_chances(0.5, 0.5, 0.0) == (0.0, 0.5, 0.5, 0.0)
    assert pairs(8, 1.0, paired=False, p=(0.3, 0.7)).wrong <= two_arm(8, (0.3, 0.7), (0.3, 0.7)).wrong + 1e-9


def test_exact_values_are_what_drawing_gives() -> None:
    """Every enumeration against 40,000 drawn studies of it, at 16 or 24 runs where degrees of freedom no longer grow."""
    n, p, q, studies = 16, 0.3, 0.1, 40_000
    rng = generator("exact")
    a, b = 100.0 * (rng.random((6, studies, 24)) < p), 100.0 * (rng.random((studies, 24)) < q)

    def missed(arms: np.ndarray, runs: int, level: float) -> tuple[np.ndarray, np.ndarray]:
        low, high = robust(arms[..., :runs], b[:, :runs], (0.0, 100.0), level)
        return high < 20, low > 20

    assert np.mean(np.logical_or(*missed(a[0], n, 0.8))) == pytest.approx(two_arm(n, [p], [q], level=0.8).wrong, abs=0.01)
    below, above = missed(a[:4], n, 1 - 0.04 / 4)
    sides = [np.mean(np.any([*below[:s], *above[s:]], axis=0)) for s in range(5)]
    assert contradicted(n, 4, [p], [q]).wrong == pytest.approx(max(sides), abs=0.003)
    held = [np.mean(np.logical_or(*missed(a[:m], n, 1 - 0.025 / m)).any(0)) for m in range(1, 7)]
    assert secondaries(n, 6, [p], [q]).wrong == pytest.approx(max(held), abs=0.003)
    assert supported(n, [p], [q]).wrong == pytest.approx(max(np.mean(x) for x in missed(a[0], n, 0.96)), abs=0.003)
    looks = [np.logical_or(*missed(a[0], runs, level)) for runs, level in LOOKS]
    assert two_arm_looks([p], [q]).wrong == pytest.approx(np.mean(looks[0] | looks[1]), abs=0.003)
    alone = [robust(a[0][:, :runs], None, (0.0, 100.0), level) for runs, level in LOOKS]
    outside = np.any([(low > 30) | (high < 30) for low, high in alone], axis=0)
    assert one_sample_looks([p]).wrong == pytest.approx(outside.mean(), abs=0.003)
    tied = Shared(np.arange(24), np.arange(24))
    steps = [
        robust(a[0][:, :runs], b[:, :runs], (0.0, 100.0), level, Shared(tied.a[:runs], tied.b[:runs]), paired=True)
        for runs, level in LOOKS
    ]
    either = np.any([(low > 20 + 1e-9) | (high < 20 - 1e-9) for low, high in steps], axis=0)
    assert paired_looks(1.0, (p, q)).wrong >= either.mean() - 0.003


def test_all_or_nothing_runs_are_held_whatever_p_and_q_are() -> None:
    grid = tuple(np.linspace(0, 1, 21))
    for n in (8, 16, 24):
        assert max(two_arm(n, grid, grid, level).wrong / (1 - level) for level in (0.95, 0.955, 0.98, 0.99)) <= 1
        assert one_sample(n).wrong <= 0.05
        assert secondaries(n, 6, grid, grid).wrong <= 0.025
        assert contradicted(n, 4, grid, grid).wrong <= 0.04
        assert base_by_arm(n, grid[::4]).wrong <= 0.05
    assert two_arm(8, grid, grid, 0.96, control=24).wrong <= 0.04


def test_arms_that_exclude_each_other_are_held_by_pairs_only() -> None:
    """And without its own degrees of freedom the two-arm rule would not hold at 24: both can fail."""
    assert pairs(16, 0.0, p=(0.15, 0.5, 0.85)).wrong <= 0.05
    assert pairs(16, 0.0, paired=False, p=(0.15, 0.5, 0.85)).wrong > 0.06
    t = stats.t.ppf(0.995, 25)
    x = np.arange(25)
    centre = (100 * x + 100) / 26
    variance = (x * (100 - centre) ** 2 + (24 - x) * centre**2 + (100 - centre) ** 2 + centre**2) / 25 / 26
    half = t * np.sqrt(variance[:, None] + variance)
    miss = np.abs(centre[:, None] - centre - 100 * (1.0 - 0.84)) > half
    old = stats.binom.pmf(x, 24, 1.0) @ miss @ stats.binom.pmf(x, 24, 0.84)
    assert old > 0.014 > 0.01 > two_arm(24, [1.0], [0.84], 0.99).wrong


def test_every_case_names_what_it_promises() -> None:
    names = {path: is_promised for path, _, _, _, is_promised in cases()}
    assert [path for path, is_promised in names.items() if not is_promised] == ["two-arm, exclusive arms unpaired"]
    words = "two-arm, paired, one sample, interaction, area, share, over bases, sequence, secondaries, theories, looks"
    for word in words.split(", "):
        assert any(word in path for path in names), word


# --- the command -----------------------------------------------------------------------------------------------------------


def test_every_path_meets_every_kind_of_spread() -> None:
    met = {(path, scenario) for path, scenario, *_ in jobs(1)}
    assert len({scenario for path, scenario in met if path == "two-arm"}) == len(scenarios())
    for path in paths():
        names = [scenario for name, scenario in met if name == path.name]
        for spread in (
            "normal",
            "U-shaped",
            "3 % fire",
            "8 % fire",
            "Beta(0.2, 4)",
            "two humps",
            "20 % collapse",
            "30% ungraded",
        ):
            assert any(spread in name for name in names), (path.name, spread)
    assert {n for path, _, n, *_ in jobs(1) if path == "two-arm"} == {8, 16, 24}


@pytest.mark.parametrize(
    ("spread", "mean"), [("exponential", 0.17), ("3 % fire", 0.124), ("two humps", 0.5), ("Beta(0.2, 4)", 1 / 21)]
)
def test_spreads_have_the_means_that_they_should(spread: str, mean: float) -> None:
    assert SPREADS[spread].mean() == pytest.approx(mean, abs=0.002)


def row(**update) -> Row:
    return Row(**{"path": "p", "run_model": "robust", "scenario": "s", "promised": True, "n": 8} | update, width=1, powered=1)


def test_what_is_promised_is_summed_up_and_misses_are_named() -> None:
    good, bad = row(wrong=0.04, coverage=0.96), row(wrong=0.07, coverage=0.93)
    unpromised = row(wrong=0.5, coverage=0.5, promised=False)
    theory = Family("theories", ("a", "both"), "robust", "s", 8, (0.05, 0.09))
    exact = [ExactRow("x", ".95", 8, Worst(0.045, (0.5,))), ExactRow("y", ".95", 8, Worst(0.2, (0.5,)), promised=False)]
    assert list(misses([good, unpromised], [theory], exact)) == []
    assert summary([good, unpromised], [theory], exact, 4).split()[2:5] == ["0.0500", "worst_coverage", "0.9550"]
    assert len(list(misses([good, bad], [theory], exact))) == 1
    assert len(list(misses([good], [theory], [ExactRow("x", ".95", 8, Worst(0.061, (0.5,)))]))) == 1
    assert [one.doubtful for one in (good, bad, unpromised, theory)] == [False, True, False, False]


def test_a_second_simulation_has_a_fresh_seed() -> None:
    job = ("two-arm", "normal | steady", 8, 200, "")
    first, same, again = work(job), work(job), work((*job[:4], "again"))
    assert first == same
    assert first != again


def test_the_command_prints_its_last_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("calibration.jobs", lambda studies: [j for j in jobs(studies) if "5 % fire | steady" in j[1]][:4])
    monkeypatch.setattr("calibration.exact_rows", lambda: [ExactRow("x", ".95", 8, Worst(0.01, (0.5,)))])
    monkeypatch.setattr("calibration.over_n", lambda: [])
    monkeypatch.setattr("calibration.ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr("sys.argv", ["calibration.py", "--studies", "50", "--again", "60", "--workers", "1", "--every"])
    main()
    words = capsys.readouterr().out.splitlines()[-1].split()
    assert words[:2] == ["calibration", "worst_false_positive"]
    assert (words[3], words[5], words[6]) == ("worst_coverage", "smallest_n", "4")
