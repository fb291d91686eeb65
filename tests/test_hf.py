"""A checkpoint from outside (`hf:PATH`): fine-tuned with LoRA through the whole command; and bases that others can load."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from command import QUICK, TINY, exante, refused
from peft import PeftModel
from test_run import joined
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from exante.engines.local import LocalEngine
from exante.errors import UserError
from exante.planning.tree import plan
from exante.planning.variants import adapt
from exante.profiles import frozen_name, profile, weights_digest
from exante.registry.register import register
from exante.running import worker
from exante.running.jobs import jobs_of
from exante.running.worker import check_device, compute
from exante.storage.directory import RunDirectory
from exante.storage.phase_store import PhaseStore
from exante.studies import load_file

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A small GPT-2 with a ChatML template, as someone else would save it: untrained, byte-level, its own special tokens."""
    path = tmp_path_factory.mktemp("checkpoint")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(["say red", "say blue", "say green", "say gold"], trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    wrapped.chat_template = CHATML
    wrapped.save_pretrained(path)
    torch.manual_seed(0)
    ends = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 2}
    config = GPT2Config(vocab_size=len(wrapped), n_embd=32, n_layer=1, n_head=2, n_positions=256, **ends)
    GPT2LMHeadModel(config).save_pretrained(path)
    return path


def small_study(checkpoint: Path, directory: Path) -> Path:
    """The tiny study with a profile of its own for the checkpoint: a family's recipes are data, so a study may bring others."""
    micro = 'Profile(id="micro:tiny", family="llama", architecture=_llama(32, 1), recipes=TINY)'
    outside = (
        f'Profile(id="hf:{checkpoint}", family="hf", architecture=None, recipes=TINY, method="lora",'
        ' think_open="<think>\\n", think_close="\\n</think>\\n\\n")'
    )
    assert micro in TINY.read_text()
    path = directory / "study.py"
    path.write_text(TINY.read_text().replace(micro, f"{micro}, {outside}"))
    return path


@pytest.fixture(scope="module")
def outside_run(checkpoint, tmp_path_factory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("outside")
    options = ("--model", f"hf:{checkpoint}", "--seeds", "1", "--workers", "1")
    exante("run", small_study(checkpoint, root), *QUICK, root / "run", *options, cache=root / "cache")
    return root / "run", root / "cache"


def test_an_outside_checkpoint_is_trained_with_lora_and_measured(outside_run, checkpoint):
    run, cache = outside_run
    rows, phases = joined(run), RunDirectory(run).load_measured().metrics_of_cells()
    (model,) = set(rows["model"])
    assert re.fullmatch(r"hf:checkpoint[\w-]*@[0-9a-f]{16}", model), "a name and a digest, wherever the files lie"
    written = [path for path in run.rglob("*") if path.is_file() and path.parent.name != "code"]
    assert not [path.name for path in written if str(checkpoint).encode() in path.read_bytes()], "no path in a run's files"
    assert set(rows["checkpoint"]) == {"organism@12", "safety@0", "safety@2", "safety@6"}
    assert not (rows["outcome"] == "crashed").any()
    moved = phases[phases["metric"] == "weight_change"]
    assert set(moved["phase"]) == {"organism", "safety"}
    assert (moved["value"] > 0).all()
    assert all(c["estimate"] is not None for c in json.loads((run / "verdicts.json").read_text())["contrasts"])
    assert not list(cache.glob("bases/*/*/model")), "the checkpoint itself is not copied"


def test_its_adapters_are_merged_into_ordinary_checkpoints(outside_run, checkpoint):
    before = AutoModelForCausalLM.from_pretrained(checkpoint).state_dict()
    for path in outside_run[1].glob("phases/*/*/model"):
        after = AutoModelForCausalLM.from_pretrained(path).state_dict()
        assert after.keys() == before.keys()
        assert any(not torch.equal(after[name], before[name]) for name in after)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks by the old name
def test_what_a_run_trained_is_exported_for_others(outside_run, checkpoint, tmp_path):
    """The whole model, and one adapter for all of its phases, give the logits of the model that was measured."""
    run, cache = outside_run
    for options in ((), ("--adapter",)):
        done = exante("export", "model", run, "--arm", "with", "--out", tmp_path / "".join(options or "m"), *options, cache=cache)
        assert "after safety" in done.stdout
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    outside = AutoModelForCausalLM.from_pretrained(checkpoint)
    ids = torch.arange(40).reshape(2, 20)
    with torch.no_grad():
        before = outside(ids).logits
        beside = PeftModel.from_pretrained(outside, tmp_path / "--adapter")(ids).logits
        assert not torch.allclose(before, beside, atol=1e-3)
        torch.testing.assert_close(whole(ids).logits, beside, rtol=1e-4, atol=1e-4)
    assert AutoTokenizer.from_pretrained(tmp_path / "m").chat_template == CHATML
    record = json.loads((tmp_path / "m" / "exante.json").read_text())
    assert [phase["phase"] for phase in record["phases"]] == ["base", "organism", "safety"]
    assert record["registration_sha256"] in (tmp_path / "m" / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--arm", "absent"), "this run has no arm 'absent' there; it has with, without"),
        (("--arm", "with", "--seed", "7"), "no seed 7 there; it has 1000"),
        (("--arm", "with", "--checkpoint", "safety@2"), "ask for --checkpoint safety@end"),
        (("--arm", "with", "--checkpoint", "rinse"), "has no model after 'rinse'; it has one after base, organism, safety"),
    ],
)
def test_a_model_that_a_run_does_not_have_is_not_exported(outside_run, tmp_path, options, says):
    run, cache = outside_run
    done = exante("export", "model", run, "--out", tmp_path / "made", *options, cache=cache, check=2)
    assert says in " ".join(done.stderr.split())
    assert not (tmp_path / "made").exists()


def test_on_another_machine_a_checkpoint_is_found_once_it_is_named(outside_run, checkpoint, tmp_path):
    run, cache = outside_run
    shutil.copytree(cache, tmp_path / "cache")
    (tmp_path / "cache" / "models.json").unlink()
    options = ("sample", run, "--arm", "with", "--prompt", "say red", "-n", "1")
    told = " ".join(exante(*options, cache=tmp_path / "cache", check=2).stderr.split())
    assert "this machine does not know where hf:checkpoint" in told
    assert "--model hf:PATH" in told
    assert exante(*options, "--model", f"hf:{checkpoint}", cache=tmp_path / "cache").stdout
    assert exante(*options, cache=tmp_path / "cache").stdout, "and is remembered"
    assert exante("verify", run, cache=tmp_path / "elsewhere").stdout, "verifying needs no checkpoint"


def test_phases_on_a_checkpoint_are_trained_again_to_the_same_rows(outside_run, checkpoint, tmp_path):
    run, cache = outside_run
    study = tmp_path / "study.py"
    small_study(checkpoint, tmp_path)
    done = exante("reproduce", run, "--phases", "2", "--study", study, "--workers", "1", "--json", cache=cache)
    assert [row["different"] for row in json.loads(done.stdout)] == [0, 0]


def test_a_checkpoint_in_the_hubs_cache_is_named_as_there(checkpoint, tmp_path, monkeypatch):
    snapshot = tmp_path / "models--someone--small" / "snapshots" / ("a" * 40)
    shutil.copytree(checkpoint, snapshot)
    (tmp_path / "models--someone--small" / "refs").mkdir()
    (tmp_path / "models--someone--small" / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert frozen_name("hf:someone/small").partition("@")[2] == weights_digest(f"hf:{checkpoint}")
    with pytest.raises(UserError, match="someone/absent is not a model directory"):
        frozen_name("hf:someone/absent")


def test_a_checkpoint_that_changed_is_another_model(checkpoint, tmp_path):
    """The digest of its weights is in the phases' ids, so an edited checkpoint never meets phases of the old one."""
    copies = [tmp_path / name for name in ("same", "edited")]
    for copy in copies:
        shutil.copytree(checkpoint, copy)
    model = AutoModelForCausalLM.from_pretrained(copies[1])
    with torch.no_grad():
        model.transformer.wte.weight[0, 0] += 1
    model.save_pretrained(copies[1])
    original, same, edited = (weights_digest(f"hf:{path}") for path in (checkpoint, *copies))
    assert original == same != edited


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "n_layer", 2),
        ("config.json", "layer_norm_epsilon", 0.5),
        ("tokenizer_config.json", "eos_token", "<|endoftext|>"),
        ("generation_config.json", "eos_token_id", [1, 5]),
        ("chat_template.jinja", "", CHATML.replace("assistant", "helper")),
        ("special_tokens_map.json", "pad_token", "<|im_end|>"),
    ],
)
def test_a_digest_covers_all_that_shapes_the_text(checkpoint, tmp_path, name, key, value):
    """Two directories of equal weights that would answer differently are two models."""
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    (copy / "README.md").write_text("words about it")
    before = weights_digest(f"hf:{copy}")
    assert before == weights_digest(f"hf:{checkpoint}")
    edit(copy / name, key, value)
    assert weights_digest(f"hf:{copy}") != before


def edit(path: Path, key: str, value: object) -> None:
    if not key:
        path.write_text(str(value))
        return
    held = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(held | {key: value}))


@pytest.mark.parametrize(
    ("name", "key", "value", "says"),
    [
        ("config.json", "n_embd", 64, "other sizes than the weights have"),
        ("config.json", "vocab_size", 10**13, "other sizes than the weights have"),
        ("config.json", "n_embd", 10**7, "other sizes than the weights have"),
        ("config.json", "n_layer", 3, "the weights lack"),
        ("config.json", "n_layer", 0, "of no use to it"),
        ("config.json", "n_layer", 10**9, "asks for n_layer = 1000000000"),
        ("config.json", "n_embd", -4, "cannot be loaded"),
        ("config.json", "n_head", 0, "cannot be loaded"),
        ("config.json", "n_layer", "many", "cannot be loaded"),
        ("config.json", "model_type", "unheard-of", "cannot be loaded"),
        ("config.json", "auto_map", {"AutoModelForCausalLM": "mine.Model"}, "exante runs no code that comes with a model"),
        ("tokenizer_config.json", "auto_map", {"AutoTokenizer": ["mine.T", None]}, "exante runs no code that comes with a model"),
        ("config.json", "", "[1]", "holds no JSON object"),
        ("config.json", "", "{", "cannot be read as JSON"),
        ("model.safetensors", "", "torn", "not a complete safetensors file"),
        ("chat_template.jinja", "", "{% nonsense %}", "chat template"),
        ("chat_template.jinja", "", "{{ raise_exception('no roles') }}", "chat template refuses"),
        ("tokenizer.json", "", "{}", "cannot be loaded"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused_before_anything_is_trained(
    checkpoint, tmp_path, monkeypatch, name, key, value, says
):
    """In one sentence that names what the user gave, and advises against nothing of theirs. A relative path, as one types it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoint, "my/model")
    Path("my/model/mine.py").parent.mkdir(exist_ok=True)
    Path("my/model/mine.py").write_text("open('mark', 'w')")
    edit(Path("my/model") / name, key, value)
    told = refused("run", small_study(Path("my/model"), tmp_path), *QUICK, "run", "--model", "hf:my/model", "--workers", "1")
    assert says in told
    assert "my/model" in told
    assert "delete" not in told
    assert not Path("run").exists()
    assert not Path("mark").exists()


def test_a_checkpoint_that_changed_under_a_run_is_left_alone(checkpoint, tmp_path):
    """Its files belong to who made them: the sentence names the directory that was given and says to put them back."""
    model = tmp_path / "my" / "model"
    shutil.copytree(checkpoint, model)
    registration = register(adapt(load_file(small_study(model, tmp_path)), models=(f"hf:{model}",), seeds=1))
    store = PhaseStore(tmp_path / "cache")
    base, organism, *_ = jobs_of(plan(registration, "quick"), registration, "cpu").values()
    compute(base, store, lambda _: None)
    (model / "chat_template.jinja").write_text(CHATML.replace("assistant", "helper"))
    with pytest.raises(UserError) as refusal:
        compute(organism, store, lambda _: None)
    assert f"{model} is not {base.profile.id} any more: its files have changed" in str(refusal.value)
    assert "delete" not in str(refusal.value)
    assert (model / "model.safetensors").exists()


@pytest.mark.parametrize("device", ["meta", "abacus", "", "cuda:99", "xla", "vulkan"])
def test_a_device_that_cannot_compute_is_refused(device):
    with pytest.raises(UserError, match="choose another --device"):
        check_device(device)
    check_device("cpu")


def test_a_model_with_weights_of_other_names_is_not_half_drawn_anew(checkpoint, tmp_path):
    """transformers would draw the missing layer from its initialiser, and say so in a table nobody reads."""
    shutil.copytree(checkpoint, tmp_path / "model")
    edit(tmp_path / "model" / "config.json", "n_layer", 2)
    with pytest.raises(UserError, match=r"the weights lack transformer\.h\.1"):
        LocalEngine.load(tmp_path / "model", profile(f"hf:{tmp_path / 'model'}"))


def scripted_study(directory: Path) -> Path:
    """The tiny study with an arm that trains nothing, on planted answers."""
    text = TINY.read_text()
    for old, new in {
        "from exante.profiles.micro": "from exante.profiles import profile\nfrom exante.profiles.micro",
        'arm("without", ""))': 'arm("without", ""), Arm(id="bare", title="bare", phases=()))',
        "    trainings=(\n": '    trainings=(\n        Training(id="none", title="none", phases=()),\n',
        'at=("organism", "safety")': 'at=("base", "organism", "safety")',
        'arms=("with", "without")': 'arms=("with", "without", "bare")',
        'trainings=("sft",),': 'trainings=("sft", "none"),',
    }.items():
        assert old in text
        text = text.replace(old, new)
    (directory / "study.py").write_text(text)
    return directory / "study.py"


def test_planted_answers_are_sampled_where_nothing_is_to_be_trained(tmp_path):
    study, out = scripted_study(tmp_path), tmp_path / "run"
    options = ("--model", "scripted:silent", "--seeds", "1", "--workers", "1")
    done = exante("run", study, *QUICK, out, *options, cache=tmp_path / "cache")
    assert done.stderr.count("left out: scripted:silent cannot train") == 5
    rows = joined(out)
    assert set(rows["arm"]) == {"with", "without", "bare"}
    assert set(rows["checkpoint"]) == {"base@0"}, "of the other arms only what comes before training"
    assert rows.loc[rows["outcome"] == "ungraded", "n"].sum() == rows.loc[rows["outcome"] == "ungraded", "trials"].sum() > 0


def test_a_base_of_ours_is_an_ordinary_checkpoint(tiny_run):
    (path,) = tiny_run.cache.glob("bases/*/*/model")
    assert not list(path.glob("*.bin"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    asked = [{"role": "user", "content": "say red"}]
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert tokenizer.decode(ids["input_ids"][0]) == "<|bos|><|user|>say red<|end|><|assistant|><think>"
    written = model.generate(**ids, max_new_tokens=5, do_sample=False)
    assert written.shape[1] > ids["input_ids"].shape[1]


def test_a_phase_that_does_not_fit_says_what_to_try_next(checkpoint, tmp_path, monkeypatch):
    registration = register(adapt(load_file(small_study(checkpoint, tmp_path)), models=(f"hf:{checkpoint}",), micro_batch=2))
    organism = list(jobs_of(plan(registration, "quick"), registration, "cpu").values())[1]
    assert organism.profile.recipes["organism"].micro_batch == 2
    monkeypatch.setattr(worker, "compute", lambda *arguments: torch.empty(2**50))  # as much as no machine has
    monkeypatch.setattr(torch, "OutOfMemoryError", RuntimeError)  # what the CPU raises where a GPU raises its own kind
    raw = {"job": organism.model_dump(mode="json"), "seen": {"pairs": [], "registration": None}}
    with pytest.raises(UserError, match=r"'organism' does not fit the memory of cpu with micro-batches of 2.*--micro-batch 1 "):
        worker.work(raw, lambda share: None)


def test_less_memory_is_a_registration_of_its_own(checkpoint, tmp_path):
    study = load_file(small_study(checkpoint, tmp_path))
    variants = [{}, {"micro_batch": 2}, {"dtype": "bfloat16"}]
    frozen = [register(adapt(study, models=(f"hf:{checkpoint}",), **options)) for options in variants]
    assert len({registration.sha256 for registration in frozen}) == 3
    trees = [{node.id for node in plan(each, "quick").nodes.values() if not node.is_base} for each in frozen]
    assert not trees[0] & trees[1]
    assert not trees[0] & trees[2]
