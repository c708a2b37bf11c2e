"""What a figure was computed with, in one line that travels with it: scores compare only under equal signatures.

After sacrebleu (Post 2018, "A call for clarity in reporting BLEU scores"): ``name:value`` fields joined by ``|``.
"""

VERSION = 1  # Raised whenever any metric may give another figure for the same input.


def signature(protocol: str, **fields: object) -> str:
    """One line that names everything a score depends on beside the outputs themselves.

    Args:
        protocol: ``message``, ``turn``, ``text``, ...
        **fields: Name and value, kept in order; a value is written with ``str``.

    Returns:
        E.g. ``protocol:message|classes:8|bootstrap:dialogue-1000|version:1``.

    Raises:
        ValueError: A value is empty or holds a character that the line itself is made of.
    """
    parts = []
    for name, value in {"protocol": protocol, **fields, "version": VERSION}.items():
        text = str(value)
        if not text or any(character in text for character in "|:\n\r"):
            raise ValueError(f"signature field {name!r}: got {text!r}, expected text without '|', ':' and line breaks")
        parts.append(f"{name}:{text}")
    return "|".join(parts)
