"""Words on the command line: presets, overrides, and one line for every mistake."""

import dataclasses
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import tyro

import cli.command_line
import cli.configuration
import cli.evaluate
import cli.train
from cli.command_line import parse, run_command
from cli.configuration import load_preset, overlaid, plain, toml_text
from cli.evaluate.screening import EvaluateScreening
from cli.train.seeker import TrainSeeker

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class _Learning:
    """How it learns."""

    rate: float = 0.5
    """Learning rate (per step)."""
    steps: int | None = None
    """Steps."""

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate: got {self.rate}, expected more than 0")


@dataclasses.dataclass(frozen=True)
class _Config:
    size: int = 3
    """Size of the thing (things)."""
    kind: Literal["a", "b"] = "a"
    """Which kind."""
    learning: _Learning = dataclasses.field(default_factory=_Learning)


@dataclasses.dataclass(frozen=True)
class _Thing:
    """Make a thing."""

    RENAMED: ClassVar = {"learning_rate": "learning.rate"}
    RENAMED_VALUES: ClassVar = {"--kind": {"old": "b"}}

    config: Annotated[_Config, tyro.conf.arg(name="")] = dataclasses.field(default_factory=_Config)
    seed: int = 0
    """Seed."""
    share: float = 0.5
    """Share."""
    preset: str | None = None
    """Preset."""

    def start(self) -> None:
        """Makes it."""

    @staticmethod
    def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
        nested = dict(values)
        if "learning_rate" in nested:
            nested["learning"] = {"rate": nested.pop("learning_rate")}
        return nested


_COMMANDS = {"thing": _Thing}


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "large.toml").write_text('# large\nsize = 30\nkind = "b"\n[learning]\nrate = 2\n')
    (folder / "earlier.toml").write_text("learning_rate = 0.25\n")
    (folder / "wrong.toml").write_text("[learning]\ncolour = 1\n")
    (folder / "typed.toml").write_text('size = "3"\n')
    (folder / "broken.toml").write_text("size =\n")
    monkeypatch.setattr(cli.configuration, "PRESETS", tmp_path)
    return tmp_path


def _parse(*arguments: str) -> _Thing:
    return parse(_COMMANDS, arguments, program="make.py")


def test_defaults_then_preset_then_options(presets: Path) -> None:
    assert _parse("thing").config == _Config(3, "a", _Learning(0.5))
    assert _parse("thing", "--preset", "large").config == _Config(30, "b", _Learning(2.0))
    command = _parse("thing", "--preset=large", "--size", "5", "--learning.steps", "9", "--seed", "7")
    assert command.config == _Config(5, "b", _Learning(2.0, 9))
    assert command.seed == 7
    assert command.preset == "large"
    assert _parse("thing", "--preset", "earlier").config.learning.rate == 0.25
    own = presets / "own.toml"
    own.write_text("size = 8\n")
    assert _parse("thing", "--preset", str(own)).config.size == 8


def test_a_printed_configuration_is_a_preset() -> None:
    config = _Config(30, "b", _Learning(1e-5, 7))
    assert overlaid(_Config(), tomllib.loads(toml_text(plain(config))), source="here") == config
    assert "# steps: not set" in toml_text(plain(_Config()))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["other"], "make.py: error: unknown command 'other', expected one of thing"),
        (["thing", "--size", "x"], "--size"),
        (["thing", "--kind", "c"], "invalid choice 'c'"),
        (["thing", "--siz", "3"], "--siz"),
        (["thing", "--learning.rate", "0"], "error: learning.rate: got 0.0, expected more than 0"),
        (["thing", "--learning.rate", "inf"], "--learning.rate: got inf, expected a finite number"),
        (["thing", "--seed", "-1"], "seed: got -1, expected 0 to 4294967295"),
        (["thing", "--share", "nan"], "--share: got nan, expected a finite number"),
        (["thing", "--learning-rate=3"], "make.py thing: error: --learning-rate is now --learning.rate"),
        (["thing", "--kind", "old"], "make.py thing: error: --kind old is now --kind b"),
        (["thing", "--preset", "small"], "unknown preset 'small' of thing, expected one of broken, earlier, large"),
        (["thing", "--preset", "wrong"], "wrong.toml: unknown key 'learning.colour'"),
        (["thing", "--preset", "typed"], "typed.toml: size: got '3', expected int"),
        (["thing", "--preset", "broken"], "broken.toml: no valid TOML"),
        (["thing", "--preset", "nowhere/own.toml"], "nowhere/own.toml: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    presets: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        run_command(_COMMANDS, arguments, program="make.py")
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_mistake_is_one_line_without_unicode_too() -> None:
    box = " Value error   \n ------------- \n  Error parsing --size: no number  \n  ---\n  For help, see make.py\n"
    assert cli.command_line._first_paragraph(box) == "Error parsing --size: no number"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("file.json: dialogue 3:\nbroken"), "file.json: dialogue 3: broken"),
        (FileNotFoundError(2, "No such file or directory", "no/file"), "no/file: No such file or directory"),
        (OSError("nowhere does not appear to have a file named config.json"), "nowhere does not appear to have"),
        (OSError(), "OSError"),
    ],
)
def test_what_a_command_cannot_use_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def fail(self: _Thing) -> None:
        raise error

    monkeypatch.setattr(_Thing, "start", fail)
    monkeypatch.delenv("ESC_DEBUG", raising=False)
    with pytest.raises(SystemExit) as end:
        run_command(_COMMANDS, ["thing"], program="make.py")
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"make.py: error: {said}")
    monkeypatch.setenv("ESC_DEBUG", "1")
    with pytest.raises(type(error)):
        run_command(_COMMANDS, ["thing"], program="make.py")


@pytest.mark.parametrize(
    ("script", "command", "said"),
    [
        (cli.train, TrainSeeker, "train.py: interrupted; the same command resumes from the last checkpoint\n"),
        (cli.evaluate, EvaluateScreening, "evaluate.py: interrupted\n"),
    ],
)
def test_an_interrupted_command_says_whether_it_resumes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: Any, command: Any, said: str
) -> None:
    def interrupt(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "start", interrupt)
    with pytest.raises(SystemExit) as end:
        script.main([command.__module__.rpartition(".")[2]])
    assert end.value.code == 130
    assert capsys.readouterr().err == said


def test_what_is_optional_is_shown_by_its_value_and_the_word_none_undoes_a_preset(
    presets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _parse("thing", "--help")
    assert "--learning.steps INT" in capsys.readouterr().out
    (presets / "thing" / "long.toml").write_text("learning.steps = 9\n")
    assert _parse("thing", "--preset", "long").config.learning.steps == 9
    assert _parse("thing", "--preset", "long", "--learning.steps", "None").config.learning.steps is None


def test_a_closed_pipe_ends_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "evaluate.py", "--help"]
        done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_help_lists_commands_and_field_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in ((["--help"], "Make a thing."), (["thing", "--help"], "Size of the thing (things).")):
        with pytest.raises(SystemExit) as end:
            _parse(*arguments)
        assert not end.value.code
        assert said in capsys.readouterr().out


@pytest.mark.parametrize("names", [("planner", "dialogue"), ("generator",)])
def test_every_earlier_name_has_a_place_today(names: tuple[str, ...]) -> None:
    commands = [cli.train.COMMANDS[name].load() for name in names]
    places = {
        f"{part.name}.{field.name}"
        for command in commands
        for part in dataclasses.fields(command().config)
        if dataclasses.is_dataclass(part.type)
        for field in dataclasses.fields(part.type)
    }
    assert set(commands[0].RENAMED.values()) <= places


@pytest.mark.parametrize("name", ["planner", "generator", "dialogue"])
def test_every_shipped_preset_fits_its_configuration(name: str) -> None:
    command = cli.train.COMMANDS[name].load()
    presets = [path.stem for path in (cli.configuration.PRESETS / name).glob("*.toml")]
    assert presets
    for preset in presets:
        base = command().config
        assert load_preset(name, preset, base, upgraded=command.upgraded) != base
