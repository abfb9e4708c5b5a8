"""A server found by its domain in the DNS (RFC 6764 §6); the only importer of caldav."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from freebusy.errors import SourceRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from calendar_sync.caldav.settings import CaldavSettings

log = logging.getLogger(__name__)

KEPT_SECONDS = 3600.0
"""So long what the DNS said is believed."""


def _look_up(domain: str, settings: CaldavSettings) -> str:
    try:
        from caldav.discovery import discover_service
    except ImportError:
        raise SourceRefusedError(
            "url is a domain alone, and what looks it up in the DNS is not installed: install "
            'it with pip install "freebusy-gateway[caldav]", or write the whole https:// URL'
        ) from None
    try:
        service = discover_service(
            domain,
            "caldav",
            timeout=max(1, int(settings.timeout)),
            ssl_verify_cert=settings.ca_file or True,  # type: ignore[arg-type]  # a path is passed on
            require_tls=True,
        )
    except Exception as error:  # noqa: BLE001 - two network libraries, each with errors of its own
        log.info("caldav domain=%s error=%s", domain, type(error).__name__)
        raise SourceUnavailableError(f"the server of {domain} cannot be looked up") from None
    if service is None or not service.tls:
        raise SourceUnavailableError(
            f"neither the DNS nor a web server of {domain} names its CalDAV server over TLS: "
            "write the whole https:// URL"
        )
    return f"https://{service.hostname}:{service.port}{service.path or '/'}"


class Services:
    """Looks domains up, each once an hour; what failed is asked again at once."""

    def __init__(self, settings: CaldavSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, str]] = {}

    def url(self, text: str) -> str:
        """Return the URL of a server; a text with a slash is one already.

        SourceRefusedError where the extra is not installed, SourceUnavailableError where
        nothing is found.
        """
        if "/" in text:
            return text
        with self._lock:
            at, url = self._found.get(text, (0.0, ""))
            if not url or time.monotonic() - at > KEPT_SECONDS:
                url = _look_up(text, self._settings)
                self._found[text] = time.monotonic(), url
        return url
