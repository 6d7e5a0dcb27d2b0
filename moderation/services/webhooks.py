"""Telling the platform something: one signed request to the address in the settings.

After Standard Webhooks (https://www.standardwebhooks.com): the same message keeps its id on every
attempt, so that the receiver can tell a repetition.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from django.conf import settings
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from moderation.services.carriers import GiveUp, TryAgain

_SECONDS: Final = 15.0

MOST_ATTEMPTS: Final = 104
"""About three days: eight waits that double, then 45 minutes on average."""


def has_address() -> bool:
    """Whether the settings say where the platform wants to be told."""
    return bool(settings.WEBHOOK_URL)


def post(*, message: str, body: dict[str, Any]) -> None:
    """Send ``body`` as the message called ``message``, any full stop in that written as a dash.

    The signature is over id, time and body with full stops between them, so an id has none.
    Raises TryAgain where it may work later, and GiveUp where somebody must do something first.
    """
    url = _address()
    message_id = message.replace(".", "-")
    data = json.dumps(body, separators=(",", ":"), sort_keys=True)
    now = datetime.now(UTC)
    try:
        signature = Webhook(settings.WEBHOOK_SECRET).sign(message_id, now, data)
    except (ValueError, EmptyWebhookSecretError):
        why = "Set SIGHTLINE_WEBHOOK_SECRET to the secret shared with the platform."
        raise GiveUp(why) from None
    pinned = url.copy_with(host=_reachable(url))
    headers = {
        "content-type": "application/json",
        "host": url.netloc.decode("ascii"),
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    try:
        # No redirect is followed, and no proxy of the environment: the address was checked.
        # The body of the answer is left unread: nothing is asked of it, and it might never end.
        with (
            httpx.Client(timeout=_SECONDS, trust_env=False) as client,
            client.stream(
                "POST",
                pinned,
                content=data,
                headers=headers,
                extensions={"sni_hostname": url.host},
            ) as response,
        ):
            status = response.status_code
    except httpx.TimeoutException:
        raise TryAgain("The platform did not answer in time.") from None
    except httpx.RequestError as error:
        raise TryAgain(f"The connection to the platform failed ({type(error).__name__}).") from None
    if status == httpx.codes.GONE:
        raise GiveUp("The platform says that this address receives nothing any more (410).")
    if not httpx.codes.is_success(status):
        raise TryAgain(f"The platform answered with status {status}.")


def _address() -> httpx.URL:
    if not has_address():
        raise GiveUp("Set SIGHTLINE_WEBHOOK_URL: where the platform wants to be told is not known.")
    try:
        return httpx.URL(settings.WEBHOOK_URL)
    except httpx.InvalidURL:
        raise GiveUp("SIGHTLINE_WEBHOOK_URL is no address that can be read.") from None


def _reachable(url: httpx.URL) -> str:
    """The address to connect to, looked up once and checked: never one inside the house.

    What is checked is what is connected to, so that a name cannot lead elsewhere in between.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TryAgain("The name of the platform's address could not be looked up.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if settings.WEBHOOK_INTERNAL:
        return addresses[0]
    if url.scheme != "https":
        raise GiveUp("SIGHTLINE_WEBHOOK_URL must begin with https.")
    if not all(_is_outside(ipaddress.ip_address(address)) for address in addresses):
        raise GiveUp(
            "SIGHTLINE_WEBHOOK_URL leads to an internal address. If that is meant, set "
            "SIGHTLINE_WEBHOOK_INTERNAL=true."
        )
    return addresses[0]


def _is_outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is one machine's public address, also where a gateway turns it into another."""
    behind = address if isinstance(address, ipaddress.IPv4Address) else _behind(address)
    public = address.is_global and not address.is_multicast
    return public and (behind is None or (behind.is_global and not behind.is_multicast))


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def _behind(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a mapped, tunnelled or translated IPv6 address leads to."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
