"""The simulation behind docs/verdicts.md, with few studies: what it takes for the truth is the truth, it finds an interval that
fails, and the rule keeps its promises within Monte Carlo error. The real run is `python benchmarks/calibration.py`."""

from __future__ import annotations

import numpy as np
import pytest
from calibration import generator, jobs, main, sequence, single, theories
from exact_runs import contradicted, one_sample, two_arm
from simulated_runs import Scenario, draw_rates, scenarios
from simulated_studies import Path, paths, simulate, simulated_table

from exante.analysis.evaluate import evaluate
from exante.stats.intervals import robust

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
    table = simulated_table(rng, path, scenario, [*rates, *rates][: 2 if path.control else 1], n)
    values = evaluate(path.expression, table).point[:, : rates[0].shape[1]]
    per_study = np.nanmean(values, axis=1)
    error = per_study.std(ddof=1) / np.sqrt(studies)
    assert per_study.mean() == pytest.approx(path.mean(scenario, scenario.arm, n), abs=4.5 * error)


def test_robust_holds_for_all_or_nothing_runs_where_graded_does_not() -> None:
    rows = {(r.run_model, r.n): r for r in single(PATHS["two-arm"], Scenario("all or nothing 0.1", "steady"), STUDIES)}
    for n in (3, 5, 8, 16):
        robust = rows["robust", n]
        assert robust.coverage > 0.915
        assert robust.wrong == pytest.approx(1 - robust.coverage)
        assert robust.promised
    assert rows["graded", 5].coverage < 0.75
    assert not rows["graded", 5].promised


def test_graded_holds_for_smooth_runs_and_is_narrower() -> None:
    rows = {(r.run_model, r.n): r for r in single(PATHS["paired"], Scenario("normal", "normal", rho=0.5), STUDIES)}
    for n in (3, 5, 8, 16):
        assert 0.915 < rows["graded", n].coverage < 0.995
        assert rows["graded", n].width < rows["robust", n].width


def test_a_larger_effect_is_decided_and_a_boundary_is_not() -> None:
    effect = Scenario("near all", "near none")
    assert np.mean(simulate(PATHS["two-arm"], effect, 8, 200, generator("effect"), edge=10.0)["robust"].code > 0) == 1
    assert np.mean(simulate(PATHS["two-arm"], effect, 8, 200, generator("effect"))["robust"].code != 0) < 0.05
    reverse = Scenario("near none", "near all")
    assert np.mean(simulate(PATHS["two-arm"], reverse, 8, 200, generator("effect"), edge=-10.0)["robust"].code < 0) == 1


def test_family_errors() -> None:
    lumpy = Scenario("all or nothing 0.5", "all or nothing 0.5")
    for family in sequence(lumpy, STUDIES):
        primaries, rest, both = family.wrong
        assert max(primaries, rest) <= 0.095
        assert max(primaries, rest) <= both <= 0.14
    assert all(max(family.wrong) <= 0.095 for family in theories(lumpy, STUDIES) if family.promised)


def test_exact_coverage_by_hand() -> None:
    """One run with 0, 0, 100, 100: 60 ± t(4) × 24.49 = 60 ± 68 or 40 ± 68 hold every p. Two runs an arm at level .5, p = .5 and
    1: with 0 and 100, arms 25, 50, 75 with variances 625, 833.3, 625 and a control of 75, 625; t(.75, 3) = .7649 times 35.36 or
    38.19 = 27.0 or 29.2. The truth, −50, is held by −50 ± 27.0 (x = 0) and −25 ± 29.2 (x = 1), not by 0 ± 27.0: 3 of 4."""
    assert one_sample(1) == pytest.approx(1)
    assert two_arm(2, [0.5], [1.0], level=0.5) == pytest.approx(0.75)


def test_exact_values_are_what_drawing_gives() -> None:
    n, p, q, studies = 8, 0.3, 0.1, 40_000
    rng = generator("exact")
    a, b = 100.0 * (rng.random((3, studies, n)) < p), 100.0 * (rng.random((studies, n)) < q)
    low, high = robust(a[0], b, (0.0, 100.0), 0.8)
    assert np.mean((low <= 20) & (high >= 20)) == pytest.approx(two_arm(n, [p], [q], level=0.8), abs=0.01)
    _, above = robust(a, b[None], (0.0, 100.0), 1 - 0.05 / 3)
    below, _ = robust(a, b[None], (0.0, 100.0), 1 - 0.05 / 3)
    wrong = [np.mean(miss.any(0)) for miss in (above < 20, below > 20)]
    assert contradicted(n, [p], [q]) == pytest.approx(max(wrong), abs=0.003)


def test_all_or_nothing_runs_are_held_whatever_p_is() -> None:
    assert min(two_arm(n) for n in (3, 5, 8)) >= 0.94
    assert min(one_sample(n) for n in (3, 5, 8, 16)) >= 0.94
    assert max(contradicted(n) for n in (3, 5, 8)) <= 0.06


def test_every_path_meets_every_kind_of_spread() -> None:
    met = {(path, scenario) for path, scenario, _ in jobs(1)}
    assert len({scenario for path, scenario in met if path == "two-arm"}) == len(scenarios())
    for path in paths():
        names = [scenario for name, scenario in met if name == path.name]
        for spread in ("normal", "U-shaped", "all or nothing 0.98", "10 % fire", "20 % collapse", "30% ungraded"):
            assert any(spread in name for name in names), (path.name, spread)


def test_the_command_prints_its_last_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("calibration.jobs", lambda studies: [j for j in jobs(studies) if "0.3 | steady" in j[1]])
    monkeypatch.setattr("sys.argv", ["calibration.py", "--studies", "50", "--workers", "1", "--every"])
    main()
    words = capsys.readouterr().out.splitlines()[-1].split()
    assert words[:2] == ["calibration", "worst_false_positive"]
    assert (words[3], words[5], words[6]) == ("worst_coverage", "smallest_n", "4")
