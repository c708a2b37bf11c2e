"""Words on the command line: presets, overrides, and one line for every mistake."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

import cli.command_line
from cli.command_line import load_preset, parse, run_command


@dataclasses.dataclass(frozen=True)
class _Config:
    size: int = 3
    """Size of the thing (things)."""
    kind: Literal["a", "b"] = "a"
    """Which kind."""


@dataclasses.dataclass(frozen=True)
class _Thing:
    """Make a thing."""

    config: Annotated[_Config, tyro.conf.arg(name="")] = dataclasses.field(default_factory=_Config)
    seed: int = 0
    """Seed."""
    preset: str | None = None
    """Preset."""

    def start(self) -> None:
        """Makes it."""


_COMMANDS = {"thing": _Thing}


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "large.toml").write_text('# large\nsize = 30\nkind = "b"\n')
    (folder / "wrong.toml").write_text("colour = 1\n")
    monkeypatch.setattr(cli.command_line, "PRESETS", tmp_path)
    return tmp_path


def _parse(*arguments: str) -> _Thing:
    return parse(_COMMANDS, arguments, program="make.py")


def test_defaults_then_preset_then_flags(presets: Path) -> None:
    assert _parse("thing").config == _Config(3, "a")
    assert _parse("thing", "--preset", "large").config == _Config(30, "b")
    command = _parse("thing", "--preset=large", "--size", "5", "--seed", "7")
    assert command.config == _Config(5, "b")
    assert command.seed == 7
    assert command.preset == "large"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["other"], "make.py: error: unknown command 'other', expected one of thing"),
        (["thing", "--size", "x"], "--size"),
        (["thing", "--kind", "c"], "invalid choice 'c'"),
        (["thing", "--siz", "3"], "--siz"),
        (["thing", "--preset", "small"], "unknown preset 'small' of thing, expected one of large, wrong"),
        (["thing", "--preset", "wrong"], "unknown key 'colour'"),
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


def test_an_interrupted_command_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: _Thing) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Thing, "start", interrupt)
    with pytest.raises(SystemExit) as end:
        run_command(_COMMANDS, ["thing"], program="make.py")
    assert end.value.code == 130
    assert "the same command resumes" in capsys.readouterr().err


def test_help_lists_commands_and_field_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in ((["--help"], "Make a thing."), (["thing", "--help"], "Size of the thing (things).")):
        with pytest.raises(SystemExit) as end:
            _parse(*arguments)
        assert not end.value.code
        assert said in capsys.readouterr().out


def test_every_shipped_preset_fits_its_configuration() -> None:
    from generator.config import GeneratorConfig
    from planner.config import DialogueConfig, PlannerConfig

    bases = {"planner": PlannerConfig(), "generator": GeneratorConfig(), "dialogue": DialogueConfig()}
    for command, base in bases.items():
        names = [path.stem for path in (cli.command_line.PRESETS / command).glob("*.toml")]
        assert names
        for name in names:
            assert load_preset(command, name, base) != base
