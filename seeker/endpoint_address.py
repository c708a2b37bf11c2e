"""Where an endpoint is and how it knows us: address and key, from the environment and from nowhere else.

Neither is ever written anywhere: no configuration, record, manifest, log, error or representation holds them.
"""

import ipaddress
import logging
import os

import httpx2

URL_VARIABLE = "ESC_CHAT_URL"
KEY_VARIABLE = "ESC_CHAT_KEY"
# Words that stand in for a key where none is needed ("EMPTY", "not-needed") are shorter than keys are.
_SHORTEST_SECRET = 16

logger = logging.getLogger(__name__)


class EndpointAddress:
    """The address to post to and the key to send, read from the environment when it is made.

    Sent to another process it goes without both and reads that process's environment.

    Raises:
        ValueError: ``ESC_CHAT_URL`` is missing or no address of the form ``https://host/v1``, or ``ESC_CHAT_KEY`` has
            characters that no header can carry. The text never shows them.
    """

    def __init__(self) -> None:
        try:
            base = httpx2.URL(os.environ.get(URL_VARIABLE, "").strip())
        except httpx2.InvalidURL:
            base = httpx2.URL("")
        if base.scheme not in {"http", "https"} or not base.host or base.userinfo:
            raise ValueError(
                f"{URL_VARIABLE}: expected the address of an OpenAI-compatible endpoint up to the version, without "
                "user and password, e.g. https://api.example.org/v1"
            )
        self.__url = base.copy_with(path=base.path.rstrip("/") + "/chat/completions")
        self.__key = os.environ.get(KEY_VARIABLE, "").strip()
        if not (self.__key.isascii() and self.__key.isprintable()) or " " in self.__key:
            raise ValueError(f"{KEY_VARIABLE}: expected printable ASCII characters without blanks")
        if self.__key and base.scheme == "http" and not _is_here(base.host):
            logger.warning("%s is http, not https: the key and all texts travel unencrypted", URL_VARIABLE)

    def request(self, client: httpx2.Client, body: dict[str, object]) -> httpx2.Request:
        """The call itself. Without a key no ``Authorization`` is sent, as local servers like it."""
        headers = {"Authorization": f"Bearer {self.__key}"} if self.__key else {}
        return client.build_request("POST", self.__url, json=body, headers=headers)

    def without_secrets(self, text: str) -> str:
        """Text that came back, with the key and the host struck out: servers like to quote what they refuse."""
        if len(self.__key) >= _SHORTEST_SECRET:
            text = text.replace(self.__key, "[key]")
        return text

    def without_address(self, text: str) -> str:
        """Text for an error or a log: :meth:`without_secrets`, and without the address."""
        return self.without_secrets(text).replace(str(self.__url), "[address]").replace(self.__url.host, "[host]")

    def __reduce__(self) -> tuple[type["EndpointAddress"], tuple[()]]:
        return EndpointAddress, ()


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
