"""How wide intervals were planned, and how wide they came out: every primary of every shipped page.

    python benchmarks/planned_vs_found.py [docs/results]

`planned` is what the planner said before the run: kept beside the page (`planned.json`), or where a page is older than that file,
what its registration's own pilots gave. Beside it stand the same ratios for widths planned now: `ratio_world` from the other
studies of its world, as for a new study; `ratio_own` from the page itself, as for the same study again (by construction near 1).
The last line is `median ratio N`: realised over planned half-width, in the median of all primaries that have runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from results import PLANNED, pages_shown

from exante.evidence.runs import load_verdicts
from exante.planning.design import design_of, half_width
from exante.planning.shown import ShownPage, guess, spread_of
from exante.storage.directory import RunDirectory
from exante.storage.files import read_json


@dataclass(frozen=True)
class Width:
    """Half-widths of one primary, in its unit. `source`: where the planned one came from."""

    study: str
    contrast: str
    verdict: str
    unit: str
    n: int
    found: float
    planned: float
    source: str
    from_world: float
    from_own: float

    @property
    def ratio(self) -> float:
        return self.found / self.planned


def widths(page: Path, shown: Iterable[ShownPage]) -> list[Width]:
    """Every primary of a page that has an interval. `shown` are all pages: `from_world` leaves out the page's own."""
    study = RunDirectory(page).load_registration().study
    verdicts = load_verdicts(page)
    preset, contrasts = study.presets[verdicts["preset"]], {c.id: c for c in study.contrasts}
    path = page / PLANNED
    kept = read_json(path, f"run 'make results STUDY={page.name}'")["widths"] if path.exists() else {}
    others = [one for one in shown if one.study != study.id]
    found = []
    for row in sorted((row for row in verdicts["contrasts"] if row["primary"]), key=lambda row: row["primary"]):
        if row["low"] is None or row["high"] is None:
            continue
        contrast = contrasts[row["id"]]
        measure = next(m for m in study.measures if m.id == contrast.measure)
        old = guess(contrast, measure)
        planned = kept.get(row["id"]) or {
            "half_width": half_width(design_of(study, contrast, preset, old)),
            "spread_from": old.source,
        }
        found.append(
            Width(
                study=study.id,
                contrast=row["id"],
                verdict=row["verdict"],
                unit=row["unit"],
                n=row["n_units"],
                found=(row["high"] - row["low"]) / 2,
                planned=planned["half_width"],
                source=planned["spread_from"],
                from_world=half_width(design_of(study, contrast, preset, spread_of(study, contrast, others))),
                from_own=half_width(design_of(study, contrast, preset, spread_of(study, contrast, shown))),
            )
        )
    return found


def line(width: Width) -> str:
    numbers = f"{width.found:.1f}\t{width.planned:.1f}\t{width.ratio:.2f}"
    numbers += f"\t{width.found / width.from_world:.2f}\t{width.found / width.from_own:.2f}"
    return f"{width.study}\t{width.contrast}\t{width.verdict}\t{width.n}\t{width.unit}\t{numbers}\t{width.source}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="realised over planned half-width of every primary of every page")
    parser.add_argument("results", type=Path, nargs="?", default=Path("docs/results"))
    results = parser.parse_args(arguments).results
    shown = pages_shown(results)
    found = [one for path in sorted(results.glob("*/verdicts.json")) for one in widths(path.parent, shown)]
    print("study\tcontrast\tverdict\tn\tunit\trealised\tplanned\tratio\tratio_world\tratio_own\tplanned_from")
    print(*map(line, found), sep="\n")
    undecided = [one.ratio for one in found if one.verdict == "undecided"]
    if undecided:
        print(f"undecided\t{median(undecided):.2f}\tmedian ratio of the {len(undecided)} undecided primaries")
    print(f"world\t{median(one.found / one.from_world for one in found):.2f}\tmedian ratio to widths planned from other studies")
    print(f"own\t{median(one.found / one.from_own for one in found):.2f}\tmedian ratio to widths planned from the page itself")
    print(f"median ratio {median(one.ratio for one in found):.2f}")


if __name__ == "__main__":
    main()
