"""Names the large mail providers by their domains; every other domain is `other`. Pure.

For metrics: a domain that few people use could identify somebody, and labels must be few.
"""

import re

OTHER, NONE = "other", "none"

_BY_NAME = {
    "gmail": ("gmail.com", "googlemail.com"),
    "outlook": ("outlook.com", "hotmail.com", "live.com", "msn.com"),
    "yahoo": ("yahoo.com", "ymail.com", "rocketmail.com"),
    "aol": ("aol.com",),
    "icloud": ("icloud.com", "me.com", "mac.com"),
    "proton": ("proton.me", "protonmail.com", "pm.me"),
    "gmx": ("gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch"),
    "web.de": ("web.de",),
    "orange": ("orange.fr", "wanadoo.fr"),
    "mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    "yandex": ("yandex.ru", "yandex.com", "ya.ru"),
    "qq": ("qq.com",),
    "simulator": ("simulator.amazonses.com",),
}
_BY_DOMAIN = {domain: name for name, domains in _BY_NAME.items() for domain in domains}
_NATIONAL = re.compile(r"(hotmail|live|outlook|yahoo)\.(?:com?\.)?[a-z]{2}")
_NATIONAL_NAMES = {"hotmail": "outlook", "live": "outlook", "outlook": "outlook", "yahoo": "yahoo"}


def provider_of(address: str) -> str:
    """Return the name of an address's provider; `none` if it is no address."""
    _, at, domain = address.strip().strip("<>").rpartition("@")
    if not at or not domain:
        return NONE
    domain = domain.lower().rstrip(".")
    if (national := _NATIONAL.fullmatch(domain)) is not None:
        return _NATIONAL_NAMES[national[1]]
    return _BY_DOMAIN.get(domain, OTHER)
