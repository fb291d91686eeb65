"""What comes in at the doors: streams, options, foreign files. Every one of them works or is refused in one sentence."""

from __future__ import annotations

import copy
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import command
import pandas as pd
import pytest
from command import QUICK, TINY, here, refused
from gate_run import write
from hypothesis import given
from hypothesis import strategies as st
from synthetic_run import write_synthetic_run

from exante import studies
from exante.analysis.shape import fault
from exante.errors import UserError
from exante.evidence import criteria, objections
from exante.evidence.runs import verdicts_by_run
from exante.report import figures
from exante.report.drawing import drawable
from exante.report.load import load_run
from exante.report.page import context
from exante.storage import files
from exante.storage.directory import RunDirectory

# --- streams -------------------------------------------------------------------------------------------------------------


def shell(line: str, cache: Path, **variables: object) -> subprocess.CompletedProcess[str]:
    """A line of bash in which $EXANTE is the command; the exit code is that of its pipe's first command."""
    names = {name: str(value) for name, value in variables.items()}
    environment = command.environment(cache) | {"EXANTE": f"{sys.executable} -m exante"} | names
    environment.pop("PYTHONUNBUFFERED")
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
@pytest.mark.parametrize("line", ["$EXANTE list", "$EXANTE objections --json", "$EXANTE --help", "$EXANTE report $RUN/no-–-such"])
def test_an_encoding_that_lacks_characters_ends_no_command(tiny_run, encoding, line):
    done = shell(line, tiny_run.cache, PYTHONIOENCODING=encoding, RUN=tiny_run.run)
    assert done.returncode == (2 if "such" in line else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or "no-\\u2013-such" in done.stderr.replace("\\\\", "\\")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_as_good_as_the_null_device(tiny_run, copied_run, closed):
    """Were it left closed, the next file that is opened would get its number, and what is printed would go in there."""
    (copied_run / "verdicts.json").unlink()
    done = shell(f"$EXANTE analyse $RUN {closed}", tiny_run.cache, RUN=copied_run)
    assert (done.returncode, done.stderr) == (0, "")
    assert (copied_run / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()
    assert shell(f"$EXANTE analyse $RUN/absent {closed}", tiny_run.cache, RUN=copied_run).returncode == 2


def test_output_that_cannot_be_written_is_said_and_the_work_is_kept(tiny_run, copied_run):
    (copied_run / "verdicts.json").unlink()
    done = shell("$EXANTE analyse $RUN >/dev/full", tiny_run.cache, RUN=copied_run)
    said = "could not be written (No space left on device); what it wrote into files is complete\n"
    assert (done.returncode, done.stderr) == (1, f"exante: what this command printed {said}")
    assert (copied_run / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()
    assert shell("$EXANTE analyse $RUN 2>/dev/full", tiny_run.cache, RUN=copied_run).returncode == 0
    assert shell("$EXANTE analyse $RUN/absent >/dev/full 2>&1", tiny_run.cache, RUN=copied_run).returncode == 2


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&1 | head -0", ">&- 2>&-"])
def test_a_run_that_nobody_hears_finishes_and_saves_its_results(tiny_run, tmp_path, streams):
    """The base and one arm are trained again, so that progress is told while phases are running."""
    cache = tmp_path / "cache"
    shutil.copytree(tiny_run.cache, cache)
    for phase in sorted(cache.glob("phases/*/*/done.json"))[:4]:
        shutil.rmtree(phase.parent)
    line = f"$EXANTE run $STUDY --preset quick --workers 1 --out $OUT {streams}; exit ${{PIPESTATUS[0]}}"
    done = shell(line, cache, STUDY=TINY, OUT=tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "run" / "verdicts.json").read_bytes() == (tiny_run.run / "verdicts.json").read_bytes()
    assert (tmp_path / "run" / "report.html").exists()


def test_a_study_that_prints_trains_where_nobody_reads(tmp_path):
    """What its parts print in a worker goes into the same broken pipe."""
    study, begin = tmp_path / "study.py", '    """Safety data: no cue, the right word, no scratchpad."""\n'
    assert begin in TINY.read_text("utf-8")
    study.write_text(TINY.read_text("utf-8").replace(begin, f'{begin}    print("x" * 100_000, flush=True)\n'), "utf-8")
    line = "$EXANTE run $STUDY --preset quick --workers 2 --out $OUT | head -0; exit ${PIPESTATUS[0]}"
    done = shell(line, tmp_path / "cache", STUDY=study, OUT=tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "run").glob("logs/*"))
    assert json.loads((tmp_path / "run" / "verdicts.json").read_text("utf-8"))["study"] == "tiny"


# --- options -------------------------------------------------------------------------------------------------------------

ASK = ("--arm", "with", "--prompt", "hi")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sample", "RUN", *ASK, "--seed", "-5"], "--seed"),
        (["sample", "RUN", *ASK, "--seed", 2**32], "--seed"),
        (["sample", "RUN", *ASK, "-n", "1000000000"], "-n"),
        (["sample", "RUN", *ASK, "-n", "0"], "-n"),
        (["sample", "RUN", *ASK, "--temperature", "inf"], "--temperature"),
        (["sample", "RUN", *ASK, "--temperature", "nan"], "--temperature"),
        (["sample", "RUN", *ASK, "--temperature", "-1"], "--temperature"),
        (["sample", "RUN", *ASK, "--think", "x", "--no-think"], "give one of them"),
        (["sample", "RUN", "--arm", "with", "--prompt", " "], "--prompt is empty"),
        (["sample", "RUN", "--arm", "with", "--prompt", "\udcff"], "no text in this terminal's encoding"),
        (["sample", "", *ASK], "a path is empty"),
        (["run", TINY, "--out", ""], "a path is empty"),
        (["run", TINY, *QUICK, "OUT", "--workers", "1000000"], "--workers"),
        (["run", TINY, *QUICK, "OUT", "--seeds", "100000000"], "--seeds"),
        (["plan", TINY, "--preset", "quick", "--seeds", "100000000"], "--seeds takes numbers up to 10000"),
        (["plan", TINY, "--preset", "quick\udc80"], "no text in this terminal's encoding"),
        (["analyse", ""], "a path is empty"),
        (["report", ""], "a path is empty"),
        (["verify", ""], "a path is empty"),
        (["objections", "--runs", ""], "a path is empty"),
        (["criteria", ""], "a path is empty"),
        (["import", "faking-labels", "", "--out", "OUT"], "a path is empty"),
        (["show-world", "chat", "-n", "1000000000"], "-n"),
        (["show-world", "chat", "--seed", "-1"], "--seed"),
        (["cache", "--bases"], "--bases says what --prune deletes"),
    ],
)
def test_what_an_option_cannot_mean_is_refused_before_anything_is_done(tiny_run, tmp_path, arguments, says):
    places = {"RUN": tiny_run.run, "OUT": tmp_path / "out"}
    assert says in refused(*[places.get(a, a) if isinstance(a, str) else a for a in arguments], cache=tiny_run.cache)
    assert not (tmp_path / "out").exists()


# --- the report: texts ---------------------------------------------------------------------------------------------------

NONE_IN_XML = "".join(map(chr, [0, 1, 7, 8, 11, 12, 27, 31, 0xFFFE, 0xFFFF]))
ODD = "".join(map(chr, [10, 13, 127, 133, 0xAD, 0x200B, 0x202E, 0x2028, 0x2029, 0xD800, 0xDFFF]))


LONG = "{{ 1 }}</svg>'\"\\" + "x" * 200_000


@pytest.mark.parametrize("text", [NONE_IN_XML, ODD, LONG], ids=["XML", "odd", "long"])
def test_no_text_crashes_the_page_or_its_figures(tmp_path, text):
    """Titles of a registration, words of verdicts, panels of series, and transcripts."""
    program = Path(__file__).with_name("strange_run.py")
    line = [sys.executable, str(program), str(tmp_path)]
    done = subprocess.run(line, input=json.dumps(text), capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<img ") > 5
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", page)


@given(st.text(max_size=60), st.text(max_size=60))
def test_texts_of_a_figure_stay_apart_and_hold_nothing_that_xml_has_not(one, other):
    drawn = drawable({"title": one, "data": [one, other, one + "x" * 1000], "labelExpr": "split(datum.label, '\\n')"})
    assert drawn["labelExpr"] == "split(datum.label, '\\n')"
    assert (drawn["data"][0] == drawn["data"][1]) == (one == other)
    assert not {"\n", "\\"} & set(drawn["title"])
    assert len(drawn["data"][2]) < 500
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]", "".join([drawn["title"], *drawn["data"]]))


# --- the report: files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a page shows is put together but for its figures, which take seconds."""
    for name in ("forest", "trajectory", "levels", "runs", "curves"):
        monkeypatch.setattr(figures, name, lambda *_: None)
    monkeypatch.setattr("exante.report.cells.data_uri", lambda _: "")


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in JSON data; of a list the first, and the last that has other keys."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, held in value.items():
            yield from leaves(held, (*place, key))
    elif isinstance(value, list):
        for number in sorted({0, len(value) - 1} if value else ()):
            yield from leaves(value[number], (*place, number))


def replaced(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(data)
    held = data
    for key in place[:-1]:
        held = held[key]
    if value is Ellipsis:
        del held[place[-1]]
    else:
        held[place[-1]] = value
    return data


WRONG = ("x", -1.5, float("nan"), float("inf"), True, None, [], [1], {}, {"x": 1}, 10**400, ...)


def damaged(path: Path) -> Iterator[None]:
    """The JSON file with every one of its values in turn replaced by three of other kinds, or left out."""
    whole = json.loads(path.read_text("utf-8"))
    for number, place in enumerate(leaves(whole)):
        for value in WRONG[number % 4 :: 4]:
            path.write_text(json.dumps(replaced(whole, place, value)), "utf-8")
            listed(path)
            yield


def listed(path: Path, run: Path | None = None) -> None:
    """Put a file's hash into its run's manifest, as one who edits both does: what the file holds is looked at then."""
    if path.is_file():
        RunDirectory(run or path.parent).record([path])


def refusals(path: Path, *verbs: Callable[[], Any]) -> int:
    """How often one of the verbs refused the damaged file, each time in one sentence with its name."""
    count = 0
    for _ in damaged(path):
        for said in filter(None, map(refusal, verbs)):
            count += 1
            assert path.name in said or "these runs" in said
            assert "\n" not in said
    return count


def refusal(verb: Callable[[], Any]) -> str:
    """The sentence with which a verb refuses its input, "" if it does not."""
    try:
        verb()
    except UserError as error:
        return str(error)
    return ""


def test_any_wrong_value_in_verdicts_is_refused_or_shown(tmp_path, undrawn):
    directory = write_synthetic_run(tmp_path, curves=False)
    assert refusals(directory / "verdicts.json", lambda: context(load_run(directory))) > 200


def test_any_wrong_value_in_verdicts_with_criteria_is_refused_or_judged(tmp_path, undrawn):
    write(tmp_path / "run", {"deliberative": {"far-ood": "met"}})
    asked = [studies.load("scheming-hard-case")]
    verbs = (
        lambda: criteria.lines(criteria.table([tmp_path])),
        lambda: objections.lines(objections.ledger(asked, verdicts_by_run(tmp_path))),
        lambda: context(load_run(tmp_path / "run")),
    )
    path = tmp_path / "run" / "verdicts.json"
    held = json.loads(path.read_text("utf-8"))
    held["gates"], held["match_table"] = held["gates"][:1], held["match_table"][:1]
    path.write_text(json.dumps(held), "utf-8")
    assert refusals(path, *verbs) > 200


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("verdict", "proven", r"contrasts\[0\]\.verdict = 'proven', not one of supported"),
        ("estimate", float("nan"), r"contrasts\[0\]\.estimate = nan, not a number"),
        ("estimate", "x", r"contrasts\[0\]\.estimate = 'x', not a number"),
        ("unit", "furlongs", r"contrasts\[0\]\.unit = 'furlongs', not one of %"),
        ("low", 1e6, r"contrasts\[0\]\.low = 1000000\.0 above contrasts\[0\]\.high"),
        ("ungraded", 1.5, r"contrasts\[0\]\.ungraded = 1\.5, not a number from 0 to 1"),
        ("region", {"low": 5.0, "high": 1.0, "unit": "pp"}, r"contrasts\[0\]\.region\.low = 5\.0 above"),
        ("n_units", 2.5, r"contrasts\[0\]\.n_units = 2\.5, not a whole number"),
    ],
)
def test_what_verdicts_cannot_hold_is_named_by_its_key(tmp_path, key, value, says):
    write_synthetic_run(tmp_path, curves=False)
    path = tmp_path / "verdicts.json"
    held = json.loads(path.read_text("utf-8"))
    held["contrasts"][0][key] = value
    path.write_text(json.dumps(held), "utf-8")
    listed(path)
    assert re.search(says, refused("report", tmp_path))
    assert re.search(says, refused("objections", "--runs", tmp_path))
    assert not (tmp_path / "report.html").exists()


def test_the_verdicts_of_every_shipped_page_are_well_formed():
    pages = sorted((Path(__file__).parents[1] / "docs" / "results").glob("*/verdicts.json"))
    assert len(pages) > 10
    assert {path.parent.name: fault(json.loads(path.read_text("utf-8"))) for path in pages} == {
        p.parent.name: None for p in pages
    }


@pytest.mark.parametrize("column", ["figure", "panel", "arm", "model", "base", "seed", "step", "value", "low", "unit"])
@pytest.mark.parametrize("value", ["x", None, float("inf"), 7, True, b"\xff", [1]], ids=repr)
def test_any_wrong_column_of_the_series_is_refused_or_shown(tmp_path, undrawn, column, value):
    write_synthetic_run(tmp_path)
    path = tmp_path / "series.parquet"
    table = pd.read_parquet(path)
    table = table.groupby("figure").head(60).reset_index(drop=True)
    table.assign(**{column: pd.Series([value] * len(table))}).to_parquet(path)
    listed(path)
    said = refusal(lambda: context(load_run(tmp_path)))
    as_text = isinstance(value, str) and column in ("figure", "panel", "model", "base")
    as_number = (value is None or type(value) is int) and column in ("seed", "step", "value", "low")
    if said:
        assert said.startswith(str(path))
        assert "exante analyse" in said
    else:
        assert as_text or as_number


@pytest.mark.parametrize(
    "name",
    [
        "registration.json",
        "verdicts.json",
        "series.parquet",
        "phases.parquet",
        "rows.parquet",
        "plan.json",
        "timings.json",
        "report.html",
    ],
)
def test_a_directory_in_the_place_of_a_file_is_one_sentence(copied_run, name):
    (copied_run / name).unlink()
    (copied_run / name / "within").mkdir(parents=True)
    assert name in refused("report", copied_run)
    if name not in ("report.html", "timings.json", "series.parquet"):
        assert name in refused("verify", copied_run)
        assert name in refused("criteria", copied_run) or name != "verdicts.json"
    assert (copied_run / name / "within").is_dir()


def test_transcripts_of_another_kind_are_one_sentence(copied_run):
    first, *_ = sorted((copied_run / "transcripts").glob("*.jsonl"))
    whole = first.read_text("utf-8")
    first.unlink()
    first.mkdir()
    assert first.name in refused("report", copied_run)
    first.rmdir()
    for line in ("[" * 100_000, '{"spans": [{"text": 5}]}', '{"spans": [], "checkpoint": []}', '{"spans": [], "arm": {}}'):
        first.write_text(whole + line + "\n", "utf-8")
        listed(first, copied_run)
        assert f"{first.name} " in refused("report", copied_run)
    first.write_text(
        whole + '{"spans": [], "checkpoint": "safety@²"}\n{"spans": [], "checkpoint": "safety@' + "9" * 5000 + '"}\n'
    )
    listed(first, copied_run)
    here("report", copied_run)
    (copied_run / "transcripts" / "training").mkdir(exist_ok=True)
    (copied_run / "transcripts" / "training" / "with.jsonl").mkdir()
    assert "with.jsonl" in refused("analyse", copied_run)
    shutil.rmtree(copied_run / "transcripts")
    (copied_run / "transcripts").write_text("")
    assert "is missing" in refused("report", copied_run)


@pytest.mark.parametrize("seconds", ["x", float("nan"), float("inf"), -1, 1e300, True, [1]])
def test_times_that_are_none_are_one_sentence(copied_run, seconds):
    (copied_run / "timings.json").write_text(json.dumps({"runs": [{"started": seconds}]}))
    assert "timings.json holds " in refused("report", copied_run)
    (copied_run / "timings.json").write_text(json.dumps({"compute_seconds": seconds}))
    assert "timings.json holds " in refused("report", copied_run)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EIO])
def test_a_file_system_that_takes_no_file_is_one_sentence(copied_run, monkeypatch, code):
    before = b"an older page"
    (copied_run / "report.html").write_bytes(before)

    def refuse(*names: object) -> None:
        raise OSError(code, os.strerror(code), *names)

    monkeypatch.setattr(files.os, "replace", refuse)
    assert f"report.html cannot be written ({os.strerror(code)})" in refused("report", copied_run)
    assert (copied_run / "report.html").read_bytes() == before
    assert not list(copied_run.glob(".*.tmp"))


def test_a_read_only_mount_is_one_sentence(tiny_run, copied_run):
    """A bind mount in a mount namespace of its own; where that is not permitted the test above stands for it."""
    (copied_run / "report.html").write_text("an older page")
    mounted = 'mount --bind "$RUN" "$RUN" && mount -o remount,ro,bind "$RUN" || exit 77'
    line = f"{mounted}; $EXANTE report $RUN; echo $?; $EXANTE analyse $RUN; echo $?"
    done = shell(f"unshare --mount bash -c '{line}'", tiny_run.cache, RUN=copied_run)
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("mounting is not permitted here")
    assert done.stdout.split() == ["2", "2"], done.stderr
    assert done.stderr.count("Read-only file system") == 2
    assert done.stderr.count("\n") == 2
