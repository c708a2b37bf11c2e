"""From words on the command line to a frozen command: defaults < preset < flags; every mistake is one line."""

import contextlib
import dataclasses
import io
import logging
import os
import re
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import tyro

PRESETS = Path(__file__).resolve().parent.parent / "configs"
_USAGE_ERROR = 2


def run_command(
    commands: Mapping[str, type], arguments: Sequence[str], *, program: str, start: Callable[[Any], None]
) -> None:
    """Parses a command and starts it; wrong usage and wrong input end with one line and exit status 2.

    Args:
        commands: Name of each command -> its frozen dataclass; field documentation becomes the help.
        arguments: What stands after the program's name.
        program: The program's name, for messages.
        start: Runs a parsed command.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("httpx", "sentence_transformers", "matplotlib", "transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        start(parse(commands, arguments, program=program))
    except (ValueError, OSError, sqlite3.DatabaseError) as error:
        if os.environ.get("ESC_DEBUG"):
            raise
        _fail(program, f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error))
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)


def parse(commands: Mapping[str, type], arguments: Sequence[str], *, program: str) -> Any:
    """The command that the arguments describe.

    Raises:
        SystemExit: With status 0 after ``--help``, with status 2 and one line on wrong usage.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, commands))
        lines = [f"  {name:{width}}  {(kind.__doc__ or '').splitlines()[0]}" for name, kind in commands.items()]
        print(f"usage: python {program} COMMAND [OPTIONS]\n\ncommands:\n" + "\n".join(lines))
        print(f"\nOptions of a command: python {program} COMMAND --help")
        sys.exit(0 if arguments else _USAGE_ERROR)
    name, rest = arguments[0], list(arguments[1:])
    if name not in commands:
        _fail(program, f"unknown command {name!r}, expected one of {', '.join(commands)}")
    kind = commands[name]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            preset = _value_of("--preset", rest)
            default = None
            if preset is not None and "config" in {field.name for field in dataclasses.fields(kind)}:
                default = kind(config=load_preset(name, preset, kind().config))
            return tyro.cli(kind, prog=f"{program} {name}", args=rest, default=default)
    except SystemExit as end:
        if end.code:
            _fail(f"{program} {name}", _first_paragraph(said.getvalue()))
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
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    if unknown := sorted(set(values) - {field.name for field in dataclasses.fields(base)}):
        raise ValueError(f"{path}: unknown key {unknown[0]!r}")
    return dataclasses.replace(base, **values)


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


def _fail(program: str, problem: str) -> NoReturn:
    print(f"{program}: error: {' '.join(problem.split())}", file=sys.stderr)
    sys.exit(_USAGE_ERROR)
