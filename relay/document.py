"""Writes `docs/settings.md` from the declarations: `python -m relay.document > docs/settings.md`.

A test compares the file with what this prints.
"""

import sys

from bridge.config import BridgeConfig
from relay.config import RelayConfig
from runtime.env import Setting, describe, retired

_HEAD = """# Settings

All settings are environment variables. A wrong value stops the process at its start, with one line
for each problem: `settings.NAME has invalid value VALUE: what is allowed`. `python -m bridge
--help` shows the bridge's with their present values. boto3's own variables (`AWS_ENDPOINT_URL`,
credentials, profile) keep their meaning. This page is generated: `python -m relay.document`.

*Bridge* is `python -m bridge`; *relay* is the workers, the scheduler, the web process and
`manage.py`.

| setting | used by | meaning | allowed | default |
| --- | --- | --- | --- | --- |
"""
_RETIRED = """
## Retired

These have no effect any more. A process of the relay that finds one logs `setting retired`.

| setting | instead |
| --- | --- |
"""


def settings_page() -> str:
    """Make the page. A setting that the two declare differently appears twice."""
    users: dict[Setting, list[str]] = {}
    for declaration, user in ((BridgeConfig, "bridge"), (RelayConfig, "relay")):
        for setting in describe(declaration):
            users.setdefault(setting, []).append(user)
    rows = [_row(setting, " and ".join(names)) for setting, names in users.items()]
    gone = [f"| `{one.name}` | {one.instead} |" for one in retired(RelayConfig)]
    return _HEAD + "\n".join(rows) + "\n" + _RETIRED + "\n".join(gone) + "\n"


def _row(setting: Setting, user: str) -> str:
    if setting.default is None:
        default = "must be set"
    else:
        default = f"`{setting.default}`" if setting.default else "empty"
    cells = (f"`{setting.name}`", user, setting.help, setting.kind.allowed, default)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
