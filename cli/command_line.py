"""From words on the command line to a frozen command: defaults < preset < options. Every mistake is one line."""

import contextlib
import dataclasses
import importlib
import io
import logging
import math
import os
import re
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, NoReturn, Protocol, get_args

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from cli.configuration import load_preset
from cli.machine import check_seed

_USAGE_ERROR = 2
_CLOSED_PIPE = 141  # as a shell reports a program that SIGPIPE ended
_NOISY = ("httpx", "sentence_transformers", "matplotlib", "transformers")  # loggers of libraries


class Command(Protocol):
    """A frozen dataclass whose fields are options; their documentation is the help.

    A command may also have ``RENAMED`` (earlier names of its options -> the dotted names of today), ``RENAMED_VALUES``
    (option -> its earlier values -> those of today) and, beside a field ``config``, ``upgraded``, which turns the
    values of earlier presets into those of today.
    """

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


def run_command(
    commands: Commands | type[Command], arguments: Sequence[str], *, program: str, interrupted: str = "interrupted"
) -> None:
    """Parses a command and starts it; wrong usage and wrong input end with one line and exit status 2.

    Args:
        commands: The commands by name; or the only one, which then has no name.
        arguments: What follows the program's name.
        interrupted: What is said after Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        try:
            parse(commands, arguments, program=program).start()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes at exit
        sys.exit(_CLOSED_PIPE)
    except (ValueError, OSError, sqlite3.DatabaseError) as error:
        if os.environ.get("ESC_DEBUG"):
            raise
        _fail(program, _described(error))
    except KeyboardInterrupt:
        print(f"{program}: {interrupted}", file=sys.stderr)
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
    _refuse_renamed(kind, rest, program=f"{program} {name}")
    return _parsed(kind, rest, program=f"{program} {name}", default=_with_preset(kind, name, rest))


_OPTIONS = ConstructorRegistry()


@_OPTIONS.primitive_rule
def _optional(option: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Help shows ``INT``, not ``{None}|INT``; the word None still undoes what a preset sets."""
    kinds = get_args(option.type)
    if NoneType not in kinds or len(kinds) != 2:
        return None
    (kind,) = set(kinds) - {NoneType}
    value = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(kind, option.markers))
    if not isinstance(value, PrimitiveConstructorSpec):
        return None
    return dataclasses.replace(
        value,
        instance_from_str=lambda words: None if words == ["None"] else value.instance_from_str(words),
        is_instance=lambda given: given is None or value.is_instance(given),
        str_from_instance=lambda given: ["None"] if given is None else value.str_from_instance(given),
    )


def _parsed(kind: Any, arguments: Sequence[str], *, program: str, default: Any = None) -> Any:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = tyro.cli(kind, prog=program, args=arguments, default=default, registry=_OPTIONS)
    except SystemExit as end:
        if end.code:
            _fail(program, _first_paragraph(said.getvalue()))
        raise
    _check_numbers(parsed)
    return parsed


def _with_preset(kind: Any, name: str, arguments: Sequence[str]) -> Any:
    """The command whose configuration is that of ``--preset``, to be overridden by options; ``None`` without one."""
    preset = _value_of("--preset", arguments)
    if preset is None or "config" not in {field.name for field in dataclasses.fields(kind)}:
        return None
    default = kind()
    config = load_preset(name, preset, default.config, upgraded=getattr(kind, "upgraded", dict))
    return dataclasses.replace(default, config=config)


def _refuse_renamed(kind: Any, arguments: Sequence[str], *, program: str) -> None:
    """Ends with one line where an option or its value goes by a name of earlier versions."""
    renamed: Mapping[str, str] = getattr(kind, "RENAMED", {})
    for argument in arguments:
        option = argument.partition("=")[0]
        earlier = option.removeprefix("--").replace("-", "_")
        if option.startswith("--") and earlier in renamed:
            _fail(program, f"{option} is now --{renamed[earlier].replace('_', '-')}")
    values: Mapping[str, Mapping[str, str]] = getattr(kind, "RENAMED_VALUES", {})
    for option, today in values.items():
        value = _value_of(option, arguments)
        if value is not None and value in today:
            _fail(program, f"{option} {value} is now {option} {today[value]}")


def _check_numbers(options: Any, *, place: str | None = None) -> None:
    """Raises a ValueError where an option is infinite or no number, or a seed that no generator takes.

    Args:
        options: A command or a configuration.
        place: Dotted name of a configuration; ``None`` for a command, whose own configurations add nothing to names.
    """
    for field in dataclasses.fields(options):
        value, name = getattr(options, field.name), field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            _check_numbers(value, place="" if place is None else f"{place}{name}.")
        elif field.name == "seed":
            check_seed(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"--{place or ''}{name}: got {value}, expected a finite number")


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
    """What tyro says first in a frame, as one line. Where the terminal has no Unicode, rules are of hyphens."""
    lines = [line.strip("│ ") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    rules = [number for number, line in enumerate(lines) if line.startswith("╭") or not line.strip("─-╰╯")]
    first, last = rules[:2] if len(rules) > 1 else (-1, None)
    problem = " ".join(lines[first + 1 : last]).strip()
    # A configuration's own words are enough, with its place where they do not say it.
    problem = re.sub(r"^Error parsing [\w.]+: (?=\w+\.\w+: got)", "", problem)
    return re.sub(r"^Error parsing (?:config\.)?([\w.]+): (?=\w+: got)", r"\1.", problem)


def _described(error: Exception) -> str:
    """One line about an error; an ``OSError`` without file or reason says what it was told."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _fail(program: str, problem: str) -> NoReturn:
    print(f"{program}: error: {' '.join(problem.split())}", file=sys.stderr)
    sys.exit(_USAGE_ERROR)
