"""Self-contained HTML pages from the templates beside this module: nothing fetched or executed, all text escaped."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # for every template, whatever its name
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template(name: str) -> Template:
    """A file of ``templates/``; whatever fills it and is no :class:`markupsafe.Markup` is escaped."""
    return _environment().get_template(name)
