"""Values of `From` by which evil@e.example wants to be taken for service@bank.example."""

from base64 import b64encode

EVIL = "evil@e.example"
BANK = "service@bank.example"

_Q = "=?utf-8?q?service=40bank=2Eexample?="
_B = f"=?utf-8?b?{b64encode(BANK.encode()).decode()}?="
_UTF_16 = f"=?utf-16?b?{b64encode(BANK.encode('utf-16')).decode()}?="

FORGED = (
    # Who is named in quotes, in a comment, or in an encoded word.
    f'"{BANK}", <{EVIL}>',
    f'"{BANK}" <>, {EVIL}',
    f'"{BANK}" <{EVIL}>',
    f'"{BANK}" {EVIL}',
    f'"{BANK}":{EVIL};',
    f'"<{BANK}>" <{EVIL}>',
    f'"Bank <{BANK}>" <{EVIL}>',
    f'"Bank <{BANK}>", <{EVIL}>',
    f'"\\"{BANK}\\"" <{EVIL}>',
    f'"{BANK}\\" <{EVIL}>',
    f'"{BANK}" "x" <{EVIL}>',
    f"({BANK}) <{EVIL}>",
    f"({BANK}) {EVIL}",
    f"{EVIL} ({BANK})",
    f"(({BANK})) <{EVIL}>",
    f"<{EVIL}> ({BANK})",
    f"<{EVIL}> {BANK}",
    f'<{EVIL}> "{BANK}"',
    f"{_Q},<{EVIL}>",
    f"{_Q} <{EVIL}>",
    f"{_B} <{EVIL}>",
    f'"{_Q}" <{EVIL}>',
    f"=?utf-8?q?Bank?= {_Q} <{EVIL}>",
    f"=?utf-8?q?service?= =?utf-8?q?=40bank=2Eexample?= <{EVIL}>",
    f"=?iso-8859-1?q?service=40bank=2Eexample?= <{EVIL}>",
    f"=?no-such-charset?q?service=40bank=2Eexample?= <{EVIL}>",
    f"{_UTF_16} <{EVIL}>",
    # Nobody else.
    f'"{BANK}"',
    f'"Bank <{BANK}>"',
    f"({BANK})",
    _Q,
    f'"{BANK}',
    f"({BANK}",
    # Names that look like it.
    f"{BANK} <{EVIL}>",
    f"'{BANK}' <{EVIL}>",
    f"`{BANK}` <{EVIL}>",
    f"service @ bank.example <{EVIL}>",
    f'"service @ bank . example" <{EVIL}>',
    f"service\uff20bank.example <{EVIL}>",
    f"service\ufe6bbank.example <{EVIL}>",
    f"service@bank\uff0eexample <{EVIL}>",
    f"service@bank\u3002example <{EVIL}>",
    f"Bank {BANK} Support <{EVIL}>",
    f"mailto:{BANK} <{EVIL}>",
    # Several authors.
    f"{EVIL}, {BANK}",
    f"{BANK}, {EVIL}",
    f"<{EVIL}>, <{BANK}>",
    f"<{BANK}> <{EVIL}>",
    f"<{EVIL}> <{BANK}>",
    f"{EVIL} <{BANK}>",
    f"{BANK}:{EVIL};",
    f"Bank:{BANK},{EVIL};",
    f"{BANK}; {EVIL}",
    f"<{BANK};{EVIL}>",
    f"{BANK},@e.example",
    f"{BANK}\\,<{EVIL}>",
    # Damaged ones.
    f'"a" <{BANK}',
    f"x <{BANK}>@e.example",
    f"{BANK}(@e.example",
    f"<{BANK} .e.example>",
    f"<@e.example:{BANK}>",
    f"{BANK}\0@e.example",
    f"{BANK}@e.example",
    # A local part that holds it.
    f'"{BANK}"@e.example',
    f'"a" <"{BANK}"@e.example>',
    f'"Bank <{BANK}> "@e.example',
    f"{BANK}%e.example@e.example",
    # The plain lie.
    BANK,
    f"Bank <{BANK}>",
    f'"Bank" <{BANK}>',
)
