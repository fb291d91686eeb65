"""Claims written as text: what a formula and a table mean, and which row and word an error names."""

from __future__ import annotations

import pytest

from exante import claims as written
from exante.errors import UserError
from exante.measures import Measure, Rate
from exante.study import Contrast, Objection, Prediction, Theory
from exante.units import Region, above, below, within

RATE = Rate(evaluation="backdoor", condition="triggered", outcome="target", at="safety@end")
ENDPOINT = Measure(id="endpoint", title="triggered rate at the end", expression=RATE, unit="%", low=0, high=100)
THEORIES = """
any-thought: any thought protects
    Tokens before the answer protect the backdoor,
    whatever they say.
no-effect: no effect
    A thought makes no difference.
"""
LEDGER = """
S1: with and without thoughts
    thoughts are written by hand
S2: three trainings
"""
TABLE = """
contrast         | claim                                             | ledger | any  | effect
1 deceptive-none | endpoint: deceptive - none > 10 pp                | S1 S2  | > 10 | ± 10
the backdoor is there
installed        | endpoint: deceptive > 50 %; stamp installed       | S1
late             | endpoint: deceptive - none < -5 pp; training rl; paired; criteria far-ood awareness
"""


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("> 10 pp", above(10, "pp")),
        ("< -10 pp", below(-10, "pp")),
        ("< −2.5 %", below(-2.5, "%")),
        ("±10 pp", within(-10, 10, "pp")),
        ("3..30 %", within(3, 30, "%")),
        ("-110 .. 30 pp", within(-110, 30, "pp")),
        ("any log-odds", Region(unit="log-odds")),
    ],
)
def test_regions(text: str, region: Region) -> None:
    assert written.region(text) == region


def test_a_region_without_a_unit_has_the_one_that_is_given() -> None:
    assert written.region("> 0.4", "log-odds") == above(0.4, "log-odds")


@pytest.mark.parametrize("text", ["> 10", "10 pp", "> ten pp", "> 10 points", "within 10 pp", "", "30..3 %"])
def test_what_is_no_region_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(UserError, match="region") as refused:
        written.region(text)
    assert repr(text) in str(refused.value)


def test_a_table_says_the_same_as_the_objects() -> None:
    said = written.claims(TABLE, theories=THEORIES, ledger=LEDGER, measures=[ENDPOINT], training="sft-before")
    usual = {"measure": "endpoint", "over": "bases"}
    assert said.contrasts == (
        Contrast(
            id="deceptive-none",
            title="deceptive against none: triggered rate at the end",
            arm="deceptive",
            control="none",
            region=above(10, "pp"),
            training="sft-before",
            primary=1,
            objections=("S1", "S2"),
            **usual,
        ),
        Contrast(
            id="installed",
            title="the backdoor is there",
            arm="deceptive",
            control=None,
            region=above(50, "%"),
            training="sft-before",
            stamp="installed",
            objections=("S1",),
            **usual,
        ),
        Contrast(
            id="late",
            title="deceptive against none: triggered rate at the end, training rl",
            arm="deceptive",
            control="none",
            region=below(-5, "pp"),
            training="rl",
            paired=True,
            criteria=("far-ood", "awareness"),
            **usual,
        ),
    )
    assert said.theories == (
        Theory(
            id="any-thought",
            title="any thought protects",
            says="Tokens before the answer protect the backdoor, whatever they say.",
            predictions=(Prediction(contrast="deceptive-none", region=above(10, "pp")),),
        ),
        Theory(
            id="no-effect",
            title="no effect",
            says="A thought makes no difference.",
            predictions=(Prediction(contrast="deceptive-none", region=within(-10, 10, "pp")),),
        ),
    )
    assert said.objections == (
        Objection(
            id="S1", says="with and without thoughts", contrasts=("deceptive-none",), gap="thoughts are written by hand"
        ),  # what was installed answers nothing
        Objection(id="S2", says="three trainings", contrasts=("deceptive-none",), gap=""),
    )


def test_a_row_in_braces_stands_for_each_combination() -> None:
    table = """
    contrast     | claim
    under the cue {cue}
    {cue}-{mode} | label-{cue}-{mode}: a - b > 10 pp
    """
    said = written.claims(table, each={"cue": ("training", "none"), "mode": ("think", "answer")})
    assert [(c.id, c.measure, c.title) for c in said.contrasts] == [
        ("training-think", "label-training-think", "under the cue training"),
        ("training-answer", "label-training-answer", "under the cue training"),
        ("none-think", "label-none-think", "under the cue none"),
        ("none-answer", "label-none-answer", "under the cue none"),
    ]


def test_a_claim_without_a_measure_reads_the_tables_or_its_own_name() -> None:
    own, usual = "contrast | claim\ninstalled | a > 50 %", "contrast | claim\nx | a - b > 10 pp\ny | other: a - b > 10 pp"
    assert [c.measure for c in written.claims(own).contrasts] == ["installed"]
    assert [c.measure for c in written.claims(usual, measure="persistence").contrasts] == ["persistence", "other"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x | endpoint: a over b > 10 pp", ["'x'", "'endpoint: a over b > 10 pp'"]),
        ("x | endpoint: a - b > 10", ["'x'", "'> 10'"]),
        ("x | endpoint: a - b > 10 points", ["'x'", "'> 10 points'"]),
        ("x | endpoint: a - b > 10 pp; traning rl", ["'x'", "'traning rl'", "training"]),
        ("x | endpoint: a - b > 10 pp; paired yes", ["'x'", "'paired yes'"]),
        ("x | endpoint: a - b > 10 pp | S3", ["'x'", "'S3'", "S1, S2"]),
        ("x | endpoint: a - b > 10 pp | S1 | ten", ["'x'", "'any-thought'", "'ten'"]),
        ("x | endpoint: a - b > 10 pp | S1 | > 1 | > 2 | > 3", ["'x'", "6 cells"]),
        ("first x | endpoint: a - b > 10 pp", ["'first x'", "'first'"]),
        ("{cue} | endpoint: a - b > 10 pp", ["{cue}"]),
    ],
)
def test_an_error_names_the_row_and_the_word(row: str, words: list[str]) -> None:
    header = "contrast | claim | ledger | any | effect"
    with pytest.raises(UserError) as refused:
        written.claims(f"{header}\n{row}", theories=THEORIES, ledger=LEDGER)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("contrast | claim | ledger | thought", "'no-effect' has no column"),
        ("contrast | claim | ledger | any | f-t", "'f-t' names 0 theories"),
        ("contrast | claim | ledger | any | t", "'t' names 2 theories"),
        ("id | claim", "contrast | claim"),
        ("", "contrast | claim"),
    ],
)
def test_an_unclear_header_is_refused(header: str, words: str) -> None:
    with pytest.raises(UserError) as refused:
        written.claims(f"{header}\nx | endpoint: a - b > 10 pp", theories=THEORIES)
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["    says this\nid: title", "no colon here", ": title"])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="entry"):
        written.entries(text)
