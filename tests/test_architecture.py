"""The rules of DESIGN section 2 and CONTRIBUTING, checked on every file: imports, file sizes, names, paths, pickles."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Package -> packages of ours it may import, beside itself. Data flows forward, imports point backward.
OWN = {
    "corpus": set(),
    "encoding": {"corpus"},
    "metrics": {"corpus"},
    "env": {"corpus", "encoding", "metrics"},
    "planner": {"corpus", "encoding", "metrics", "env"},
    "generator": {"corpus", "encoding"},
    "seeker": {"corpus", "encoding", "metrics", "env"},
    "evaluation": {"corpus", "encoding", "metrics", "env", "planner", "generator", "seeker"},
    "chat": {"corpus", "encoding", "metrics", "env", "planner", "generator", "evaluation"},
}
# Modules beside the packages: the scripts and what only they import.
SCRIPTS = {"train", "evaluate", "chat.py"}  # with its suffix where a package has the same name
COMMAND_GROUPS = {"text_commands", "dialogue_command"}  # a script's commands that stand in a file of their own
# Library -> packages that may import it. What is not listed may be imported nowhere; tests are free.
EVERYWHERE = {"numpy", "scipy", "tqdm"}
LIBRARIES = {
    "sentence_transformers": {"encoding"},
    "nltk": {"metrics"},
    "bert_score": {"metrics"},  # an extra, loaded when asked for
    "sklearn": {"metrics", "planner", "seeker"},
    "gymnasium": {"env", "planner"},  # planner: SB3's policies are told their spaces
    "stable_baselines3": {"planner"},
    "torch": {"planner", "generator", "seeker", "runs"},  # runs: seeding
    "transformers": {"generator", "seeker"},
    "httpx2": {"seeker"},
    "matplotlib": {"evaluation"},
    "jinja2": {"evaluation", "seeker"},  # seeker: the error of chat templates
    # Small ones, each part of what a package's heavy library brings.
    "huggingface_hub": {"corpus", "encoding", "generator"},
    "safetensors": {"planner", "generator", "seeker"},
    "tokenizers": {"generator"},
    "markupsafe": {"evaluation"},
    "gradio": {"chat"},
    "starlette": {"chat"},  # what gradio serves with
    "tyro": {"train", "evaluate", "chat.py", "command_line", "text_commands", "dialogue_command"},
    "joblib": {"evaluation"},  # to share out work; to load with it would be to unpickle
    "ray": {"evaluation"},  # an extra, loaded when asked for
}
UNSAFE = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
UNSAFE_CALLS = {"joblib.load", "joblib.dump", "joblib.Memory"}
LONGEST_FILE = 300
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MACHINE_PATH = re.compile(r"(?<![\w.~])(?:/(?:home|root|work|tmp|Users|mnt|opt)/\w|[A-Z]:\\\w)")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".yml", ".yaml", ".cfg", ".j2", ".html", ".sh", ""}
# Folders that hold the project; whatever else lies in the working directory (runs, caches, data) is not of it.
FOLDERS = (*OWN, "tests", "configs", "benchmarks", ".ci")


def own_files() -> Iterator[Path]:
    """Every file of the project, by its path from the root."""
    for path in ROOT.iterdir():
        if path.is_file() and path.suffix in TEXT_SUFFIXES and path.name != ".git":
            yield path.relative_to(ROOT)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


FILES = sorted(own_files())
SOURCES = [path for path in FILES if path.suffix == ".py"]
PACKAGED = [path for path in SOURCES if path.parts[0] != "tests"]
ROOT_MODULES = {path.stem for path in SOURCES if len(path.parts) == 1}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every module that a source imports, wherever in it and however late."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays inside its package, whose name is all that counts here.
            yield node.lineno, (node.module or "").split(".")[0] if not node.level else ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"importlib.import_module", "__import__"}:
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value.split(".")[0]


def import_offences(package: str, source: str) -> list[str]:
    """What a source of a package (or of a module beside the packages) imports and must not; empty where all is well."""
    offences = []
    for line, name in imported(source):
        if name in {"", package, "__future__"} or name in sys.stdlib_module_names or name in EVERYWHERE:
            continue
        if name in OWN:
            allowed = package not in OWN or name in OWN[package]
        elif name in ROOT_MODULES | SCRIPTS | {"runs"}:
            allowed = package in SCRIPTS | COMMAND_GROUPS and name not in SCRIPTS
        else:
            allowed = package in LIBRARIES.get(name, set())
        if not allowed:
            offences.append(f"line {line}: {package} may not import {name}")
    return offences


def pickle_offences(source: str) -> list[str]:
    """Where a source could run code out of a file."""
    offences = [f"line {line}: imports {name}" for line, name in imported(source) if name in UNSAFE]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "joblib":
            # Only by its full name, so that the calls below cannot hide.
            offences.append(f"line {node.lineno}: imports from joblib")
        if not isinstance(node, ast.Call):
            continue
        options = {option.arg: ast.unparse(option.value) for option in node.keywords}
        if ast.unparse(node.func) in UNSAFE_CALLS:
            offences.append(f"line {node.lineno}: calls {ast.unparse(node.func)}")
        if ast.unparse(node.func) == "torch.load" and options.get("weights_only") != "True":
            offences.append(f"line {node.lineno}: torch.load without weights_only=True")
        if options.get("allow_pickle") == "True":
            offences.append(f"line {node.lineno}: allow_pickle=True")
    return offences


def test_all_packages_are_looked_at() -> None:
    found = {path.parts[0] for path in PACKAGED if len(path.parts) > 1}
    assert set(OWN) <= found
    assert found <= {*OWN, "benchmarks", "configs", ".ci"}, "a package without import rules"


@pytest.mark.parametrize("path", PACKAGED, ids=str)
def test_imports_point_backward(path: Path) -> None:
    package = path.parts[0] if len(path.parts) > 1 else path.name if path.stem in OWN else path.stem
    assert import_offences(package, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize("path", PACKAGED, ids=str)
def test_nothing_unpickles(path: Path) -> None:
    assert pickle_offences((ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_one_idea_per_file(path: Path) -> None:
    lines = len((ROOT / path).read_text("utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{path} has {lines} lines: it holds more than one idea"
    assert not VAGUE_NAMES & set(path.with_suffix("").parts), f"{path}: name the idea"


def test_packages_say_what_they_are() -> None:
    for package in OWN:
        assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))), package


def test_no_path_of_a_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in FILES
        if path != Path(__file__).relative_to(ROOT)  # which must name them
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("package", "source", "forbidden"),
    [
        ("corpus", "import json\nimport numpy as np", None),
        ("corpus", "from encoding.plan_codec import STOP", "encoding"),
        ("metrics", "from env import rewards", "env"),
        ("encoding", "def late():\n    from sentence_transformers import SentenceTransformer", None),
        ("planner", "def late():\n    import sentence_transformers.util", "sentence_transformers"),
        ("env", "import torch", "torch"),
        ("planner", "import torch.nn as nn\nfrom gymnasium import spaces", None),
        ("planner", "from generator.realizer import Realizer", "generator"),
        ("generator", "import planner.plan", "planner"),
        ("generator", "if TYPE_CHECKING:\n    from planner.plan import Plan", "planner"),
        ("generator", "importlib.import_module('planner.plan')", "planner"),
        ("evaluation", "import planner.plan\nimport generator.realizer\nimport jinja2", None),
        ("evaluation", "import runs", "runs"),
        ("evaluation", "import train", "train"),
        ("train", "import runs\nimport planner.training", None),
        ("train", "import torch", "torch"),
        ("evaluate", "import train", "train"),
        ("metrics", "import pandas", "pandas"),
        ("chat", "import gradio\nimport evaluation.human_comparison", None),
        ("evaluation", "import chat.study_store", "chat"),
        ("evaluation", "import gradio", "gradio"),
        ("chat", "import runs", "runs"),
        ("chat.py", "import chat.study\nimport command_line\nimport tyro", None),
    ],
)
def test_the_import_rule_itself(package: str, source: str, forbidden: str | None) -> None:
    offences = import_offences(package, source)
    assert [offence.rsplit(" ", 1)[1] for offence in offences] == ([forbidden] if forbidden else [])


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("import pickle", 1),
        ("from cloudpickle import loads", 1),
        ("import joblib\njoblib.load(path)", 1),
        ("from joblib import load", 1),
        ("import joblib\njoblib.Parallel(2)", 0),
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=True)", 1),
        ("np.load(path)", 0),
    ],
)
def test_the_pickle_rule_itself(source: str, number: int) -> None:
    assert len(pickle_offences(source)) == number


@pytest.mark.parametrize("line", ["open('/home/ann/x')", "cd /wor" + "k/x", "C:\\data", "see /tmp/w"])
def test_the_path_rule_itself(line: str) -> None:
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize(
    "line", ["../shared/data", "https://github.com/opt/x", "and/or", "runs/tmp/x", "esconv/home/x"]
)
def test_ordinary_paths_are_no_machine_paths(line: str) -> None:
    assert not MACHINE_PATH.search(line)
