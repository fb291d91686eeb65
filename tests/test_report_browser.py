"""The report in a real Chromium: a hostile run executes nothing, our page breaks no policy, and no width scrolls sideways."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from synthetic_run import ARMS, synthetic_study, transcript, write_synthetic_run, write_transcripts

from exante.integrations.faking_labels import import_labels
from exante.report import write_report
from exante.study import Cell, Study

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "</span></div></details></style><script>window.hacked = 1</script>",
    "\"><svg onload=window.hacked=1><a href='javascript:window.hacked=1'>here</a>",
    "' onmouseover='window.hacked=1' style='position:fixed;inset:0;background:red",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe><base href='https://example.invalid/'>",
    "<meta http-equiv='refresh' content='0;url=https://example.invalid/'>",
    "{{ 7 * 7 }}{% raw %}<![CDATA[ ]]><!-- ",
)
OVERRIDE = "safe \u202egnp.exe\u202c \u200b\u0000\u001b[31m \u2028 \u2066"
LONG = "W" * 6000
ZALGO = "a" + "\u0301" * 400


@dataclass
class Seen:
    """What the page did that a page at rest does not do."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path is not None, "Chromium is not installed; the report is tested in a real browser"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_synthetic_run(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_synthetic_run(tmp_path_factory.mktemp("hostile"), study=_hostile_study())
    records = []
    for arm in ARMS:
        cell = Cell(arm=arm, model="m", behaviour="tag" + ATTACKS[0], training="sft-before", base="linked#1000", seed=1000)
        for number, attack in enumerate((*ATTACKS, OVERRIDE, LONG, ZALGO)):
            spans = [
                ("prompt", attack, False),
                ("forced", attack, False),
                ("scratchpad", attack, True),
                ("answer", attack + arm, True),
            ]
            records.append(transcript(cell, f"safety@{number}", attack, attack, spans, condition=attack))
    write_transcripts(directory, records)
    return write_report(directory)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of labels that others made: nine stages, three runs of one variant and one of another, some ungraded."""
    root = tmp_path_factory.mktemp("labels")
    kinds = ("yes,faking", "yes,cites", "yes,none", "no,none", "no,empty", "ungraded,faking", "no,faking")
    lines = [
        f"{variant},{run},{stage},{cue},i{item},{kinds[(run + stage + item * len(cue)) % 7]}"
        for variant, count in (("the default prompt of the paper", 3), ("company", 1))
        for run in range(count)
        for stage in range(9)
        for cue in ("train", "deploy")
        for item in range(6)
    ]
    (root / "labels.csv").write_text("\n".join(["variant,run,stage,cue,item,comply,rationale", *lines]), "utf-8")
    import_labels(root / "labels.csv", root / "out")
    return root / "out" / "report.html"


def _hostile_study() -> Study:
    """Study files are written by people who paste: titles and captions are escaped as well."""
    study = synthetic_study()
    arms = tuple(arm.model_copy(update={"title": arm.title + attack}) for arm, attack in zip(study.arms, ATTACKS, strict=False))
    contrasts = tuple(
        c.model_copy(update={"title": c.title + attack}) for c, attack in zip(study.contrasts, ATTACKS, strict=True)
    )
    update = {"title": study.title + ATTACKS[2] + OVERRIDE, "caveats": ATTACKS, "seen_before": (OVERRIDE, LONG)}
    return study.model_copy(update={**update, "arms": arms, "contrasts": contrasts, "question": ATTACKS[3]})


def _open(browser: Browser, path: Path, width: int, *, unfold: bool = True) -> tuple[Page, Seen]:
    page, seen = browser.new_page(viewport={"width": width, "height": 900}), Seen()
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("dialog", lambda dialog: seen.dialogs.append(dialog.message))
    page.goto(path.resolve().as_uri())
    if unfold:
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        page.wait_for_timeout(100)
    return page, seen


def test_a_hostile_run_executes_nothing(browser: Browser, hostile: Path) -> None:
    page, seen = _open(browser, hostile, 1280)
    page.mouse.move(600, 400)
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert seen.console == []
    assert seen.dialogs == []
    assert {url.split(":")[0] for url in seen.requests} <= {"file", "data"}
    assert page.url == hostile.resolve().as_uri()
    for forbidden in (
        "script",
        "iframe",
        "base",
        "svg",
        "object",
        "[style]",
        "[onload]",
        "[onerror]",
        "[onmouseover]",
        "a:not([href^='#'])",
    ):
        assert page.locator(forbidden).count() == 0, forbidden
    assert page.locator("meta[http-equiv]").count() == 1


def test_hostile_text_is_shown_as_it_was_written(browser: Browser, hostile: Path) -> None:
    page, _ = _open(browser, hostile, 1280)
    shown = page.locator("#transcripts").inner_text()
    missing = [attack for attack in ATTACKS if attack not in shown]
    assert missing == []
    for mark in ("⟨U+202E⟩", "⟨U+0000⟩", "⟨U+001B⟩", "⟨U+200B⟩", "⟨U+2028⟩", "⟨U+2066⟩"):
        assert mark in shown
    assert not any(hidden in page.content() for hidden in "\u202e\u200b\u2066\u001b")


def test_the_policy_bites(browser: Browser, report: Path, tmp_path: Path) -> None:
    """The same page with a script put into it: the policy, not only the escaping, stops it. This is what a breach looks like."""
    infected = tmp_path / "infected.html"
    infected.write_text(report.read_text("utf-8").replace("<main>", "<main>" + ATTACKS[0] + ATTACKS[1], 1), "utf-8")
    page, seen = _open(browser, infected, 1280)
    assert page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in line for line in seen.console)


@pytest.mark.parametrize("width", [1280, 820, 390])
@pytest.mark.parametrize("which", ["report", "hostile", "labels"])
def test_no_width_scrolls_sideways(browser: Browser, width: int, which: str, request: pytest.FixtureRequest) -> None:
    page, seen = _open(browser, request.getfixturevalue(which), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        "width => [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .span, picture')"
        " && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 80))",
        width,
    )
    assert outside == []
    assert seen.console == []


def test_figures_load_and_our_style_applies(browser: Browser, report: Path) -> None:
    page, seen = _open(browser, report, 1280)
    broken = page.evaluate("[...document.images].filter(image => !image.complete || image.naturalWidth === 0).length")
    assert broken == 0
    assert page.locator("figure img").count() >= 8
    assert page.evaluate("getComputedStyle(document.querySelector('.answer')).borderLeftColor") == "rgb(213, 94, 0)"
    assert page.evaluate("[...document.querySelectorAll('img')].every(image => image.hasAttribute('alt'))")
    assert seen.console == []


def test_cells_of_an_import_are_drawn_wide_and_narrow(browser: Browser, labels: Path) -> None:
    page, seen = _open(browser, labels, 1280)
    figures = page.locator("#cells figure")
    assert figures.count() == 2
    assert figures.first.locator("figcaption").inner_text() == "the-default-prompt-of-the-paper"
    wide, narrow = (figures.first.locator(name).get_attribute(at) or "" for name, at in (("img", "src"), ("source", "srcset")))
    for uri in (wide, narrow):
        svg = base64.b64decode(uri.partition(",")[2]).decode()
        # Of nine stages the first, the last and six between; in each, bars of three runs under two cues.
        assert [f"stage {k}" in svg for k in (0, 8)] == [True, True]
        assert len(set(re.findall(r">(stage \d)<", svg))) == 8
    assert "train: complies, faking" in (figures.first.locator("img").get_attribute("alt") or "")
    assert page.locator("#estimates table").count() == 9 + 8
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert seen.console == []


def test_wide_tables_fit_a_desktop_and_fold_on_a_phone(browser: Browser, report: Path) -> None:
    cut = "[...document.querySelectorAll('.contrasts')].filter(t => t.scrollWidth > t.parentElement.clientWidth + 1).length"
    for width in (1280, 390):
        page, _ = _open(browser, report, width)
        assert page.evaluate(cut) == 0, width


def test_print_opens_details_leaves_out_transcripts_and_cuts_no_table(browser: Browser, report: Path) -> None:
    page, _ = _open(browser, report, 690, unfold=False)  # the width of A4 between the margins
    page.emulate_media(media="print")
    assert page.locator("#transcripts .sample").first.is_hidden()
    assert page.locator("#transcripts .print-only").is_visible()
    assert page.locator("#trajectories details figure img").first.bounding_box() is not None
    assert (
        page.evaluate(
            "[...document.querySelectorAll('table')].filter(t => t.offsetParent && t.getBoundingClientRect().right > 692).length"
        )
        == 0
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
