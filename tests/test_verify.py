"""verify: a whole run passes; damage, omission and inconsistency are named, also where the manifest was made to fit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from command import QUICK, TINY, Finished, here, refused

from exante.storage.directory import RunDirectory
from exante.storage.files import write_json
from exante.storage.table_files import write_table
from exante.storage.tables import JOINED_ROWS

Spoil = Callable[[Path], None]


def verdict_bytes(directory: Path) -> bytes:
    return (directory / "verdicts.json").read_bytes()


def edit(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Spoil:
    """Change a table and write it as exante does."""

    def spoil(directory: Path) -> None:
        write_table(directory / name, change(pd.read_parquet(directory / name)))

    return spoil


def edit_json(name: str, change: Callable[[dict], object]) -> Spoil:
    def spoil(directory: Path) -> None:
        value = json.loads((directory / name).read_text("utf-8"))
        change(value)
        write_json(directory / name, value)

    return spoil


def forged(directory: Path, spoil: Spoil) -> None:
    """Spoil a run and put the new hashes into its manifest."""
    spoil(directory)
    files = RunDirectory(directory)
    listed = json.loads((directory / "manifest.json").read_text("utf-8"))["files"]
    there = [directory / name for name in listed if (directory / name).exists()]
    old = {name: entry["made_from"] for name, entry in listed.items()}
    for path in there:
        files.record([path], old[path.relative_to(directory).as_posix()])


def test_a_whole_run_passes_and_the_sentence_says_what_was_checked(tiny_run: Finished) -> None:
    said = here("verify", tiny_run.run).stdout
    assert "registration intact; all rows of 6 runs are there; verdicts follow from them" in said


@pytest.mark.parametrize(
    "name",
    [
        "verdicts.json",
        "series.parquet",
        "report.html",
        "cells.parquet",
        "rows.parquet",
        "phases.parquet",
        "plan.json",
        "timings.json",
    ],
)
def test_a_changed_byte_in_any_file_is_named(copied_run: Path, name: str) -> None:
    path = copied_run / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert f"{name} was changed after exante wrote it" in refused("verify", copied_run)


def test_changed_missing_and_additional_transcripts_are_named(copied_run: Path) -> None:
    path = next((copied_run / "transcripts").glob("*.jsonl"))
    text = path.read_text("utf-8")
    path.write_text(text.replace("boo", "foo", 1) + " ", "utf-8")
    for verb in ("verify", "report"):
        assert f"{path.name} was changed" in refused(verb, copied_run)
    path.unlink()
    assert f"{path.name} is missing" in refused("verify", copied_run)
    path.write_text(text, "utf-8")
    (copied_run / "transcripts" / "more.jsonl").write_text(text, "utf-8")
    assert "more.jsonl was not written by exante" in refused("verify", copied_run)


def only_every_third(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[::3]


def without_one_cell(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[cells["cell"] != cells["cell"].iloc[0]]


def renamed_cell(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.assign(cell=cells["cell"].replace(cells["cell"].iloc[0], "x"))


def swapped_nodes(cells: pd.DataFrame) -> pd.DataFrame:
    """The safety phases of two arms exchanged: each arm's rows would stand for the other's."""
    safety = cells[cells["phase"] == "safety"]
    one, other = (safety[safety["arm"] == arm]["node"].iloc[0] for arm in ("with", "without"))
    return cells.assign(node=cells["node"].replace({one: other, other: one}))


FORGERIES: dict[str, tuple[Spoil, str]] = {
    "every third row kept": (edit("rows.parquet", only_every_third), "rows.parquet"),
    "no rows": (edit("rows.parquet", lambda rows: rows.iloc[:0]), "rows.parquet lacks"),
    "an item left out": (edit("rows.parquet", lambda rows: rows[rows["item"] != "triggered-1"]), "lacks 1 of 4 items"),
    "an item added": (
        edit("rows.parquet", lambda rows: pd.concat([rows, rows[rows["item"] == "triggered-1"].assign(item="x")])),
        "were not registered",
    ),
    "an item in another cluster": (edit("rows.parquet", lambda rows: rows.assign(cluster="c0")), "items"),
    "a checkpoint left out": (edit("rows.parquet", lambda rows: rows[rows["step"] != 2]), "at step 2"),
    "a condition left out": (edit("rows.parquet", lambda rows: rows[rows["condition"] != "untriggered"]), "'untriggered'"),
    "a line twice": (edit("rows.parquet", lambda rows: pd.concat([rows, rows.head(1)])), "lists an item's outcome twice"),
    "no trials": (edit("rows.parquet", lambda rows: rows.assign(trials=0)), "counts other samples than were drawn"),
    "more samples than drawn": (edit("rows.parquet", lambda rows: rows.assign(n=2 * rows["n"])), "counts other samples"),
    "fewer samples": (edit("rows.parquet", lambda rows: rows.assign(n=1, trials=1)), "counts other samples"),
    "negative counts": (edit("rows.parquet", lambda rows: rows.assign(n=-5)), "counts other samples"),
    "an unknown outcome": (edit("rows.parquet", lambda rows: rows.assign(outcome="proven")), "is not registered"),
    "an unknown node": (edit("rows.parquet", lambda rows: rows.replace({"node": {rows["node"].iloc[0]: "x"}})), "does not ask"),
    "counts as text": (edit("rows.parquet", lambda rows: rows.assign(n="two")), "'n' holds other than numbers"),
    "fractions": (edit("rows.parquet", lambda rows: rows.assign(n=0.5)), "'n' holds fractions"),
    "an infinite sum": (edit("rows.parquet", lambda rows: rows.assign(score_sum=float("inf"))), "infinite"),
    "no column n": (edit("rows.parquet", lambda rows: rows.drop(columns="n")), "no column 'n'"),
    "seeds as text": (edit("cells.parquet", lambda cells: cells.assign(seed="one")), "'seed' holds other than numbers"),
    "a cell left out": (edit("cells.parquet", without_one_cell), "lacks the cell"),
    "a cell renamed": (edit("cells.parquet", renamed_cell), "x"),
    "an arm renamed": (edit("cells.parquet", lambda cells: cells.assign(arm="with")), "by other axes than its id"),
    "nodes exchanged": (edit("cells.parquet", swapped_nodes), "cells.parquet"),
    "an unknown state": (edit("cells.parquet", lambda cells: cells.assign(state="fine")), "no state"),
    "metrics of an unknown node": (edit("phases.parquet", lambda metrics: metrics.assign(node="x")), "unknown phase"),
    "metrics as text": (edit("phases.parquet", lambda metrics: metrics.assign(value="low")), "'value' holds other than numbers"),
    "the end of what was logged": (
        edit("phases.parquet", lambda metrics: metrics.groupby("node").head(1)),
        "or its last step",
    ),
    "what was left out": (
        edit_json("plan.json", lambda plan: plan.update(left_out=["all that failed"])),
        "the same left-out parts",
    ),
    "a pilot": (edit_json("plan.json", lambda plan: plan.update(pilot=True)), "belongs to another registration"),
    "no metrics": (edit("phases.parquet", lambda metrics: metrics.iloc[:0]), "phases.parquet lacks the phase"),
    "another preset": (edit_json("plan.json", lambda plan: plan.update(preset="huge")), "belongs to another registration"),
    "a verdict": (
        edit_json("verdicts.json", lambda verdicts: verdicts["contrasts"][0].update(verdict="supported")),
        "contrasts[0].verdict differs",
    ),
    "an estimate": (
        edit_json("verdicts.json", lambda verdicts: verdicts["contrasts"][0].update(estimate=99.0)),
        "contrasts[0].estimate differs",
    ),
    "series": (edit("series.parquet", lambda series: series.assign(value=series["value"] + 1)), "series.parquet does not follow"),
    "an older format": (
        lambda directory: pd.read_parquet(directory / "rows.parquet").to_parquet(directory / "rows.parquet"),
        "written by an older version of exante",
    ),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_does_not_fit_the_registration_is_named_although_the_manifest_was_made_to_fit(copied_run: Path, kind: str) -> None:
    spoil, says = FORGERIES[kind]
    before = verdict_bytes(copied_run)
    forged(copied_run, spoil)
    assert says in refused("verify", copied_run)
    if kind not in ("a verdict", "an estimate", "series"):
        assert says in refused("analyse", copied_run)
        assert verdict_bytes(copied_run) == before, "good verdicts are not overwritten"


def test_running_again_writes_changed_and_missing_transcripts_again(tiny_run: Finished, copied_run: Path) -> None:
    """The remedy that the refusal names."""
    path = next((copied_run / "transcripts").glob("*.jsonl"))
    whole = path.read_text("utf-8")
    for spoil in (lambda: path.write_text(whole + "\n"), path.unlink, lambda: shutil.rmtree(copied_run / "transcripts")):
        spoil()
        here("run", TINY, *QUICK, copied_run, cache=tiny_run.cache)
        assert path.read_text("utf-8") == whole
        here("verify", copied_run)


def test_what_a_process_left_that_died_while_it_wrote_is_swept(tiny_run: Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / ".registration.json.123.tmp").write_text("{")
    here("run", TINY, *QUICK, out, cache=tiny_run.cache)
    assert not list(out.glob(".*.tmp"))
    here("verify", out)


def test_a_link_in_the_place_of_a_file_is_replaced_and_never_written_through(copied_run: Path, tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("precious")
    (copied_run / "verdicts.json").unlink()
    (copied_run / "verdicts.json").symlink_to(precious)
    here("analyse", copied_run)
    assert precious.read_text() == "precious"
    assert not (copied_run / "verdicts.json").is_symlink()


def test_a_run_recorded_as_crashed_is_not_called_there(copied_run: Path) -> None:
    """Whoever owns a run can call a run of it crashed: that is said, and counts at both ends of the range."""
    files = RunDirectory(copied_run)
    measured = files.load_measured()
    cells = measured.cells.astype({"state": str})
    gone = cells["cell"].iloc[0]
    state = cells["state"].where(cells["cell"] != gone, "crashed")
    forged(copied_run, edit("cells.parquet", lambda table: table.assign(state=state.to_numpy())))
    here("analyse", copied_run)
    assert "all rows of 5 of 6 runs are there, 1 are recorded as crashed" in here("verify", copied_run).stdout


def test_analyse_writes_edited_verdicts_and_series_again(copied_run: Path) -> None:
    before = verdict_bytes(copied_run)
    for name in ("verdicts.json", "series.parquet"):
        path = copied_run / name
        path.write_bytes(path.read_bytes()[:-9])
        assert name in refused("report", copied_run)
        here("analyse", copied_run)
        assert verdict_bytes(copied_run) == before
        here("verify", copied_run)


def test_another_runs_verdicts_and_series_are_refused_by_report(tiny_run: Finished, copied_run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(copied_run, other)
    edit("series.parquet", lambda series: series.assign(value=series["value"] + 1))(other)
    shutil.copy(other / "series.parquet", copied_run / "series.parquet")
    assert "series.parquet was changed after exante wrote it" in refused("report", copied_run)


def test_verdicts_of_earlier_rows_are_refused_by_report(copied_run: Path) -> None:
    forged(copied_run, edit("rows.parquet", lambda rows: rows.sort_values("item")))
    assert "was made from an earlier rows.parquet" in refused("report", copied_run)


def test_a_page_of_results_is_verified_where_torch_is_absent(tiny_run: Finished, tmp_path: Path) -> None:
    """What `make results` keeps beside a page is enough for verify, and verify loads neither torch nor the study's code."""
    RunDirectory(tiny_run.run).copy_to(tmp_path / "page")
    (tmp_path / "page" / "figure.svg").write_text("<svg/>")
    program = f"""
import sys
from exante.cli import main
try:
    main(["verify", {str(tmp_path / "page")!r}])
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    said, modules = done.stdout.split("\n")[:2]
    assert "all rows of 6 runs are there" in said, done.stderr
    assert not {"torch", "transformers", "tiny_study", "exante_user_study"} & set(modules.split())
    forged(tmp_path / "page", edit("rows.parquet", only_every_third))
    assert "rows.parquet" in refused("verify", tmp_path / "page")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_export_restores_the_joined_table(tiny_run: Finished, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"rows.{ending}"
    assert here("export", "rows", tiny_run.run, "--out", out).stdout.startswith("768 lines")
    table = pd.read_csv(out, keep_default_na=False) if ending == "csv" else pd.read_parquet(out)
    assert list(table.columns) == JOINED_ROWS
    assert (table.groupby(["cell", "checkpoint", "condition", "item"])["n"].sum() == 2).all()
    assert [path.name for path in tmp_path.iterdir()] == [out.name], "nothing is left beside it"
    assert "ends in neither" in refused("export", "rows", tiny_run.run, "--out", tmp_path / "rows.txt")
    assert "cannot be written" in refused("export", "rows", tiny_run.run, "--out", tmp_path / "no" / "rows.csv")


def test_phases_trained_again_have_the_rows_of_the_run_and_invented_rows_do_not(tiny_run: Finished, copied_run: Path) -> None:
    again = ("--study", TINY, "--phases", "2")
    done = here("reproduce", tiny_run.run, *again, "--json")
    found = json.loads(done.stdout)
    assert len(found) == 2
    assert all(one["rows"] > 0 and one["different"] == 0 for one in found)

    def invented(rows: pd.DataFrame) -> pd.DataFrame:
        return (
            rows.assign(outcome=rows["outcome"].where(rows["outcome"] != "other", "right"))
            .drop_duplicates(["node", "step", "evaluation", "condition", "item", "outcome"])
            .assign(n=2, trials=2)
        )

    forged(copied_run, edit("rows.parquet", lambda rows: invented(rows).groupby(["node", "step", "condition", "item"]).head(1)))
    here("analyse", copied_run)
    here("verify", copied_run)  # whole and consistent: no hash can show that nothing of it was measured
    done = here("reproduce", copied_run, *again, check=2)
    assert "gave other rows" in done.stderr
