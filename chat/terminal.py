"""A conversation in the terminal: lines in, lines out, and a few commands."""

import shlex
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from chat.conversation import NOTICE, ChatSession, parse_strategies
from chat.transcript import plan_lines, reply_lines, save
from corpus.strategy import LABELS, Strategy

HELP = f"""/plan A,B    choose the strategies of the next reply (the beginning of a name is enough)
/plan        let the system choose again
/undo        take your last message and its reply back
/save FILE   save the conversation: FILE.json (the schema of ESConv.json) or FILE.txt (for people)
/help        show this text
/quit        leave
Strategies: {", ".join(LABELS)}"""
_WIDTH = 100  # characters of a line


class Terminal:
    """Runs one conversation; ``show`` prints a line."""

    def __init__(self, conversation: ChatSession, *, show: Callable[[str], None] = print) -> None:
        self.conversation = conversation
        self.show = show
        self._next: tuple[Strategy, ...] | None = None

    def run(self, lines: Iterator[str]) -> None:
        """Takes lines until there are no more, or until ``/quit``. A mistake is answered with one line."""
        self.show(textwrap.fill(NOTICE, _WIDTH))
        if not self.conversation.system.care.complete:
            self.show("\nThe learned screening is missing: the rules alone look for signs of danger, and miss more.")
        self.show(f"\nYou talk with {self.conversation.system.name}. /help shows the commands.\n")
        for line in lines:
            try:
                if self._take(line.strip()):
                    return
            except (ValueError, OSError) as error:
                self.show(f"  ! {error}")

    def _take(self, line: str) -> bool:
        """Does what one line says; returns whether to leave."""
        command, _, rest = line.partition(" ")
        if command == "/quit":
            return True
        if command == "/help":
            self.show(HELP)
        elif command == "/undo":
            taken_back = self.conversation.undo()
            self.show("  nothing to take back" if taken_back is None else f"  taken back: {taken_back.seeker.text}")
        elif command == "/plan":
            self._choose(rest.strip())
        elif command == "/save":
            self._save(rest)
        elif command.startswith("/"):
            raise ValueError(f"unknown command {command}, /help shows them")
        elif line:
            self._say(line)
        return False

    def _say(self, line: str) -> None:
        exchange = self.conversation.say(line, strategies=self._next)
        self._next = None  # only now: a message that is refused does not use the choice up
        for text in (*plan_lines(exchange), *reply_lines(exchange)):
            self.show(text)
        self.show("")

    def _choose(self, text: str) -> None:
        if text and not self.conversation.system.knows_strategies:
            raise ValueError("this generator knows no strategies, so none can be chosen")
        self._next = parse_strategies(text) if text else None
        chosen = "as the system chooses" if self._next is None else " -> ".join(one.label for one in self._next)
        self.show(f"  next reply: {chosen}")

    def _save(self, text: str) -> None:
        names = shlex.split(text)
        if len(names) != 1:
            raise ValueError("expected /save FILE, a name with blanks in quotes")
        path = Path(names[0]).expanduser()
        save(self.conversation, path)
        self.show(f"  saved: {path}")


def prompted_lines(prompt: str = "you> ") -> Iterator[str]:
    """Lines of standard input, each after a prompt, until the input ends or Ctrl+C is pressed."""
    while True:
        try:
            yield input(prompt)
        except (EOFError, KeyboardInterrupt):
            return
