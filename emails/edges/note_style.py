"""The looks of our note, as inline styles: mail programs drop style sheets, or mix up their rules.

Each declaration is written twice. Outlook ignores what is `!important`; elsewhere that outranks all
that the mail's own style sheets say. `light-dark()` follows the mail's colour scheme, and programs
that don't know it take the colour before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoteStyles:
    """The `style` attributes of the note's elements."""

    block: str
    warning: str
    link: str
    name: str


_TEXT, _PAGE = ("#3a3a4c", "#d4d4e0"), ("#f3f3f8", "#262630")
_LINK, _LINE = ("#33339e", "#aab8ff"), ("#c9c9d8", "#50505f")
_ALARM = ("#a51d2d", "#ffa3ac")


def _style(rules: Mapping[str, str | tuple[str, str]], important: Mapping[str, str]) -> str:
    plain = [f"{name}:{_light(value)}" for name, value in rules.items()]
    firm = [f"{name}:{value}!important" for name, value in important.items()]
    firm += [f"{name}:{_light(value)}!important" for name, value in rules.items()]
    firm += [
        f"{name}:light-dark({value[0]},{value[1]})!important"
        for name, value in rules.items()
        if isinstance(value, tuple)
    ]
    return ";".join([*plain, "all:initial!important", *firm])


def _light(value: str | tuple[str, str]) -> str:
    return value if isinstance(value, str) else value[0]


def _styles(line: tuple[str, str]) -> NoteStyles:
    inherited = {"font": "inherit", "color-scheme": "inherit"}
    return NoteStyles(
        block=_style(
            {
                "display": "block",
                "margin": "8px 0",
                "padding": "6px 10px",
                "border-left": "4px solid",
                "border-color": line,
                "background": _PAGE,
                "color": _TEXT,
                "font": "13px/1.5 sans-serif",
            },
            {
                "color-scheme": "inherit",
                "text-align": "inherit",
                "direction": "ltr",
                "unicode-bidi": "isolate",
                "overflow-wrap": "anywhere",
            },
        ),
        warning=_style({"color": _ALARM, "font-weight": "bold"}, inherited),
        link=_style(
            {"color": _LINK, "text-decoration": "underline"}, inherited | {"cursor": "pointer"}
        ),
        name="all:unset!important;unicode-bidi:isolate!important",
    )


STYLES = {False: _styles(_LINE), True: _styles(_ALARM)}
"""Without and with a warning."""
