"""Which names are allowed for domain masks, and for an owner's domain."""

import re

_MASK_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_DOMAIN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Role mailboxes: whoever has one speaks for the domain to people (RFC 2142) and to certificate
# authorities.
_RESERVED = _words(
    """
    abuse admin administrator hostmaster mailer-daemon no-reply noc noreply postmaster replies
    reply root security support sysadmin webmaster
    """
)
# Host names the service may use itself, or that mail clients look up automatically.
_HOSTS = _words(
    """
    api autoconfig autodiscover ftp imap mail mx ns ns1 ns2 pop smtp status webmail www
    """
)

# Matched as whole words between separators: `class` and `essex` are allowed.
_OFFENSIVE = _words(
    """
    arse arsehole asshole bastard bitch bollocks bullshit cock cocksucker cunt dickhead fag faggot
    fuck fucker fucking hitler kike motherfucker nazi nigga nigger paedo pedo porn prick pussy
    rape rapist retard shit slut twat wank wanker whore
    """
)
_SEPARATORS = re.compile(r"[._-]+")


def is_mask_name(local: str) -> bool:
    """Return whether `local` (lower case) is a valid local part for a mask."""
    return _MASK_NAME.fullmatch(local) is not None and ".." not in local


def is_allowed_mask_name(local: str) -> bool:
    """Return whether a mail may create the mask `local` (lower case) at an owner's domain."""
    return is_mask_name(local) and _is_decent(local)


def is_allowed_domain_name(name: str) -> bool:
    """Return whether an owner may have `name` (lower case) as their domain.

    Hyphens in third and fourth place are reserved for IDNA (RFC 5891, 4.2.3.1).
    """
    return (
        _DOMAIN_NAME.fullmatch(name) is not None
        and name[2:4] != "--"
        and name not in _HOSTS
        and _is_decent(name)
    )


def is_decent_random_name(local: str) -> bool:
    """Return whether a random name contains no offensive word, even inside a longer one."""
    return not any(word in local for word in _OFFENSIVE)


def _is_decent(name: str) -> bool:
    words = {*_SEPARATORS.split(name), _SEPARATORS.sub("", name), name}
    return name not in _RESERVED and not words & _OFFENSIVE
