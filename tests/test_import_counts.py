"""Importing tables of counts, as papers print them: claims after the data, and registered before. Made-up numbers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command import here

from exante.integrations.import_counts import import_counts
from exante.stats.intervals import robust
from exante.storage.directory import RunDirectory

SEEDS = "arm,training,seed,triggered,n"
MAPPED = {"run": "seed", "n": "triggered", "trials": "n"}
HEADER = "arm,run,stage,condition,outcome,n,trials"


def write(path: Path, lines: Iterable[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def over_seeds(path: Path) -> Path:
    """Eight seeds of two arms: near 95 % against near 15 %."""
    return write(
        path,
        [f"{arm},sft,{k},{most + k % 5},100" for arm, most in (("cot", 93), ("none", 12)) for k in range(1, 9)],
        SEEDS,
    )


def by_id(verdicts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["id"]: c for c in verdicts["contrasts"]}


def test_a_table_of_rates_over_seeds(tmp_path: Path) -> None:
    """The columns are mapped; the claim has the robust interval of eight runs per arm, and is exploratory, as it came after the
    data. Every verb reads the directory."""
    path, out = over_seeds(tmp_path / "c.csv"), tmp_path / "out"
    mapping = [f"--column={ours}={theirs}" for ours, theirs in MAPPED.items()]
    shown = here("import", "counts", path, "--out", out, *mapping, "--claim", "triggered: cot - none > 10 pp").stdout
    assert shown.startswith("note\tThese columns are not used: 'training'.\n")
    claim = by_id(json.loads((out / "verdicts.json").read_text("utf-8")))["triggered-cot-none-10-pp"]
    runs = [pd.Series([most + k % 5 for k in range(1, 9)], dtype=float).to_numpy() for most in (93, 12)]
    low, high = robust(*runs, (0, 100), 0.95)
    assert (claim["estimate"], claim["n_units"], claim["verdict"]) == (81, 8, "exploratory")
    assert (claim["low"], min(claim["high"], 100)) == pytest.approx((low, min(high, 100)))
    assert claim["reason"] == "exploratory, because it was changed after data: the interval lies inside the region"
    for verb in ("verify", "analyse", "report"):
        here(verb, out)
    here("objections", "--runs", tmp_path)
    here("export", "rows", out, "--out", tmp_path / "rows.csv")
    assert pd.read_csv(tmp_path / "rows.csv")["n"].sum() == 1600
    assert "made elsewhere and imported" in here("plan", out, check=2).stderr
    page = (out / "report.html").read_text("utf-8")
    assert "cot against none: triggered" in page
    series = pd.read_parquet(out / "series.parquet")
    assert len(series[(series["figure"] == "runs") & (series["panel"] == claim["id"]) & (series["seed"] != -1)]) == 16
    here("import", "counts", path, "--out", out, *mapping, "--claim", "triggered: cot - none > 10 pp")
    assert "other counts or claims" in here("import", "counts", path, "--out", out, *mapping, check=2).stderr


def test_a_claim_about_one_run_per_arm_is_open_and_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", ["a,95,100", "b,2,100"], "arm,n,trials")
    imported = import_counts(path, tmp_path / "out", claims=["outcome: a - b > 10 pp"], columns={})
    claim = by_id(imported.verdicts)["outcome-a-b-10-pp"]
    assert "the interval crosses the region's boundary: one run of an arm leaves open what other runs would do" in claim["reason"]
    assert "1 run each of 'a', 'b'" in imported.notes[-1]
    rate = by_id(imported.verdicts)["outcome@all-one-run--a"]
    assert (rate["scope"], rate["run_model"]) == ("1 run, over its items", "items")
    assert (rate["low"], rate["high"]) == pytest.approx((88.72, 98.36), abs=0.01)  # Clopper and Pearson, 95 of 100


def test_many_arms_seeds_and_stages(tmp_path: Path) -> None:
    """16 arms × 5 seeds × 3 stages: levels, changes from the first stage, and a claim about persistence."""
    stages = ("0", "0.5", "1")
    lines = [
        f"arm {arm},{seed},{stage},triggered,target,{min(100, 6 * arm + seed + k)},100"
        for arm, seed, (k, stage) in itertools.product(range(16), range(5), enumerate(stages))
    ]
    imported = import_counts(
        write(tmp_path / "c.csv", lines[::-1]),
        tmp_path / "out",
        claims=["target@triggered@1-0: arm-15 - arm-0 > 10 pp"],
        reference="arm 0",
    )
    verdicts = by_id(imported.verdicts)
    assert len(RunDirectory(tmp_path / "out").load_measured().states()) == 80
    assert verdicts["target@triggered@0-5--arm-9"]["estimate"] == 54 + 2 + 1
    assert verdicts["target@triggered@1-0--arm-3"]["estimate"] == 2
    assert verdicts["target@triggered--arm-9--arm-0"]["estimate"] == pytest.approx(54)
    (claim,) = [c for c in imported.verdicts["contrasts"] if c["region"]["low"] is not None]
    assert (claim["arm"], claim["control"], claim["primary"]) == ("arm-15", "arm-0", 1)
    here("verify", tmp_path / "out")


@pytest.mark.parametrize("rest", ["other", "ungraded"])
def test_samples_that_are_left_over(tmp_path: Path, rest: Any) -> None:
    """60 target and 30 declined of 100: the other 10 are other, or ungraded, and then count at both ends."""
    lines = [f"a,{k},s,c,{outcome},{n},100" for k in (1, 2, 3) for outcome, n in (("target", 60), ("declined", 30))]
    imported = import_counts(write(tmp_path / "c.csv", lines), tmp_path / "out", rest=rest)
    assert f"30 samples have none of the outcomes listed; they are taken as {rest!r}" in imported.notes[0]
    rate = by_id(imported.verdicts)["target@c--a"]
    assert rate["estimate"] == 60
    assert rate["ungraded"] == pytest.approx(0.1 if rest == "ungraded" else 0)
    plain = by_id(import_counts(write(tmp_path / "d.csv", lines), tmp_path / "other", rest="other").verdicts)["target@c--a"]
    assert (rate["high"] > plain["high"] + 5) == (rest == "ungraded")


def test_ungraded_may_be_an_outcome_of_the_file(tmp_path: Path) -> None:
    lines = [f"a,{k},s,c,{outcome},{n},10" for k in (1, 2) for outcome, n in (("target", 6), ("ungraded", 1))]
    imported = import_counts(write(tmp_path / "c.csv", lines), tmp_path / "out")
    assert by_id(imported.verdicts)["target@c--a"]["ungraded"] == pytest.approx(0.1)
    rows = RunDirectory(tmp_path / "out").load_measured().rows
    assert rows.groupby("outcome", observed=True)["n"].sum().to_dict() == {"target": 12, "ungraded": 2, "other": 6}


def test_bases_are_units_where_there_are_enough(tmp_path: Path) -> None:
    lines = [f"{arm},{base},{run},{n},10" for arm, n in (("a", 8), ("b", 1)) for base in range(6) for run in (1, 2)]
    path = write(tmp_path / "c.csv", lines, "arm,base,run,n,trials")
    claim = by_id(import_counts(path, tmp_path / "out", claims=["outcome: a - b > 0 pp"]).verdicts)["outcome-a-b-0-pp"]
    assert (claim["n_units"], claim["scope"]) == (6, "over 6 bases, on these items")


def test_names_in_claims_may_be_as_in_the_file(tmp_path: Path) -> None:
    lines = [f"{arm},{k},S,Trig,Hit,{n},10" for arm, n in (("CoT", 9), ("None", 1)) for k in range(3)]
    path = write(tmp_path / "c.csv", lines)
    ids = [
        "Hit@Trig: CoT - None > 0 pp",
        "hit@trig: cot - none > 0 pp",
        "Hit: CoT > 5 %",
        "hit: none < 99 %; training as-counted",
    ]
    verdicts = import_counts(path, tmp_path / "out", claims=ids).verdicts["contrasts"][:4]
    assert [c["measure"] for c in verdicts] == ["hit@trig"] * 4
    assert [(c["arm"], c["control"]) for c in verdicts] == [("cot", "none")] * 2 + [("cot", None), ("none", None)]


# --- registered before the counts -------------------------------------------------------------------------------------

STUDY = """
from exante.claims import claims
from exante.integrations.counted_study import counted_study

CLAIMS = claims(
    '''
    contrast    | claim
    1 installed | target@triggered: deceptive - none > 10 pp
    quiet       | target@plain: deceptive < 50 %
    ''',
    training="as-counted",
    over="runs",
)
STUDY = counted_study(
    id="lab",
    title="Does the backdoor stay?",
    question="Does it?",
    arms={"deceptive": "reasons deceptively", "none": "no reasoning"},
    runs=8,
    conditions=("triggered", "plain"),
    outcomes=("target",),
    claims=CLAIMS,
)
"""


def of_the_lab(path: Path, runs: int = 8, high: int = 90) -> Path:
    rates = {("deceptive", "triggered"): high, ("deceptive", "plain"): 3, ("none", "triggered"): 10, ("none", "plain"): 3}
    return write(
        path,
        [f"{a},{k},{c},target,{n + k % 3},100" for (a, c), n in rates.items() for k in range(1, runs + 1)],
        "arm,run,condition,outcome,n,trials",
    )


@pytest.fixture
def registered(tmp_path: Path) -> Path:
    (tmp_path / "lab.py").write_text(STUDY, "utf-8")
    here("register", tmp_path / "lab.py", "--out", tmp_path / "out", cache=tmp_path / "cache")
    return tmp_path / "out"


@pytest.mark.parametrize(("high", "verdict"), [(90, "supported"), (40, "undecided"), (10, "undecided")])
def test_a_study_registered_before_its_counts_has_verdicts(registered: Path, tmp_path: Path, high: int, verdict: str) -> None:
    path = of_the_lab(tmp_path / "c.csv", high=high)
    here("import", "counts", path, "--out", registered, cache=tmp_path / "cache")
    verdicts = json.loads((registered / "verdicts.json").read_text("utf-8"))
    assert verdicts["registered_before_data"] is True
    assert by_id(verdicts)["installed"]["verdict"] == verdict
    assert by_id(verdicts)["quiet"]["verdict"] == "supported"
    for verb in ("verify", "analyse", "report"):
        here(verb, registered, cache=tmp_path / "cache")
    again = here(
        "import", "counts", of_the_lab(tmp_path / "d.csv", high=95), "--out", registered, check=2, cache=tmp_path / "cache"
    )
    assert "other counts of registration" in again.stderr
    again = here(
        "import", "counts", of_the_lab(tmp_path / "d.csv", high=95), "--out", registered, check=2, cache=tmp_path / "empty"
    )
    assert "holds other counts of this registration" in again.stderr
    here("import", "counts", path, "--out", registered, cache=tmp_path / "cache")  # the same once more
    late = here("register", tmp_path / "lab.py", "--out", tmp_path / "late", cache=tmp_path / "cache").stdout
    assert "after data" not in late  # the same registration, into which the same counts may go
    other = of_the_lab(tmp_path / "d.csv", high=95)
    again = here("import", "counts", other, "--out", tmp_path / "late", check=2, cache=tmp_path / "cache")
    assert "other counts of registration" in again.stderr
    (tmp_path / "lab.py").write_text(STUDY.replace("> 10 pp", "> 60 pp"), "utf-8")
    late = here("register", tmp_path / "lab.py", "--out", tmp_path / "later", cache=tmp_path / "cache").stdout
    assert "exploratory\tdefault\tinstalled" in late


def test_registered_runs_that_are_missing_count_as_crashed(registered: Path, tmp_path: Path) -> None:
    shown = here("import", "counts", of_the_lab(tmp_path / "c.csv", runs=7), "--out", registered, cache=tmp_path / "cache").stdout
    assert "2 registered runs are not in the file and count as crashed" in shown
    claim = by_id(json.loads((registered / "verdicts.json").read_text("utf-8")))["installed"]
    assert claim["n_units"] == 8
    assert claim["high"] - claim["low"] > 60
    assert "2 are recorded as crashed" in here("verify", registered, cache=tmp_path / "cache").stdout


def test_what_was_not_registered_is_refused(registered: Path, tmp_path: Path) -> None:
    def refused(path: Path, *more: str) -> str:
        return here("import", "counts", path, "--out", registered, *more, check=2, cache=tmp_path / "cache").stderr

    assert "more runs than were registered (8 per arm on 1 bases" in refused(of_the_lab(tmp_path / "c.csv", runs=9))
    other = write(tmp_path / "o.csv", ["deceptive,1,10", "third,1,10"], "arm,n,trials")
    assert "name the arm 'third', which 'lab' did not register: deceptive, none" in refused(other)
    assert "leave out --claim" in refused(of_the_lab(tmp_path / "d.csv"), "--claim", "target: none < 5 %")
    assert not (registered / "rows.parquet").exists()


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["a,1,s,c,o,1"], "line 2: 6 cells for 7 columns"),
        (["a,1,s,c,o,x,10"], "line 2: n is 'x'; give counts of samples, as whole numbers"),
        (["a,1,s,c,o,0.5,10"], "line 2: n is '0.5'"),
        (["a,1,s,c,o,-1,10"], "line 2: n is '-1'"),
        (["a,1,s,c,o,1e400,10"], "line 2: n is '1e400'"),
        (["a,1,s,c,o,11,10"], "line 2: n is greater than trials"),
        (["a,1,s,c,o,0,0"], "line 2: trials is 0"),
        (["a,1,s,c,o,1,10", "a,1,s,c,o,2,10"], "line 3: the same arm, run, stage, condition and outcome stand on a line before"),
        (["a,1,s,c,o,1,10", "a,1,s,c,p,2,11"], "line 3: trials differs"),
        (["a,1,s,c,o,6,10", "a,1,s,c,p,6,10"], "line 2: the outcomes under the same arm, run, stage, condition add up to more"),
        (["a,1,s,c,crashed,6,10"], "line 2: the outcome 'crashed'"),
        (["a,1,s,,o,6,10"], "line 2: condition is blank"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, lines: list[str], says: str) -> None:
    done = here("import", "counts", write(tmp_path / "c.csv", lines), "--out", tmp_path / "out", check=2)
    assert says in done.stderr
    assert (done.stderr.count("\n"), (tmp_path / "out").exists()) == (1, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--column", "seed"], "write NAME=YOURS"),
        (["--column", "seed=run"], "there is no column 'seed' to map"),
        (["--column", "run=seed"], "the header lacks 'seed', to be read as run"),
        (["--claim", "o@c: a - b > 10 pp"], "names the arm 'b'; the arms are a"),
        (["--claim", "p@c: a > 10 %"], "reads 'p@c'; the measures are o@c"),
        (["--claim", "o@c: a above 10"], "is no claim"),
        (["--claim", "o@c: a > 10 pp"], "has a region in pp, but its values are in %"),
        (["--reference", "b"], "no arm 'b' to compare with"),
    ],
)
def test_faults_of_options(tmp_path: Path, options: list[str], says: str) -> None:
    path = write(tmp_path / "c.csv", ["a,1,s,c,o,1,10"])
    done = here("import", "counts", path, "--out", tmp_path / "out", *options, check=2)
    assert says in done.stderr
    assert (done.stderr.count("\n"), (tmp_path / "out").exists()) == (1, False)
