"""Both pages in a real, headless Chromium, served by a process of their own."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.formats.detection import read_dialogues
from evaluation.human.comparison import Preference
from evaluation.human.participant import MINIMUM_EXCHANGES, read_study
from safety.reply import CRISIS_REPLY
from tests.chat.fake_system import SLOW, WORRY
from tests.required import missing

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ATTACK = "<img src=x onerror=alert(1)> ${1+1} {{7*7}} <script>alert(2)</script>"


class Server:
    """Both pages, served by another process, at the same addresses after every start.

    Attributes:
        chat: Address of the page for one system.
        study: Address of the page of a comparison.
        file: The study's file.
    """

    def __init__(self, file: Path) -> None:
        ports = [_free_port(), _free_port()]
        self.chat, self.study = (f"http://127.0.0.1:{port}/" for port in ports)
        self.file = file
        self._command = [sys.executable, "-m", "tests.chat.serve_fakes", str(file), *map(str, ports)]
        self._log = file.with_suffix(".log").open("a")
        self.start()

    def start(self) -> None:
        """Starts the process and waits until it answers."""
        self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=self._log, stderr=self._log)
        for _ in range(600):
            if answers(self.study):  # the second to be served
                return
            assert self.process.poll() is None, "the server ended; see its log"
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def answers(address: str) -> bool:
    """Whether an address is served."""
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module", autouse=True)
def chromium() -> None:
    """There is a browser on this machine."""
    if CHROMIUM is None:
        missing("chromium", "no Chromium on this machine: the web pages are not tried")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser; every test opens its own windows in it."""
    try:
        from playwright import sync_api as playwright
    except ImportError:
        missing("chromium", "playwright is not installed")
    with playwright.sync_playwright() as tool:
        # Without its sandbox, which needs rights that containers lack; it sees nothing but these pages.
        opened = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process for both pages, because loading the page's library is what takes the time."""
    started = Server(tmp_path_factory.mktemp("web") / "study.sqlite")
    yield started
    started.kill()


def watched(window: Any, problems: list[str]) -> Any:
    """A window whose dialogs, script errors and requests to elsewhere are written down."""
    window.set_default_timeout(15_000)
    window.on("dialog", lambda dialog: (problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
    window.on("pageerror", lambda error: problems.append(f"script {error}"))
    local = ("http://127.0.0.1:", "data:", "blob:")
    window.on("request", lambda request: request.url.startswith(local) or problems.append(f"asked {request.url}"))
    return window


def say(window: Any, text: str) -> None:
    """Sends a message and waits for its reply."""
    before = window.locator("#talk .bubble.seeker").count()
    window.fill("#message textarea", text)
    window.click("#send")
    window.wait_for_function(
        "n => document.querySelectorAll('#talk .bubble.seeker').length > n && !document.querySelector('#talk .typing')",
        arg=before,
    )


def test_chat_page(browser: Any, server: Server, tmp_path: Path) -> None:
    problems: list[str] = []
    window = watched(browser.new_page(accept_downloads=True), problems)
    window.goto(server.chat)
    say(window, ATTACK)
    # What was typed and what the model wrote is text, and nothing else.
    assert window.locator("#talk .bubble.seeker .words").inner_text() == ATTACK
    assert "<b>bold</b>" in window.locator("#talk .bubble.supporter .words").inner_text()
    assert window.locator("#talk img, #talk script, #talk b").count() == 0
    plan = window.locator("#plan").inner_text()
    assert "Question" in plan
    assert "65%" in plan
    assert "They feel anxiety" in plan
    assert window.locator("input[type=file]").count() == 0

    say(window, "second message")
    window.click("#undo")
    window.wait_for_function("document.querySelectorAll('#talk .bubble.seeker').length == 1")
    assert window.input_value("#message textarea") == "second message"
    window.click("#choice input")
    window.locator("#choice li", has_text="Information").click()
    say(window, "second message")
    assert window.locator("#talk .chip").last.inner_text() == "Information"

    with window.expect_download() as download:
        window.click("#save-json")
    file = tmp_path / "saved.json"
    download.value.save_as(file)
    assert [message.text for message in read_dialogues(file)[0].messages][::2] == [ATTACK, "second message"]

    assert problems == []
    window.close()

    # Another window has a conversation of its own; files, uploads and other addresses are not served at all.
    other = watched(browser.new_page(), problems)
    other.goto(server.chat)
    other.wait_for_selector("#message textarea")
    assert other.locator("#talk .bubble").count() == 0
    other.close()
    for path in ("gradio_api/file=train.py", "file=train.py", "gradio_api/upload", "gradio_api/runs", "monitoring"):
        assert not answers(server.chat + path), path
    assert problems == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (400, 800)])
def test_both_levels_on_the_chat_page(browser: Any, server: Server, width: int, height: int) -> None:
    problems: list[str] = []
    window = watched(browser.new_page(viewport={"width": width, "height": height}), problems)
    window.goto(server.chat)
    for number in range(3):
        say(window, f"message {number}")
    say(window, WORRY)
    worried = window.locator("#talk .bubble.worried")
    assert "thoughts of suicide?" in worried.inner_text()
    assert in_view(worried, window)
    assert in_view(window.locator("#talk .bubble.worried a[href='tel:988']"), window)
    say(window, "no")
    assert window.locator("#talk .bubble.worried").count() == 1
    say(window, "I want to kill myself")
    window.wait_for_selector("#talk .bubble.crisis")
    window.wait_for_function("document.querySelector('.help').getBoundingClientRect().top >= 0")
    for link in window.locator("#talk .help a").all():
        assert in_view(link, window), link.inner_text()
        assert link.get_attribute("href").startswith(("tel:", "https://"))
    assert window.locator("#talk .bubble.seeker").count() == 6, "what was said before stays"
    say(window, "are you there?")
    short = window.locator("#talk .bubble.crisis").last
    assert len(short.inner_text()) < len(CRISIS_REPLY) / 2
    assert window.locator("#talk .bubble.crisis a[href='tel:911']").count() == 2
    assert problems == []
    window.close()


def in_view(part: Any, window: Any) -> bool:
    """Whether all of a part of the page is on the screen."""
    box, screen = part.bounding_box(), window.viewport_size
    inside = box["x"] >= 0 and box["x"] + box["width"] <= screen["width"]
    return inside and box["y"] >= 0 and box["y"] + box["height"] <= screen["height"]


def test_study_survives_reloads_kills_and_two_at_once(browser: Any, server: Server) -> None:
    problems: list[str] = []
    contexts = [browser.new_context() for _ in range(2)]  # two people: nothing in common
    ann, bob = (watched(context.new_page(), problems) for context in contexts)
    for window in (ann, bob):
        window.goto(server.study)
        window.check("#readable input")
        window.click("#begin")
        window.click("#intensity-before label:nth-of-type(5)")
        window.click("#continue")
        window.wait_for_selector("#message textarea")
    address = ann.url
    assert "#" in address
    assert address != bob.url
    say(ann, "I am Ann")
    say(bob, "I am Bob")
    assert "Bob" not in ann.locator("#talk").inner_text()

    # The server dies while a reply is being written.
    ann.fill("#message textarea", SLOW)
    ann.click("#send")
    ann.wait_for_selector("#talk .typing")
    server.kill()
    ann.close()
    server.start()
    ann = watched(contexts[0].new_page(), problems)
    ann.goto(server.study)  # without the token in the address: the browser remembers
    ann.wait_for_function("document.querySelectorAll('#talk .bubble.supporter').length >= 2")
    assert ann.locator("#talk .bubble.seeker").all_inner_texts() == ["I am Ann", SLOW]
    assert ann.url == address
    bob.reload()
    bob.wait_for_selector("#talk .bubble.supporter")
    assert bob.locator("#talk .bubble.seeker").all_inner_texts() == ["I am Bob"]

    for place in range(2):
        for number in range(ann.locator("#talk .bubble.seeker").count(), MINIMUM_EXCHANGES):
            assert not ann.locator("#end").is_visible()
            say(ann, f"message {number}")
        ann.click(f"#intensity-after label:nth-of-type({3 - place})")
        ann.click("#end")
        if place == 0:
            ann.wait_for_function("document.querySelector('#talking h3').innerText == 'Supporter 2'")
    ann.click("#fluency label:nth-of-type(3)")
    ann.click("#submit")
    ann.wait_for_selector("#problem .problem")
    ann.reload()
    ann.wait_for_selector("#fluency input:checked")
    for question in ("identification", "comforting", "suggestion", "overall"):
        ann.click(f"#{question} label:nth-of-type(2)")
    ann.click("#submit")
    ann.wait_for_selector("#done h3")
    ann.reload()
    ann.wait_for_selector("#done h3")
    ann.click("#another")  # a new participant at the same screen gives an answer of their own to everything
    ann.wait_for_selector("#begin")
    assert not ann.is_checked("#readable input")
    assert ann.locator("#intensity-before input:checked").count() == 0

    # Bob meets a crisis: the fixed message, and nothing else is asked, also after a reload.
    bob.fill("#message textarea", "I want to end my life tonight")
    bob.click("#send")
    bob.wait_for_selector("#last .bubble.crisis")
    bob.reload()
    bob.wait_for_selector("#last .bubble.crisis")
    bob.set_viewport_size({"width": 400, "height": 800})
    for link in bob.locator("#last .help a").all():
        assert in_view(link, bob), link.inner_text()
    assert not bob.locator("#message textarea").is_visible()
    for window in (ann, bob):
        assert not any(name in window.content() for name in ("alpha", "beta"))
        window.close()

    study = read_study(server.file)
    assert (study.started, study.stopped) == (2, 1)
    (answered,) = study.answers
    assert answered.verdicts["fluency"] is Preference.TIE
    assert answered.verdicts["overall"] in (Preference.WIN, Preference.LOSE)
    assert sorted(change for changes in study.intensities.values() for change in changes) == [(3, 2), (5, 3)]
    assert problems == []
