"""The rules of the house, checked on every file: imports point backward, folders stay small, nothing unpickles."""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Package -> packages of ours that it may import, beside itself. Data flows forward, imports point backward.
OWN: dict[str, set[str]] = {
    "corpus": set(),
    "encoding": {"corpus"},
    "metrics": {"corpus"},
    "language_models": {"corpus", "encoding"},
    "safety": {"corpus", "encoding"},
    "env": {"corpus", "encoding", "metrics", "language_models"},
    "planner": {"corpus", "encoding", "metrics", "language_models", "env"},
    "generator": {"corpus", "encoding", "metrics", "language_models", "safety"},
    "evaluation": {"corpus", "encoding", "metrics", "language_models", "safety", "env", "planner", "generator"},
}
OWN["cli"] = {*OWN}
OWN["chat"] = {*OWN}  # of cli the way from words to a command; cli knows no chat
FORBIDDEN_BETWEEN = {("env", "env.seekers")}  # the environments declare protocols; the commands pass seekers in
ALLOWED_BETWEEN = {("env.defaults", "env.seekers")}  # what gymnasium.make(id) plays without arguments
# Library -> packages or modules that may import it. What is not listed may be imported nowhere; tests are free.
EVERYWHERE = {"numpy", "scipy", "tqdm", "safetensors"}
LIBRARIES = {
    "sentence_transformers": {"encoding"},
    "nltk": {"metrics"},
    "rapidfuzz": {"metrics"},
    "bert_score": {"metrics"},  # an extra, loaded when asked for
    "sklearn": {"encoding", "metrics", "planner", "env.seekers", "safety"},
    "gymnasium": {"env", "planner"},  # planner: SB3's policies are told their spaces
    "stable_baselines3": {"env.sb3", "planner"},
    "torch": {"encoding", "language_models", "planner", "generator", "env.seekers", "cli", "safety"},  # cli: seeding
    "transformers": {"encoding.packaged_weights", "language_models", "generator", "env.seekers"},
    "tokenizers": {"encoding.packaged_weights", "language_models"},
    "filelock": {"encoding.packaged_weights"},
    "peft": {"language_models.adapters"},
    "huggingface_hub": {"corpus", "encoding", "language_models", "generator"},
    "openai": {"language_models"},
    "httpx2": {"language_models"},
    "matplotlib": {"evaluation"},
    "jinja2": {"evaluation", "language_models"},  # language_models: the error of chat templates
    "markupsafe": {"evaluation"},
    "joblib": {"evaluation"},  # to share out work; to load with it would be to unpickle
    "ray": {"evaluation"},  # an extra, loaded when asked for
    "gradio": {"chat.web", "chat.study"},
    "starlette": {"chat.web"},  # what gradio serves with
    "tyro": {"cli", "chat"},
}
UNSAFE = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
UNSAFE_CALLS = {"joblib.load", "joblib.dump", "joblib.Memory"}
LONGEST_FILE = 400
MOST_MODULES = 12
SMALLEST_WITH_ONE_READER = 80
REGISTRIES = {  # folders of many of a kind: a small member with one reader is no paragraph of it
    "corpus/formats", "metrics/strategy", "metrics/text", "metrics/response", "planner/baselines",
    "planner/base_models", "cli/train", "cli/evaluate", "env/seekers", "planner/ppo",
}  # fmt: skip
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MACHINE_PATH = re.compile(r"(?<![\w.~])(?:/(?:home|root|work|tmp|Users|mnt|opt)/\w|[A-Z]:\\\w)")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".yml", ".yaml", ".cfg", ".j2", ".html", ".sh", ""}
FOLDERS = (*OWN, "tests", "configs", "benchmarks", "docs", ".ci")
ROOT_MODULES = {"train", "evaluate"}


def own_files() -> Iterator[Path]:
    """Every text file of the project, by its path from the root."""
    for path in ROOT.iterdir():
        if path.is_file() and path.suffix in TEXT_SUFFIXES and path.name != ".git":
            yield path.relative_to(ROOT)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


FILES = sorted(own_files())
SOURCES = [path for path in FILES if path.suffix == ".py"]
PACKAGED = [path for path in SOURCES if path.parts[0] in OWN]
TEXTS = {path: (ROOT / path).read_text("utf-8") for path in FILES}
TREES = {path: ast.parse(TEXTS[path]) for path in SOURCES}


def module_of(path: Path) -> str:
    """Dotted name of a source file."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every module that a source imports, wherever in it and however late."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"importlib.import_module", "__import__"}:
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def within(module: str, places: set[str]) -> bool:
    """Whether a module is one of the places or lies inside one."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def import_offences(module: str, source: str) -> list[str]:
    """What a module imports and must not; empty where all is well."""
    package = module.split(".")[0]
    offences = []
    for line, name in imported(ast.parse(source)):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in EVERYWHERE:
            continue
        if top in OWN:
            allowed = top == package or top in OWN[package]
            allowed &= not any(
                within(module, {of}) and not within(module, {what}) and within(name, {what})
                for of, what in FORBIDDEN_BETWEEN
                if (module, what) not in ALLOWED_BETWEEN
            )
        else:
            allowed = within(module, LIBRARIES.get(top, set()))
        if not allowed:
            offences.append(f"line {line}: {module} may not import {top if top not in OWN else name}")
    return offences


def pickle_offences(source: str) -> list[str]:
    """Where a source could run code out of a file."""
    tree = ast.parse(source)
    offences = [f"line {line}: imports {name}" for line, name in imported(tree) if name.split(".")[0] in UNSAFE]
    for node in ast.walk(tree):
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


def test_the_root_holds_two_scripts() -> None:
    assert {path.stem for path in SOURCES if len(path.parts) == 1} == ROOT_MODULES


def test_imports_point_backward() -> None:
    offences = {str(path): import_offences(module_of(path), TEXTS[path]) for path in PACKAGED}
    assert {path: found for path, found in offences.items() if found} == {}


def test_nothing_unpickles() -> None:
    offences = {str(path): pickle_offences(TEXTS[path]) for path in SOURCES if path.parts[0] != "tests"}
    assert {path: found for path, found in offences.items() if found} == {}


def test_a_folder_holds_a_dozen_modules() -> None:
    folders = Counter(str(path.parent) for path in PACKAGED if path.name not in ("__init__.py", "__main__.py"))
    assert {folder: number for folder, number in folders.items() if number > MOST_MODULES} == {}


def test_a_small_module_with_one_reader_is_a_paragraph_of_it() -> None:
    readers = defaultdict(set)
    modules = {module_of(path): path for path in PACKAGED}
    for path in (*PACKAGED, Path("train.py"), Path("evaluate.py")):
        for _, name in imported(TREES[path]):
            if name in modules:
                readers[name].add(path)
    small = [
        f"{path} ({TEXTS[path].count(chr(10))} lines)"
        for module, path in modules.items()
        if path.name not in ("__init__.py", "__main__.py")
        and TEXTS[path].count("\n") < SMALLEST_WITH_ONE_READER
        and len(readers[module]) == 1
        and str(path.parent) not in REGISTRIES
    ]
    assert small == []


def test_files_are_short_and_name_their_idea() -> None:
    long = {str(path): TEXTS[path].count("\n") for path in SOURCES if TEXTS[path].count("\n") > LONGEST_FILE}
    vague = [str(path) for path in SOURCES if VAGUE_NAMES & set(path.with_suffix("").parts)]
    assert (long, vague) == ({}, [])


def test_a_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for path in PACKAGED:
        for node in TREES[path].body:
            alias = node.targets[0] if isinstance(node, ast.Assign) else None
            name = node.name if isinstance(node, ast.ClassDef) else alias.id if isinstance(alias, ast.Name) else "_"
            if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                places[name].append(str(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_modules_say_what_they_are() -> None:
    assert [str(path) for path in SOURCES if path.parts[0] != "tests" and not ast.get_docstring(TREES[path])] == []


def test_no_path_of_a_machine() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in FILES
        if path != Path(__file__).relative_to(ROOT)  # which must name them
        for number, line in enumerate(TEXTS[path].splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "source", "forbidden"),
    [
        ("corpus.load", "import json\nimport numpy as np", None),
        ("corpus.load", "from encoding.plan_codec import STOP", "encoding"),
        ("env.rewards", "import torch", "torch"),
        ("env.turns", "from env.seekers.retrieval.seeker import RetrievalSeeker", "env.seekers"),
        ("env.seekers.retrieval.stars", "import sklearn", None),
        ("planner.planner", "from generator.realizer import Realizer", "generator"),
        ("generator.inputs", "if TYPE_CHECKING:\n    from planner.plan import Plan", "planner"),
        ("generator.inputs", "importlib.import_module('planner.plan')", "planner"),
        ("evaluation.result", "import chat.study.study", "chat"),
        ("metrics.text.bleu", "import pandas", "pandas"),
    ],
)
def test_the_import_rule_itself(module: str, source: str, forbidden: str | None) -> None:
    offences = import_offences(module, source)
    assert all(forbidden and forbidden in offence for offence in offences)
    assert bool(offences) == bool(forbidden)


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("import pickle", 1),
        ("from cloudpickle import loads", 2),
        ("import joblib\njoblib.load(path)", 1),
        ("from joblib import load", 1),
        ("import joblib\njoblib.Parallel(2)", 0),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=True)", 1),
    ],
)
def test_the_pickle_rule_itself(source: str, number: int) -> None:
    assert len(pickle_offences(source)) == number


def test_the_path_rule_itself() -> None:
    assert all(map(MACHINE_PATH.search, ["open('/home/ann/x')", "cd /wor" + "k/x", "C:\\data", "see /tmp/w"]))
    assert not any(map(MACHINE_PATH.search, ["../shared/data", "https://github.com/opt/x", "and/or", "runs/tmp/x"]))
