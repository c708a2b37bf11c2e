"""Configurations as plain values: presets, files of one's own, differences, and how they are printed.

A configuration is a frozen dataclass whose fields are values or configurations. As plain values it is a dictionary of
dictionaries; a place in it has a dotted name (``ppo.kl``), on the command line (``--ppo.kl``) as in a message.
"""

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PRESETS = Path(__file__).resolve().parent.parent / "configs"
Upgrade = Callable[[Mapping[str, Any]], Mapping[str, Any]]  # values of an earlier version -> values of today
Config = typing.TypeVar("Config")


def plain(config: Any) -> dict[str, Any]:
    """A configuration as what a JSON file holds."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def overlaid(base: Config, values: Mapping[str, Any], *, source: str, prefix: str = "") -> Config:
    """A configuration with some of its values exchanged.

    Args:
        values: New values by field name; those of a nested configuration are a mapping of their own.
        source: Where the values come from, for messages.
        prefix: Dotted name of the base's own place, for messages.

    Raises:
        ValueError: The values name what the configuration does not have, or have a wrong type or size.
    """
    hints = typing.get_type_hints(type(base))
    changes: dict[str, Any] = {}
    for name, value in values.items():
        place = f"{prefix}{name}"
        if name not in hints:
            raise ValueError(f"{source}: unknown key {place!r}")
        own = getattr(base, name)
        if dataclasses.is_dataclass(own):
            if not isinstance(value, Mapping):
                raise ValueError(f"{source}: {place}: got {value!r}, expected a table")
            changes[name] = overlaid(own, value, source=source, prefix=f"{place}.")
        else:
            try:
                changes[name] = _fitting(value, hints[name])
            except ValueError as error:
                raise ValueError(f"{source}: {place}: {error}") from error
    try:
        return dataclasses.replace(base, **changes)  # type: ignore[type-var]
    except ValueError as error:
        place = "" if str(error).startswith(prefix) else prefix  # some parts say where they belong
        raise ValueError(f"{source}: {place}{error}") from error


def load_preset(command: str, preset: str, base: Config, *, upgraded: Upgrade = dict) -> Config:
    """A configuration overlaid with a preset.

    Args:
        command: Name of the training command; its presets are ``configs/<command>/*.toml``.
        preset: Name of one of these files without its suffix, or the path of a TOML file.
        base: The configuration with its defaults.
        upgraded: Turns the values of earlier versions' files into today's.

    Raises:
        ValueError: There is no such preset, or it does not fit the configuration.
    """
    path = PRESETS / command / f"{preset}.toml"
    if not path.is_file():
        path = Path(preset)
        if path.suffix != ".toml":
            known = ", ".join(sorted(one.stem for one in (PRESETS / command).glob("*.toml"))) or "none"
            raise ValueError(
                f"unknown preset {preset!r} of {command}, expected one of {known}, or the path of a .toml file"
            )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no valid TOML: {error}") from error
    return overlaid(base, upgraded(values), source=str(path))


def toml_text(values: Mapping[str, Any], *, prefix: str = "") -> str:
    """Plain values as TOML, to be read again as a preset; ``None`` is a comment."""
    lines = [
        f"# {name}: not set" if value is None else f"{name} = {json.dumps(value)}"
        for name, value in values.items()
        if not isinstance(value, Mapping)
    ]
    text = "".join(f"{line}\n" for line in lines)
    for name, table in values.items():
        if isinstance(table, Mapping):
            text += f"\n[{prefix}{name}]\n{toml_text(table, prefix=f'{prefix}{name}.')}"
    return text.lstrip("\n")


def differences(found: Any, wanted: Any, *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Where two sets of plain values differ, over the keys of both: dotted name and the value that was found."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for name in [*wanted, *(name for name in found if name not in wanted)]:
            inner = f"{prefix}.{name}" if prefix else name
            yield from differences(found.get(name), wanted.get(name), prefix=inner)
    elif found != wanted:
        yield prefix, found


def _fitting(value: Any, hint: Any) -> Any:
    """A value of a file in the type that a field asks for, so that 2 is as good as 2.0.

    Raises:
        ValueError: It is of another type.
    """
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        if typing.get_origin(option) is typing.Literal:
            if value in typing.get_args(option):
                return value
        elif typing.get_origin(option) is tuple:
            if isinstance(value, list | tuple) and all(isinstance(one, typing.get_args(option)[0]) for one in value):
                return tuple(value)
        elif option is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        elif isinstance(value, option) and isinstance(value, bool) == (option is bool):
            return value
    names = [str(typing.get_args(one)) if typing.get_args(one) else one.__name__ for one in options]
    raise ValueError(f"got {value!r}, expected {' or '.join(names)}")
