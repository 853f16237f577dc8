"""Ways in which mail programs, and people, write an address."""

OWNER = "ann@owner.example"

WRITTEN = [
    # Where a line may break.
    "ann<wbr>@owner.example",
    "ann@<wbr/>owner<wbr />.example",
    "ann&shy;@owner&#8203;.example",
    "ann&shy@owner.example",
    "ann\u200b@owner.\u00adexample",
    "a\u200bn\u200bn@own\u00ader.example",
    # Invisible characters.
    "ann\u200d@owner.example",
    "ann&zwnj;@owner.example",
    "ann\u2060@\ufeffowner.example",
    "ann@owner.exam\u034fple",
    "ann\ufe0f@owner.example",
    "ann\0@\0owner.example",
    "a\0n\0n\0@\0o\0w\0n\0e\0r\0.\0e\0x\0a\0m\0p\0l\0e",
    # Tags and comments.
    "<span>ann</span>@owner.example",
    "<b>ann</b><i>@</i><u>owner.example</u>",
    "ann@<font color=red>owner</font>.example",
    "a<b>n</b>n@o<i>w</i>ner.example",
    "ann<!-- > -->@owner.example",
    "ann<!-- <b>no</b> -->@owner.example",
    '<a href="https://x.example/"><span lang="FR">ann</span><span>@owner.example</span></a>',
    '<a title="a > b">ann</a>@owner.example',
    "ann<span title='>'></span>@owner.example",
    "ann<br>@owner.example",
    "ann<style>p{}</style>@owner.example",
    "<!--[if mso]><b>ann</b>@owner.example<![endif]-->",
    "ann<o:p></o:p>@owner.example",
    # Entities.
    "ann&#64;owner.example",
    "ann&#0000000064;owner.example",
    "ann&#x40;owner&#46example",
    "&#97;&#110;&#110;&#64;&#111;&#119;&#110;&#101;&#114;.example",
    "ann&commat;owner&period;example",
    "ann&amp;#64;owner.example",
    # Links.
    '<a href="mailto:ann%40owner.example">',
    '<a href="mailto:%61%6e%6e%40%6fwner.example?subject=x">',
    '<a href="https://x.example/?to=ann%2540owner%252Eexample">',
    '<a href="https://x.example/?to=ann%252540owner.example">',
    '<a href="mailto:ann@\nowner.example">',
    '<a href="mailto:ann&#37;40owner.example&amp;x=ann&#64;owner.example">',
    # Other characters of the same looks.
    "ann\uff20owner\uff0eexample",
    "ann@owner\u3002example",
    "\uff41\uff4e\uff4e@owner.example",
    # Lines that were wrapped.
    "ann@\nowner.example",
    "ann@\r\n> owner.example",
    "ann@owner\r\n> > .example",
    "ann@ \r\nowner.example",
    "a \r\nnn@owner.example",
    "hello\nann@\nowner.example",
    "ann @ owner.example",
    "ann@owner. example",
    "ann&nbsp;@&nbsp;owner.example",
    # Other encodings.
    "ann=40owner.example",
    "ann=40owner.exam=\r\nple",
    "ann=40ow=6Eer=2Eexample",
    "{\\rtf1 ann\\'40owner.example}",
    '"ann\\u0040owner.example"',
    '"\\nann@owner.example"',
    "ann\\@owner\\.example",
    '"ann"@owner.example',
    '"ann+shop"@owner.example',
    # In another's neighbourhood.
    "bob@b.example,ann@owner.example,eve@e.example",
    "mailto:ann@owner.example?cc=ann@owner.example",
    "<ann@owner.example>",
    "ann+shop@owner.example",
    "ann+<b>shop</b>@owner.example",
    "C:\\nina\\ann@owner.example",
    "ANN@OWNER.EXAMPLE",
]
"""All of them are `OWNER`."""
