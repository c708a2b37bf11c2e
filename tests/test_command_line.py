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
        run_command(_COMMANDS, arguments, program="make.py", start=lambda command: None)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_wrong_input_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    def start(command: _Thing) -> None:
        raise ValueError("file.json: dialogue 3:\nbroken")

    with pytest.raises(SystemExit) as end:
        run_command(_COMMANDS, ["thing"], program="make.py", start=start)
    assert end.value.code == 2
    assert capsys.readouterr().err == "make.py: error: file.json: dialogue 3: broken\n"


def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_command(_COMMANDS, ["thing"], program="make.py", start=lambda command: (tmp_path / "no").read_text())
    assert end.value.code == 2
    assert capsys.readouterr().err == f"make.py: error: {tmp_path / 'no'}: No such file or directory\n"


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
