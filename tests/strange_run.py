"""A finished run into which a strange text has come by every way there is, and its page. Run as a program, since a text that the
figure renderer cannot take aborts its process: `python strange_run.py DIRECTORY`, the text as JSON on stdin."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from synthetic_run import synthetic_study, transcript, write_synthetic_run, write_transcripts

from exante.report.load import load_run
from exante.report.page import render_page
from exante.storage.directory import RunDirectory
from exante.study import Cell, Study

CELL = Cell(arm="none", model="m", behaviour="tag", training="sft", base="linked#1000", seed=1000)


def strange_study(text: str) -> Study:
    """Every title and sentence of a study with a text in its middle. Not validated, as a file of another version may be."""
    study = synthetic_study()
    study = study.model_copy(update=dict.fromkeys(("title", "question"), f"a{text}b"))
    for group in ("arms", "trainings", "measures", "gates", "contrasts", "theories"):
        titled = [one.model_copy(update={"title": f"{one.title[:9]}{text}{one.title[9:]}"}) for one in getattr(study, group)]
        study = study.model_copy(update={group: tuple(titled)})
    return study


def page(directory: Path, text: str) -> str:
    write_synthetic_run(directory)
    verdicts = json.loads((directory / "verdicts.json").read_text("utf-8"))
    for row in (*verdicts["contrasts"], *verdicts["theories"], *verdicts["objections"]):
        row |= {key: f"{row[key]}{text}" for key in ("title", "reason", "sentence", "scope", "says", "gap") if key in row}
    verdicts["contrasts"].append(verdicts["contrasts"][0] | {"id": f"new{text}", "title": f"new{text}"})
    verdicts["gates"].append(verdicts["gates"][0] | {"gate": f"new{text}", "threshold": text, "passed": False})
    (directory / "verdicts.json").write_text(json.dumps(verdicts), "ascii")
    RunDirectory(directory).record([directory / "verdicts.json"])
    spans = [("prompt", f"Q{text}", False), ("scratchpad", text, True), ("answer", f"A{text}", False)]
    write_transcripts(directory, [transcript(CELL, "safety@0", f"i{text}", text, spans)])
    run = load_run(directory)
    series = run.series.assign(panel=run.series["panel"].where(run.series["figure"] == "runs", run.series["panel"] + text))
    registration = run.registration.model_copy(update={"study": strange_study(text)})
    return render_page(dataclasses.replace(run, registration=registration, series=series))


if __name__ == "__main__":
    (Path(sys.argv[1]) / "report.html").write_text(page(Path(sys.argv[1]), json.load(sys.stdin)), "utf-8")
