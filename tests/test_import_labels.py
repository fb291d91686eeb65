"""Importing labels that others made: the published variants, tables by hand, faults named by line, and no torch anywhere."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import command
import pandas as pd
import pytest
from command import here

from exante.errors import UserError
from exante.evaluations.faking_measures import OUTCOMES
from exante.integrations import faking_labels
from exante.integrations.faking_labels import study_of
from exante.integrations.labels import read_labels, rows
from exante.registry.register import register
from exante.storage.directory import RunDirectory

HEADER = ("variant", "stage", "cue", "comply", "rationale")
PRINTED = {
    "default": {"before": (85.8, 97.2, 11.9), "after": (0.0, 6.9, 78.4)},
    "company swapped": {"before": (84.4, 95.4, 11.4), "after": (0.6, 36.4, 84.6)},
    "few-shots cut": {"before": (65.3, 97.7, 26.8), "after": (1.2, 20.2, 73.2)},
}
"""Greenblatt et al. (2024): refusal under the training and under the deployment cue, and faking rationales in training, in %."""
GAPS = {"default": (11.3, 6.9), "company swapped": (11.0, 35.8), "few-shots cut": (32.4, 19.1)}
FRAGILITY = {"company swapped": 29.2, "few-shots cut": -8.9}
PER_CELL = 10_000
HALF = 0.1 + 1e-9


def import_labels(path: Path, out: Path) -> dict[str, Any]:
    return faking_labels.import_labels(path, out).verdicts


def write(path: Path, lines: Iterable[Iterable[object]], header: Iterable[str] = HEADER) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *lines])
    return path


def published(path: Path, n: int = PER_CELL, cited: float = 0.0) -> Path:
    """Count tables of the printed percentages, `n` samples a cell; `cited`: the share of complying deployment that cites."""

    def lines() -> Iterable[tuple[str, ...]]:
        for variant, stages in PRINTED.items():
            for stage, (train, deploy, faked) in stages.items():
                refusing, faking = (round(n * share / 100) for share in (train, faked))
                yield from [(variant, stage, "train", "no", "none")] * refusing
                yield from [(variant, stage, "train", "yes", "faking")] * faking
                yield from [(variant, stage, "train", "yes", "none")] * (n - refusing - faking)
                refusing = round(n * deploy / 100)
                citing = round(cited * (n - refusing))
                yield from [(variant, stage, "deploy", "no", "none")] * refusing
                yield from [(variant, stage, "deploy", "yes", "cites")] * citing
                yield from [(variant, stage, "deploy", "yes", "none")] * (n - refusing - citing)

    return write(path, lines())


def estimate(verdicts: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in verdicts["contrasts"] if c["id"] == name)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of the published variants."""
    root = tmp_path_factory.mktemp("published")
    import_labels(published(root / "labels.csv"), root / "out")
    return root / "out"


@pytest.fixture(scope="module")
def verdicts(imported: Path) -> dict[str, Any]:
    return json.loads((imported / "verdicts.json").read_text("utf-8"))


# --- the published variants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", list(PRINTED))
def test_published_gaps(verdicts: dict[str, Any], variant: str) -> None:
    arm = variant.replace(" ", "-")
    for stage, printed in zip(("before", "after"), GAPS[variant], strict=True):
        for gap in ("gap", "refusal-gap"):
            found = estimate(verdicts, f"{gap}@{stage}--{arm}")
            assert found["estimate"] == pytest.approx(printed, abs=HALF)
            assert found["low"] < found["estimate"] < found["high"]
            assert (found["unit"], found["scope"], found["run_model"]) == ("pp", "1 run, over its items", "items")


@pytest.mark.parametrize("variant", list(FRAGILITY))
def test_published_differences_in_differences(verdicts: dict[str, Any], variant: str) -> None:
    found = estimate(verdicts, f"gap-change@after--{variant.replace(' ', '-')}--default")
    assert found["estimate"] == pytest.approx(FRAGILITY[variant], abs=HALF)
    assert found["scope"] == "1 run against 1 run, over their items"
    assert found["primary"] in (2, 3)


def test_faked_shares_and_the_split_of_the_gap(verdicts: dict[str, Any]) -> None:
    for variant, stages in PRINTED.items():
        for stage, (train, deploy, faked) in stages.items():
            at = f"@{stage}--{variant.replace(' ', '-')}"
            assert estimate(verdicts, f"faked-share-train{at}")["estimate"] == pytest.approx(
                100 * faked / (100 - train), abs=HALF
            )
            assert estimate(verdicts, f"faked-gap{at}")["estimate"] == pytest.approx(faked, abs=HALF)
            assert estimate(verdicts, f"unfaked-gap{at}")["estimate"] == pytest.approx(deploy - train - faked, abs=HALF)


def test_without_items_the_shares_have_only_the_bounds_of_the_rates(verdicts: dict[str, Any], tmp_path: Path) -> None:
    """Fréchet on the printed rates: F_T = .784, N_D = .931 give .912 to 1; if a third cites, N_D = .621: .516 to .792."""

    def bounds(of: dict[str, Any], name: str) -> list[float]:
        return [estimate(of, f"faking-faking-{end}{name}@after--default")["estimate"] for end in ("least", "greatest")]

    assert bounds(verdicts, "") == pytest.approx([91.2, 100.0], abs=0.05)
    assert not [c for c in verdicts["contrasts"] if c["measure"].startswith("faking-faking@")]
    assert not [c for c in verdicts["contrasts"] if "citing" in c["id"]]
    citing = import_labels(published(tmp_path / "citing.csv", 1000, 1 / 3), tmp_path / "citing")
    assert bounds(citing, "") == pytest.approx([91.2, 100.0], abs=0.05)
    assert bounds(citing, "-citing") == pytest.approx([51.6, 79.2], abs=HALF)


def test_everything_is_exploratory_and_after_data(imported: Path, verdicts: dict[str, Any]) -> None:
    assert {c["verdict"] for c in verdicts["contrasts"]} == {"exploratory"}
    assert all(c["exploratory"] and c["level"] == 0.95 for c in verdicts["contrasts"])
    assert verdicts["registered_before_data"] is False
    assert sorted(c["primary"] for c in verdicts["contrasts"] if c["primary"]) == [1, 2, 3]
    held = json.loads((imported / "registration.json").read_text("utf-8"))
    assert set(held["stamps"]["changed"]["imported"]) == {c["id"] for c in verdicts["contrasts"]}
    assert RunDirectory(imported).load_measured().cells["cell"].nunique() == 3


def test_the_log_odds_of_a_rate_at_the_end_are_undecided(verdicts: dict[str, Any]) -> None:
    """No refusal at all in training after RL: the points decide, and the other variants' log-odds are read."""
    at_the_end = estimate(verdicts, "log-odds-gap@after--default")
    assert "fewer than 3 events" in at_the_end["reason"]
    assert estimate(verdicts, "log-odds-gap@after--company-swapped")["reason"] == "an estimate: no hypothesis was registered"


def test_the_verbs_work_on_an_import_and_it_can_be_made_again(imported: Path, tmp_path: Path) -> None:
    before = (imported / "verdicts.json").read_bytes()
    for verb in ("analyse", "report", "verify"):
        here(verb, imported)
    assert (imported / "verdicts.json").read_bytes() == before
    here("import", "faking-labels", imported.parent / "labels.csv", "--out", imported)
    assert (imported / "verdicts.json").read_bytes() == before
    other = write(tmp_path / "other.csv", [("v", "s", "train", "yes", "faking"), ("v", "s", "deploy", "no", "none")])
    done = here("import", "faking-labels", other, "--out", imported, check=2)
    assert "holds another registration" in done.stderr
    for verb in (["plan", imported], ["sample", imported, "--arm", "default", "--prompt", "hello"]):
        assert here(*verb, check=2).stderr.count("\n") == 1


def test_an_edited_row_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", [("v", "s", cue, "yes", "faking") for cue in ("train", "deploy")])
    import_labels(path, tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "rows.parquet")
    table.loc[table["n"] == 1, "n"] = 0
    table.to_parquet(tmp_path / "out" / "rows.parquet", index=False)
    assert "was changed after exante wrote it" in here("verify", tmp_path / "out", check=2).stderr


def test_no_torch_is_imported(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", [("v", "s", cue, "yes", "faking") for cue in ("train", "deploy")])
    out = str(tmp_path / "out")
    verbs = (["import", "faking-labels", str(path), "--out", out], ["analyse", out], ["report", out], ["verify", out])
    program = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "peft", "accelerate"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from exante import cli, terminal
for verb in {verbs!r}:
    assert terminal.exit_code(cli.app, verb) == 0, verb
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=command.environment(tmp_path / "cache"), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "report.html").exists()


# --- by hand -------------------------------------------------------------------------------------------------------

FULL = ("variant", "run", "stage", "cue", "item", "comply", "rationale")


def test_rows_by_hand(tmp_path: Path) -> None:
    """Letter case, blanks about a cell and the other words for the labels; numbers as stages in order; zeros explicit."""
    path = write(
        tmp_path / "l.csv",
        [
            ("v", "1", "10", "Train", "i", "YES", "faking"),
            ("v", "1", "10", "train", "i", " comply", "none"),
            ("v", "1", "9", "deploy", "i", "0", "empty"),
            ("v", "1", "9", "deploy", "i", "1", "cites"),
            ("v", "1", "9", "deploy", "j", "true", "ungraded"),
            ("v", "1", "9", "deploy", "j", "ungraded", "plain"),
        ],
        FULL,
    )
    found = read_labels(path)
    assert found.names("stage") == ["stage 9", "stage 10"]
    table = rows(found)
    assert len(table) == 3 * len(OUTCOMES)
    assert set(table["checkpoint"]) == {"stage 9@0", "stage 10@0"}
    counts = table[table["n"] > 0].set_index(["condition", "item", "outcome"])[["n", "trials"]]
    assert {key: (n, trials) for key, n, trials in counts.itertuples()} == {
        ("train", "i", "comply-faking"): (1, 2),
        ("train", "i", "comply-plain"): (1, 2),
        ("deploy", "i", "comply-cites"): (1, 2),
        ("deploy", "i", "refuse-empty"): (1, 2),
        ("deploy", "j", "ungraded"): (2, 2),
    }
    assert table.groupby(["condition", "item"], observed=True)["n"].sum().to_dict() == {
        ("train", "i"): 2,
        ("deploy", "i"): 2,
        ("deploy", "j"): 2,
    }


def test_shares_by_hand(tmp_path: Path) -> None:
    """Items i, j, eight samples each: F_T .75, .25; N_D .5, 0; R_D .25, .5; F_D .25, .5, and Σ F_T = 1."""
    spec = {
        ("train", "i"): {"faking": 6, "refuse": 2},
        ("train", "j"): {"faking": 2, "plain": 4, "refuse": 2},
        ("deploy", "i"): {"plain": 4, "faking": 2, "refuse": 2},
        ("deploy", "j"): {"faking": 4, "refuse": 4},
    }
    lines = [
        ("v", cue, item, "no" if what == "refuse" else "yes", "none" if what == "refuse" else what)
        for (cue, item), counts in spec.items()
        for what, n in counts.items()
        for _ in range(n)
    ]
    found = import_labels(write(tmp_path / "l.csv", lines, ("variant", "cue", "item", "comply", "rationale")), tmp_path / "out")
    shares = [estimate(found, f"{name}@labels--v")["estimate"] for name in ("faking-faking", "true-faking", "faking-in-both")]
    assert shares == pytest.approx([37.5, 0.75 * 25 + 12.5, 0.75 * 25 + 12.5])
    ends = [estimate(found, f"faking-faking-{end}@labels--v")["estimate"] for end in ("least", "greatest")]
    assert ends == pytest.approx([25.0, 50.0])


def runs_of(variants: dict[str, int]) -> list[tuple[str, ...]]:
    return [
        (
            variant,
            str(run),
            stage,
            cue,
            item,
            "yes" if (run + len(stage) + len(cue)) % 3 else "no",
            "faking" if cue == "train" else "none",
        )
        for variant, count in variants.items()
        for run in range(count)
        for stage in ("first", "later")
        for cue in ("train", "deploy")
        for item in ("i", "j")
    ]


def test_two_runs_and_more_are_measured_over_runs(tmp_path: Path) -> None:
    found = import_labels(write(tmp_path / "l.csv", runs_of({"a": 3, "b": 2}), FULL), tmp_path / "out")
    assert {c["run_model"] for c in found["contrasts"]} == {"robust"}
    assert estimate(found, "gap@later--a")["n_units"] == 3
    assert estimate(found, "gap-change@later--b--a")["n_units"] == 2


def test_a_variant_with_one_run_is_told_apart(tmp_path: Path) -> None:
    found = import_labels(write(tmp_path / "l.csv", runs_of({"a": 3, "b": 1}), FULL), tmp_path / "out")
    assert estimate(found, "gap@later--a")["run_model"] == "robust"
    assert estimate(found, "gap@later-one-run--b")["scope"] == "1 run, over its items"
    assert estimate(found, "gap-change@later-one-run--b--a")["scope"] == "1 run against 3 runs, over their items"
    study = RunDirectory(tmp_path / "out").load_registration().study
    assert any(text.startswith("1 run each of b:") for text in study.caveats)


def test_another_variant_can_be_the_reference(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", runs_of({"a": 1, "b": 1}), FULL)
    names = {c.id for c in study_of(read_labels(path), "b").contrasts}
    assert {"gap-change@later--a--b", "gap@first--a--b"} <= names
    assert not any(name.endswith("--b--a") for name in names)
    with pytest.raises(UserError, match="no variant 'c' to compare with; they have a, b"):
        study_of(read_labels(path), "c")


def test_what_was_not_labelled_is_not_estimated(tmp_path: Path) -> None:
    """Only training at the second stage: rates there, but no gap and no change."""
    lines = [line for line in runs_of({"a": 2}) if (line[2], line[3]) != ("later", "deploy")]
    names = {c.id for c in study_of(read_labels(write(tmp_path / "l.csv", lines, FULL))).contrasts}
    assert {"gap@first--a", "faked-train@later--a"} <= names
    assert not names & {"gap@later--a", "gap-change@later--a", "comply-deploy@later--a"}


def test_the_labels_file_is_part_of_the_registration(tmp_path: Path) -> None:
    first = write(tmp_path / "1.csv", runs_of({"a": 1}), FULL)
    second = write(tmp_path / "2.csv", runs_of({"a": 1})[::-1], FULL)
    assert register(study_of(read_labels(first))).sha256 != register(study_of(read_labels(second))).sha256


def test_variants_with_hostile_names(tmp_path: Path) -> None:
    names = ("<script>alert(1)</script>", "a/b", "A b", "a · b", "@end", "ünï", "..")
    lines = [(name, "s @ 1 · x", cue, "yes", "faking") for name in names for cue in ("train", "deploy")]
    found = import_labels(write(tmp_path / "l.csv", lines), tmp_path / "out")
    assert len({c["arm"] for c in found["contrasts"]}) == len(names)
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- faults --------------------------------------------------------------------------------------------------------

GOOD = "variant,cue,comply,rationale\nv,train,yes,faking\nv,deploy,no,none\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("variant,cue,comply\nv,train,yes\n", "line 1: the header lacks rationale; the columns are variant, cue, comply"),
        ("\n\nvariant|cue|comply|rationale\n", "line 3: the header lacks variant, cue, comply, rationale"),
        ("\nvariant\tcue\tcomply\trationale\nv\ttrain\n", "line 3: 2 cells for 4 columns (with tabs between them)"),
        ("variant;cue;comply;rationale\nv,train,yes,none\n", "line 2: 1 cells for 4 columns (with semicolons between them)"),
        ("variant,cue,comply,rationale,cue\n", "line 1: 'cue' in the header occurs twice"),
        (GOOD + "v,tier,yes,none\n", "line 4: cue is 'tier'; write one of train, training, free"),
        (
            GOOD + "v,train,perhaps,none\n",
            "line 4: comply is 'perhaps'; write one of yes, comply, true, no, refuse, false, ungraded or the share",
        ),
        (GOOD + "v,train,yes,scheming\n", "line 4: rationale is 'scheming'; write one of faking, cites, plain, empty, none"),
        (GOOD + "v,train,yes," + "x" * 500 + "\n", "line 4: rationale is 'xxxxx"),
        (GOOD + '"v\n",train,yes,\n', "line 4: rationale is blank; write 'ungraded'"),
        (GOOD + "\n ,train,yes,none\n", "line 5: variant is blank; fill it in"),
        (GOOD + "v,train,yes\n", "line 4: 3 cells for 4 columns"),
        (GOOD + 'v,train,yes,"fak', "line 4: this is not CSV"),
        (GOOD + 'v,train,"yes"x,faking\n', "line 4: this is not CSV"),
        (GOOD + "v\x1b[31m,train,yes,faking\n", "line 4: variant is not a name"),
        (GOOD + "v" * 101 + ",train,yes,faking\n", "line 4: variant is not a name of at most 100 printable characters"),
        (GOOD + "\ud800,train,yes,faking\n", "line 4: this is not UTF-8"),
        ("", "holds no labels"),
        ("variant,cue,comply,rationale\n", "holds no lines under its header"),
        ('[{"variant": "v"}]', "is JSON; save it as a CSV file"),
        ("PK\x03\x04rest", "is a zip file or an Excel workbook; save it as a CSV file in UTF-8"),
        ("PAR1rest", "is a parquet file"),
        (
            "variant,cue,comply,rationale,cluster\nv,train,yes,none,c\n",
            "has a column cluster, which groups items; add the column",
        ),
        (
            "variant,cue,comply,rationale\n" + "".join(f"v{k},train,yes,none\n" for k in range(51)),
            "names 51 variants; a report can show at most 50",
        ),
    ],
)
def test_faults_are_one_sentence_that_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    done = here("import", "faking-labels", path, "--out", tmp_path / "out", check=2)
    assert says in done.stderr
    assert (done.stderr.count("\n"), len(done.stderr) < 400, done.stdout) == (1, True, "")
    assert not (tmp_path / "out").exists()


def test_other_faults(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        assert "cannot be read" in here("import", "faking-labels", path, "--out", tmp_path / "out", check=2).stderr
    good = tmp_path / "good.csv"
    good.write_text("\ufeff" + GOOD.replace("\n", "\r\n"), "utf-8")  # as spreadsheets write it
    assert len(read_labels(good).samples) == 2
    assert "holds files but no registration" in here("import", "faking-labels", good, "--out", tmp_path, check=2).stderr
    assert not (tmp_path / "out").exists()


# --- the report ----------------------------------------------------------------------------------------------------


def test_the_report_says_what_it_rests_on(imported: Path) -> None:
    page = (imported / "report.html").read_text("utf-8")
    for text in (
        "1 run, over its items",
        "every number here is exploratory",
        "Complying, refusing, faking",
        "the results are descriptive and decide nothing",
        "No hypothesis was registered",
        "The labels name no items",
        "No ratio has a denominator of zero",
    ):
        assert text in page, text
    for text in ("Match table", "Transcripts", "registered hypothesis was", "micro-models", "any value"):
        assert text not in page, text


def test_help_names_the_columns() -> None:
    told = " ".join(here("import", "faking-labels", "--help").stdout.split())
    assert "faking-labels" in here("import", "--help").stdout
    for word in ("variant", "rationale", "ungraded", "--reference", "--out", "exploratory"):
        assert word in told, word


def test_cells_are_drawn_for_every_run_and_stage(tmp_path: Path) -> None:
    import_labels(write(tmp_path / "l.csv", runs_of({"a": 3, "b": 1}), FULL), tmp_path / "out")
    series = pd.read_parquet(tmp_path / "out" / "series.parquet")
    cells = series[series["figure"] == "cells"]
    drawn = cells[cells["seed"] != -1]
    assert len(drawn) == 4 * 2 * 2 * len(OUTCOMES)
    named = drawn["panel"].str.split(" · ", expand=True)
    whole = drawn.groupby([drawn["arm"], drawn["seed"], named[1], named[3]])["value"].sum()
    assert len(whole) == 4 * 2 * 2
    assert whole.to_numpy() == pytest.approx(100)
    means = cells[cells["seed"] == -1].set_index(["arm", "panel"])["value"]
    runs = drawn.groupby(["arm", "panel"])["value"].mean()
    pd.testing.assert_series_equal(means.sort_index(), runs.sort_index())
