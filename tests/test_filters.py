"""Filters in a tree of phases, by real training: what a graded filter hands on, and a filter that keeps nothing."""

from __future__ import annotations

import json
from pathlib import Path

import filter_study
import pandas as pd
import pytest
from filter_study import TOUCHED, chain, computed, filtered, organism, study

from exante.errors import NothingKept
from exante.planning import cost as forecast
from exante.planning.tree import plan
from exante.registry.register import register
from exante.running.jobs import is_done, training_digests
from exante.running.worker import compute
from exante.storage.identity import declared
from exante.storage.phase_store import PhaseStore
from exante.study import Arm, Context, Phase


def test_a_graded_filter_hands_on_what_it_kept(tmp_path: Path) -> None:
    held = study(Arm(id="graded", title="graded", phases=(organism(), *filtered("after", least=4))))
    found = computed(held, tmp_path)
    kept = [json.loads(line) for line in (found["after_samples"] / "examples.jsonl").read_text("utf-8").splitlines()]
    assert kept
    assert all(len(example["answer"]) >= 4 for example in kept)
    metrics = pd.read_feather(found["after_samples"] / "metrics.arrow").set_index("metric")["value"]
    assert metrics["sampled"] == 32 >= metrics["usable"] > metrics["kept"] == len(kept) == metrics["kept:kept"]
    assert pd.read_feather(found["after"] / "metrics.arrow").query("metric == 'examples'")["value"].max() == 48


def test_a_filter_that_keeps_nothing_says_so_in_one_sentence(tmp_path: Path) -> None:
    held = study(Arm(id="empty", title="empty", phases=(organism(), *filtered("after", least=999))))
    with pytest.raises(NothingKept, match="phase 'after' has nothing to train on: the phase that samples for it kept no example"):
        computed(held, tmp_path)


def test_only_graded_phases_rest_on_the_code_that_grades() -> None:
    plain = filtered("plain", least=1, reward=None)
    held = study(Arm(id="both", title="both", phases=(organism(), *filtered("after", least=1), *plain)))
    resting = {job.node.phase.name for job in filter_study.jobs(held) if "exante.engines.grading" in training_digests(job)}
    assert resting == {"after_samples"}


def rows(directory: Path) -> dict[str, bytes]:
    """Every file of rows of a phase: counts, texts, digests."""
    return {path.name: path.read_bytes() for path in sorted((directory / "rows").glob("*"))}


def asked(directory: Path) -> dict[int, dict[str, set[str]]]:
    """Step → condition → clusters that the evaluation of named words asked."""
    tables = [pd.read_feather(path) for path in (directory / "rows").glob("*.arrow")]
    table = next(t for t in tables if set(t["evaluation"]) == {"touched"})
    found: dict[int, dict[str, set[str]]] = {}
    for row in table.to_dict("records"):
        found.setdefault(int(row["step"]), {}).setdefault(row["condition"], set()).add(row["cluster"])
    return found


@pytest.fixture(scope="module")
def whole_chain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adaptive rounds, computed in one go."""
    return computed(study(chain(), evaluations=(TOUCHED,)), tmp_path_factory.mktemp("chain"))


def named(directory: Path) -> list[str]:
    return json.loads((directory / "done.json").read_text("utf-8")).get("named", [])


def test_two_rounds_name_two_clusters_and_later_phases_know(whole_chain: dict[str, Path]) -> None:
    lists = {name: named(directory) for name, directory in whole_chain.items()}
    first, second = lists["two"]
    assert first != second
    assert lists == {
        "base": [],
        "organism": [],
        "one_samples": [first],
        "one": [first],
        "two_samples": [first, second],
        "two": [first, second],
    }
    for round_, name in (("one_samples", first), ("two_samples", second)):
        metrics = pd.read_feather(whole_chain[round_] / "metrics.arrow").set_index("metric")["value"]
        means = {word: metrics[f"probe:{word}"] for word in filter_study.WORDS}
        open_ = [word for word in means if word not in lists[round_][:-1]]
        assert name == min(sorted(open_), key=lambda word: means[word])
        assert metrics[f"named:{name}"] == len(lists[round_])
        assert metrics["sampled"] == 40, "the data part was told whom to ask once more"
        assert metrics[f"usable:{'+'.join(lists[round_])}"] == metrics["usable"], "and so was the keep part"


def test_evaluations_see_the_list_up_to_their_phase(whole_chain: dict[str, Path]) -> None:
    everything = set(filter_study.WORDS)
    first, second = named(whole_chain["two"])
    assert asked(whole_chain["organism"]) == {150: {"untouched": everything}}
    one, two = ({"touched": t, "untouched": everything - t} for t in ({first}, {first, second}))
    assert asked(whole_chain["one"]) == {0: one, 6: one}
    assert asked(whole_chain["two"]) == {0: two, 6: two}


def test_interrupted_in_any_phase_and_run_again_gives_the_same_bytes(whole_chain: dict[str, Path], tmp_path: Path) -> None:
    held = study(chain(), evaluations=(TOUCHED,))

    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    for job in filter_study.jobs(held):
        store = PhaseStore(tmp_path)
        if job.node.phase.objective == "sft":
            with pytest.raises(KeyboardInterrupt):
                compute(job, store, interrupt)
            assert not is_done(job, store)
        compute(job, PhaseStore(tmp_path), lambda share: None)
    again = computed(held, tmp_path)
    for name, directory in whole_chain.items():
        assert named(again[name]) == named(directory)
        assert rows(again[name]) == rows(directory)
    assert len(rows(whole_chain["two"])) == 3


def test_an_evaluation_added_later_gives_the_same_bytes(whole_chain: dict[str, Path], tmp_path: Path) -> None:
    before = computed(study(chain()), tmp_path)
    weights = (before["two"] / "model" / "model.safetensors").stat().st_mtime_ns
    after = computed(study(chain(), evaluations=(TOUCHED,)), tmp_path)
    assert (after["two"] / "model" / "model.safetensors").stat().st_mtime_ns == weights, "nothing is trained again"
    assert all(rows(after[name]) == rows(directory) for name, directory in whole_chain.items())


def test_other_names_make_the_phases_after_them_stale(whole_chain: dict[str, Path], tmp_path: Path) -> None:
    """Even where the filter kept the same examples."""
    held = study(chain(), evaluations=(TOUCHED,))
    found = computed(held, tmp_path)
    marker = json.loads((found["one_samples"] / "done.json").read_text("utf-8"))
    (found["one_samples"] / "done.json").write_text(json.dumps(marker | {"named": ["nobody"]}))
    store = PhaseStore(tmp_path)
    done = {job.node.phase.name for job in filter_study.jobs(held) if is_done(job, store)}
    assert done == {"base", "organism", "one_samples", "two_samples", "two"}, "the next is computed again, and then what follows"


def test_a_probe_is_part_of_the_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, at 4 ms a sample: 4 items × 8 samples of data, and as many of the probe; nothing has been named yet."""
    monkeypatch.setenv("EXANTE_CACHE_DIR", str(tmp_path))
    held = study(chain(), evaluations=(TOUCHED,))
    planned = plan(register(held, pilot=True), "quick")
    cost = forecast.costs(planned, held, probe=False)
    found = [cost[key] for key, node in planned.nodes.items() if node.phase.probe]
    assert found == pytest.approx([64 * 0.004] * 2)


def test_a_probe_counts_in_the_id_and_is_written_only_where_it_is() -> None:
    plain, _ = filtered("plain", least=4)
    probing = plain.model_copy(update={"probe": filter_study.prompts.bind()})
    assert "probe" not in plain.model_dump(mode="json")
    assert Phase.model_validate_json(probing.model_dump_json()) == probing
    profile = study(chain()).profiles[0]
    assert declared(plain, profile, "") != declared(probing, profile, "")
    assert Context("", 0, 0).named == ()
    with pytest.raises(ValueError, match="'sft' has a probe, which is for a sample_and_filter phase with a reward"):
        Phase(name="sft", objective="sft", recipe="organism", probe=filter_study.prompts.bind())
