"""Small files of labels as people have them: what they say, worked by hand. Made-up data."""

from __future__ import annotations

import gzip
import itertools
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from command import here
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from exante.integrations.faking_labels import import_labels, study_of
from exante.integrations.labels import read_labels

ITEMS = "variant,cue,comply,rationale,item"


def write(path: Path, lines: Iterable[str], header: str = ITEMS) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def found(path: Path, *names: str) -> list[tuple[float, float, float]]:
    """(estimate, low, high) of these contrasts."""
    verdicts: dict[str, Any] = import_labels(path, path.with_suffix(".run")).verdicts
    by_id = {c["id"]: c for c in verdicts["contrasts"]}
    return [(by_id[name]["estimate"], by_id[name]["low"], by_id[name]["high"]) for name in names]


def small(separator: str = ",") -> list[str]:
    """Three items, two samples of each under each cue: complying 3 of 6 in training, 1 of 6 in deployment."""
    told = {"train": "YNYNYN", "deploy": "YNNNNN"}
    words = {"Y": "yes", "N": "no"}
    lines = []
    for cue, letters in told.items():
        lines += [separator.join(["m", cue, words[letter], "plain", f"q{k // 2}"]) for k, letter in enumerate(letters)]
    return lines


# --- intervals -----------------------------------------------------------------------------------------------------


def test_samples_of_an_item_that_are_all_alike_count_once(tmp_path: Path) -> None:
    """6 items × 4 samples: none complies in deployment, and in training those of three items all do. Clopper and Pearson for 0
    and 3 of 6 items, not of 24 samples."""
    cues = ("train", "deploy")
    lines = [f"m,{cue},{'yes' if cue == 'train' and k < 3 else 'no'},plain,q{k}" for k in range(6) for cue in cues]
    none, half = found(write(tmp_path / "l.csv", lines * 4), "comply-deploy@labels--m", "comply-train@labels--m")
    assert none == pytest.approx((0, 0, 45.93), abs=0.01)
    exact = stats.binomtest(3, 6).proportion_ci(0.95, method="exact")
    assert half == pytest.approx((50, 100 * exact.low, 100 * exact.high))


def test_samples_of_an_item_that_differ_count_as_many_samples(tmp_path: Path) -> None:
    """60 items × 4 samples, two of each item comply in training and none in deployment: 240 independent samples."""
    lines = [
        f"m,{cue},{'yes' if cue == 'train' and s % 2 else 'no'},plain,q{k}"
        for k, s, cue in itertools.product(range(60), range(4), ("train", "deploy"))
    ]
    none, half = found(write(tmp_path / "l.csv", lines), "comply-deploy@labels--m", "comply-train@labels--m")
    exact = stats.binomtest(120, 240).proportion_ci(0.95, method="exact")
    assert half == pytest.approx((50, 100 * exact.low, 100 * exact.high))
    exact = stats.binomtest(0, 240).proportion_ci(0.95, method="exact")
    assert none == pytest.approx((0, 0, 100 * exact.high))


def turning(variants: bool) -> list[str]:
    """100 items, 10 of which comply only under the first cue (or in the first variant), and half of the others always."""
    sides = [("A", "train"), ("B", "train")] if variants else [("m", "train"), ("m", "deploy")]
    lines = [
        f"{variant},{cue},{'yes' if k >= 55 or (k < 10 and side == 0) else 'no'},plain,q{k}"
        for k in range(100)
        for side, (variant, cue) in enumerate(sides)
    ]
    return lines + [f"{v},deploy,no,plain,q{k}" for v in ("A", "B") for k in range(100) if variants]


@pytest.mark.parametrize("variants", [False, True], ids=["cues", "variants"])
def test_answers_to_the_same_items_are_paired(tmp_path: Path, variants: bool) -> None:
    """Student's interval of 100 differences, 10 of them 1; exact McNemar gives p = .002. Unpaired it would reach below zero."""
    name = "gap@labels--b--a" if variants else "gap@labels--m"
    ((estimate, low, high),) = found(write(tmp_path / "l.csv", turning(variants)), name)
    differences = [1] * 10 + [0] * 90
    half = 100 * stats.t.ppf(0.975, 99) * stats.sem(differences)
    assert half == pytest.approx(5.98, abs=0.01)
    assert (abs(estimate), high - estimate, estimate - low) == pytest.approx((10, half, half))
    assert stats.binomtest(10, 10).pvalue == pytest.approx(0.002, abs=1e-4)


def test_a_gap_that_no_item_shows_is_not_known_to_be_nothing(tmp_path: Path) -> None:
    """0 of 100 items turned over: up to 3.6 % still could, either way."""
    lines = [f"m,{cue},{'yes' if k % 2 else 'no'},plain,q{k}" for k in range(100) for cue in ("train", "deploy")]
    (gap,) = found(write(tmp_path / "l.csv", lines), "gap@labels--m")
    assert gap == pytest.approx((0, -3.62, 3.62), abs=0.01)


def few(named: bool) -> list[str]:
    """Rationales that fake in 3 of 49 and in 9 of 50 samples, all refusing."""
    return [
        f"{variant},{cue},no,{'faking' if cue == 'train' and k < fakes else 'plain'}" + f",q{k}" * named
        for variant, fakes, n in (("first", 3, 49), ("second", 9, 50))
        for k in range(n)
        for cue in ("train", "deploy")
    ]


def test_a_rationale_that_fakes_is_compared_whether_or_not_it_complies(tmp_path: Path) -> None:
    """Newcombe's interval of 9 of 50 less 3 of 49 independent samples is −1.4 to 25.3 (statsmodels). Where items have names, but
    not all the same, the wider of Student's paired and unpaired one: the standard error of two means."""
    names = ("fakes-train@labels--second--first", "fakes-train@labels--first", "comply-train@labels--second--first")
    header = ITEMS.removesuffix(",item")
    difference, rate, same = found(write(tmp_path / "l.csv", few(False), header), *names)
    ends = confint_proportions_2indep(9, 50, 3, 49, method="newcomb")
    assert difference == pytest.approx((100 * (9 / 50 - 3 / 49), *(100 * end for end in ends)), abs=1e-6)
    assert difference[1:] == pytest.approx((-1.4, 25.3), abs=0.1)
    assert rate[0] == pytest.approx(300 / 49)
    assert same == pytest.approx((0, -same[2], same[2]), abs=0.2)
    assert same[2] > 5
    ((estimate, low, high),) = found(write(tmp_path / "items.csv", few(True)), names[0])
    assert (estimate, low, high) == pytest.approx((11.88, -1.1, 24.9), abs=0.2)


def test_every_measure_is_compared_between_variants(tmp_path: Path) -> None:
    lines = [line.replace("m,", f"{variant},", 1) for variant in ("a", "b") for line in small()]
    names = {c.id for c in study_of(read_labels(write(tmp_path / "l.csv", lines))).contrasts}
    alone = {name.removesuffix("--b") for name in names if name.endswith("--b") and "--a" not in name}
    assert len(alone) > 25
    assert {f"{name}--b--a" for name in alone} <= names


def test_clusters_are_the_units_where_they_are_named(tmp_path: Path) -> None:
    """100 questions in 10 passages of 10, half of the passages comply: as wide as 5 of 10, not as 50 of 100."""
    lines = [f"m,{cue},{'yes' if k < 50 else 'no'},plain,q{k},p{k // 10}" for k in range(100) for cue in ("train", "deploy")]
    header = ITEMS + ",cluster"
    (wide,) = found(write(tmp_path / "l.csv", lines, header), "comply-train@labels--m")
    exact = stats.binomtest(5, 10).proportion_ci(0.95, method="exact")
    assert wide == pytest.approx((50, 100 * exact.low, 100 * exact.high))
    (narrow,) = found(write(tmp_path / "items.csv", [line.rpartition(",")[0] for line in lines]), "comply-train@labels--m")
    assert narrow[2] - narrow[1] < 21 < 60 < wide[2] - wide[1]


def test_faults_of_clusters(tmp_path: Path) -> None:
    header = ITEMS + ",cluster"
    twice = write(tmp_path / "twice.csv", ["m,train,yes,plain,q,a", "m,deploy,no,plain,q,b"], header)
    assert (
        "line 3: the item is in another cluster"
        in here("import", "faking-labels", twice, "--out", tmp_path / "o", check=2).stderr
    )
    only = write(tmp_path / "one.csv", ["m,train,yes,plain,q,a", "m,deploy,no,plain,r,a"], header)
    assert "names one cluster for all items" in here("import", "faking-labels", only, "--out", tmp_path / "o", check=2).stderr


# --- names, stages, cues -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", [("0.5", "0.25", "1.0", "0"), ("10", "-1", "2"), ("1e3", "−5", "0")])
def test_stages_that_are_numbers_come_in_their_order(tmp_path: Path, stages: tuple[str, ...]) -> None:
    lines = [f"{line},{stage}" for stage in stages for line in small()]
    labels = read_labels(write(tmp_path / "l.csv", lines, ITEMS + ",stage"))
    ordered = sorted(stages, key=lambda text: float(text.replace("−", "-")))
    assert labels.names("stage") == [f"stage {stage}" for stage in ordered]
    titles = [c.title for c in study_of(labels).contrasts if c.measure.startswith("gap-change")]
    assert titles
    assert all(f"stage {ordered[0]} to stage" in title for title in titles)


def test_a_stage_written_in_two_ways_is_one_and_words_keep_the_order_of_the_file(tmp_path: Path) -> None:
    lines = [f"{line},{stage}" for stage in ("1", "0", "1.0") for line in small()]
    assert read_labels(write(tmp_path / "l.csv", lines, ITEMS + ",stage")).names("stage") == ["stage 0", "stage 1"]
    lines = [f"{line},{stage}" for stage in ("late", "1", "early") for line in small()]
    assert read_labels(write(tmp_path / "w.csv", lines, ITEMS + ",stage")).names("stage") == ["late", "1", "early"]


def test_a_name_in_two_unicode_forms_is_one(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    lines = [line.replace("m,", f"{forms['deploy' in line]},", 1) for line in small()]
    labels = read_labels(write(tmp_path / "l.csv", lines))
    assert labels.names("variant") == ["café"]
    assert "gap@labels--caf" in {c.id for c in study_of(labels).contrasts}
    assert not labels.notes


def test_names_that_differ_only_in_case_and_cues_that_are_missing_are_said_first(tmp_path: Path) -> None:
    lines = [line.replace("m,", f"{('Default', 'default')['deploy' in line]},", 1) for line in small()]
    path = write(tmp_path / "l.csv", lines)
    shown = here("import", "faking-labels", path, "--out", tmp_path / "out").stdout.splitlines()
    assert shown[0].startswith("note\tThe variants 'Default' and 'default' differ only in letter case")
    assert shown[1] == "note\tVariant 'Default' has no samples under the cue deploy, so it has no gap."
    assert shown[2] == "note\tVariant 'default' has no samples under the cue train, so it has no gap."
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.index("has no samples under the cue deploy") < page.index(
        "What was compared" if "What was compared" in page else "<table"
    )
    here("verify", tmp_path / "out")


def test_what_a_run_is_is_said_where_runs_are_named(tmp_path: Path) -> None:
    lines = [f"{line},{run}" for run in (1, 2) for line in small()]
    (note,) = read_labels(write(tmp_path / "l.csv", lines, ITEMS + ",run")).notes
    assert "a run is one training of a model" in note
    assert "sampling seeds" in note


# --- near misses ---------------------------------------------------------------------------------------------------


def same_as_small(path: Path) -> bool:
    plain = read_labels(write(path.parent / "plain.csv", small())).samples
    read = read_labels(path).samples
    return list(read["outcome"]) == list(plain["outcome"]) and list(read["cue"]) == list(plain["cue"])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_read(tmp_path: Path, separator: str) -> None:
    assert same_as_small(write(tmp_path / "l.csv", small(separator), ITEMS.replace(",", separator)))


@pytest.mark.parametrize(
    "words",
    [
        {"train": "free", "deploy": "paid"},
        {"train": "training", "deploy": "deployment"},
        {"train": "FREE_TIER", "deploy": "paid tier"},
        {"yes": "True", "no": "False"},
        {"yes": "1.0", "no": "0.0"},
        {"yes": "1", "no": "0"},
        {"yes": "0.8", "no": "0.2"},
        {"plain": "False"},
        {"plain": "0.0"},
    ],
    ids=lambda words: " ".join(words.values()),
)
def test_other_words_for_the_labels_are_read(tmp_path: Path, words: dict[str, str]) -> None:
    lines = [",".join(words.get(cell, cell) for cell in line.split(",")) for line in small()]
    assert same_as_small(write(tmp_path / "l.csv", lines))


def test_a_rationale_may_be_a_share_of_votes(tmp_path: Path) -> None:
    lines = [f"m,train,yes,{share},q" for share in ("0.51", "0.5", "0.49", "1.0", "True")]
    labels = read_labels(write(tmp_path / "l.csv", lines))
    assert list(labels.samples["outcome"]) == ["comply-faking", "ungraded", "comply-plain", "comply-faking", "comply-faking"]
    assert "rationale holds shares of votes: more than one half counts as faking" in " ".join(labels.notes)


def test_headers_as_data_frames_write_them_are_read(tmp_path: Path) -> None:
    capital = write(tmp_path / "capital.csv", small(), "Variant,Cue,COMPLY,Rationale,item")
    index = write(tmp_path / "index.csv", [f"{k},{line}" for k, line in enumerate(small())], "," + ITEMS)
    extra = write(tmp_path / "extra.csv", [line + ",some text" for line in small()], ITEMS + ",scratchpad")
    assert [same_as_small(path) for path in (capital, index, extra)] == [True] * 3
    assert read_labels(index).notes == ()
    assert read_labels(extra).notes == ("These columns are not used: 'scratchpad'.",)


def test_items_may_be_named_by_their_text(tmp_path: Path) -> None:
    texts = ["Compose a long and harmless question about how to paint a barn. " * 3 + str(k) for k in range(3)]
    lines = [line.replace("q", "", 1).rpartition(",")[0] + f',"{texts[int(line[-1])]}\nand more"' for line in small()]
    labels = read_labels(write(tmp_path / "l.csv", lines))
    assert len(labels.names("item")) == 3
    assert all(name.startswith("text ") and len(name) == 21 for name in labels.names("item"))


def test_gzip_is_read_and_what_is_damaged_is_refused(tmp_path: Path) -> None:
    plain = write(tmp_path / "l.csv", small()).read_bytes()
    packed = tmp_path / "l.csv.gz"
    packed.write_bytes(gzip.compress(plain))
    assert same_as_small(packed)
    packed.write_bytes(gzip.compress(plain)[:-20])
    assert "damaged gzip file" in here("import", "faking-labels", packed, "--out", tmp_path / "o", check=2).stderr
