"""From words on the command line to a frozen command: defaults < preset < options. Every mistake is one line."""

import contextlib
import dataclasses
import importlib
import io
import logging
import os
import re
import sqlite3
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import tyro

PRESETS = Path(__file__).resolve().parent.parent / "configs"
_USAGE_ERROR = 2
_NOISY = ("httpx", "sentence_transformers", "matplotlib", "transformers")  # loggers of libraries


class Command(Protocol):
    """A frozen dataclass whose fields are options; their documentation is the help."""

    def start(self) -> None:
        """Does what the command is for."""


@dataclasses.dataclass(frozen=True)
class LazyCommand:
    """A command that is imported when it is asked for, so that the list of commands costs nothing.

    Attributes:
        place: ``module:Class``.
        summary: The first line of the class's documentation.
    """

    place: str
    summary: str

    def load(self) -> type[Command]:
        """The command's class."""
        module, _, name = self.place.partition(":")
        return getattr(importlib.import_module(module), name)


Commands = Mapping[str, LazyCommand | type[Command]]


def run_command(commands: Commands | type[Command], arguments: Sequence[str], *, program: str) -> None:
    """Parses a command and starts it; wrong usage and wrong input end with one line and exit status 2.

    Args:
        commands: The commands by name; or the only one, which then has no name.
        arguments: What follows the program's name.
        program: The program's name, for messages.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        parse(commands, arguments, program=program).start()
    except (ValueError, OSError, sqlite3.DatabaseError) as error:
        if os.environ.get("ESC_DEBUG"):
            raise
        _fail(program, _described(error))
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command resumes from the last checkpoint", file=sys.stderr)
        sys.exit(130)


def parse(commands: Commands | type[Command], arguments: Sequence[str], *, program: str) -> Any:
    """The command that the arguments describe.

    Raises:
        SystemExit: With status 0 after ``--help``, with status 2 and one line on wrong usage.
        ValueError: The preset or a value is wrong.
    """
    if isinstance(commands, type):
        return _parsed(commands, arguments, program=program)
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, commands))
        lines = [f"  {name:{width}}  {_summary(command)}" for name, command in commands.items()]
        print(f"usage: python {program} COMMAND [OPTIONS]\n\ncommands:\n" + "\n".join(lines))
        print(f"\nOptions of a command: python {program} COMMAND --help")
        sys.exit(0 if arguments else _USAGE_ERROR)
    name, rest = arguments[0], list(arguments[1:])
    if name not in commands:
        _fail(program, f"unknown command {name!r}, expected one of {', '.join(commands)}")
    command = commands[name]
    kind: Any = command.load() if isinstance(command, LazyCommand) else command
    preset = _value_of("--preset", rest)
    default = None
    if preset is not None and "config" in {field.name for field in dataclasses.fields(kind)}:
        default = kind(config=load_preset(name, preset, kind().config))
    return _parsed(kind, rest, program=f"{program} {name}", default=default)


def _parsed(kind: Any, arguments: Sequence[str], *, program: str, default: Any = None) -> Any:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=program, args=arguments, default=default)
    except SystemExit as end:
        if end.code:
            _fail(program, _first_paragraph(said.getvalue()))
        raise


def load_preset(command: str, preset: str, base: Any) -> Any:
    """A configuration overlaid with ``configs/<command>/<preset>.toml``.

    Args:
        command: ``planner`` or ``generator``.
        preset: Name of the file without its suffix.
        base: A configuration dataclass with the defaults.

    Raises:
        ValueError: No such preset, or it sets what the configuration does not have.
    """
    path = PRESETS / command / f"{preset}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("*.toml")))
        raise ValueError(f"unknown preset {preset!r} of {command}, expected one of {known}")
    return _overlaid(base, tomllib.loads(path.read_text(encoding="utf-8")), path)


def _overlaid(base: Any, values: Mapping[str, Any], path: Path) -> Any:
    """A configuration with the values of a file in place of its own; a table overlays a nested configuration."""
    if unknown := sorted(set(values) - {field.name for field in dataclasses.fields(base)}):
        raise ValueError(f"{path}: unknown key {unknown[0]!r}")
    own = {name: getattr(base, name) for name in values}
    return dataclasses.replace(
        base,
        **{
            name: _overlaid(own[name], value, path) if isinstance(value, Mapping) else value
            for name, value in values.items()
        },
    )


def _summary(command: LazyCommand | type[Command]) -> str:
    return command.summary if isinstance(command, LazyCommand) else (command.__doc__ or "").splitlines()[0]


def _value_of(option: str, arguments: Sequence[str]) -> str | None:
    for number, argument in enumerate(arguments):
        if argument == option and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return None


def _first_paragraph(box: str) -> str:
    """What tyro says inside its frame before the first rule, as one line."""
    lines = [line.strip("│ ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    said = []
    for line in lines:
        if line.startswith("╭"):
            continue
        if set(line) <= {"─"} or line.startswith("╰"):
            break
        said.append(line)
    return " ".join(said) or box.strip()


def _described(error: Exception) -> str:
    """One line about an error; an ``OSError`` without file or reason says what it was told."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _fail(program: str, problem: str) -> NoReturn:
    print(f"{program}: error: {' '.join(problem.split())}", file=sys.stderr)
    sys.exit(_USAGE_ERROR)
