"""Several screenshots side by side, as one picture."""

import base64
from collections.abc import Iterable, Sequence

from playwright.sync_api import Browser

_GAP = 20
_GREY = "#9a9aa4"


def side_by_side(browser: Browser, columns: Iterable[Sequence[bytes]]) -> bytes:
    """Put columns of PNGs next to each other, with grey between them; returns a PNG."""
    drawn = "".join(f"<div>{''.join(map(_image, column))}</div>" for column in columns)
    page = browser.new_page()
    page.set_content(
        f"<style>body{{margin:0;width:max-content;background:{_GREY}}}"
        f"main{{display:flex;gap:{_GAP}px;align-items:flex-start}}"
        f"div{{display:grid;gap:{_GAP}px}}img{{display:block}}</style><main>{drawn}</main>"
    )
    picture = page.locator("main").screenshot()
    page.close()
    return picture


def _image(png: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}">'
