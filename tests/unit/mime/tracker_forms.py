"""Ways to write what a browser would load from `t.tracker.example`."""

from tests.unit.mime.builders import a_mail

URLS = {
    "plain": "https://t.tracker.example/x",
    "without a scheme": "//t.tracker.example/x",
    "upper case": "HTTPS://T.TRACKER.EXAMPLE/x",
    "a blank before": " https://t.tracker.example/x",
    "a control character before": "\x01https://t.tracker.example/x",
    "a dot as a number": "https://t&#46;tracker&#x2E;example/x",
    "a dot as a number that is not closed": "https://t&#46tracker.example/x",
    "a dot by name": "https://t&period;tracker.example/x",
    "a letter as a number": "https://t.tra&#99;ker.example/x",
    "slashes as numbers": "https:&#47;&#x2f;t.tracker.example/x",
    "slashes by name": "https:&sol;&sol;t.tracker.example/x",
    "a colon by name": "https&colon;//t.tracker.example/x",
    "everything as numbers": "".join(f"&#{ord(one)};" for one in "https://t.tracker.example/x"),
    "backslashes": "https:\\\\t.tracker.example\\x",
    "mixed slashes": "https:/\\t.tracker.example/x",
    "backslashes only": "\\\\t.tracker.example",
    "one slash": "https:/t.tracker.example/x",
    "one backslash": "https:\\t.tracker.example/x",
    "no slash": "https:t.tracker.example/x",
    "three slashes": "https:///t.tracker.example/x",
    "slashes without a scheme": "////t.tracker.example/x",
    "a tab in the scheme": "ht\ttps://t.tracker.example/x",
    "a tab in the scheme, and no slashes": "htt\tp\ts\t:t.tracker.example/x",
    "a line end in the scheme": "ht\ntps:/t.tracker.example/x",
    "a tab between the slashes": "https:/\t/t.tracker.example/x",
    "a tab in the host": "https://t.trac\tker.example/x",
    "a line end in the host": "https://t.trac\nker.example/x",
    "a line end as a number": "https://t.trac&#10;ker.example/x",
    "a tab by name": "https://t.trac&Tab;ker.example/x",
    "a NUL": "https://t.trac\0ker.example/x",
    "a user": "https://a:b@t.tracker.example/x",
    "a user that looks like a host": "https://ok.example:80@t.tracker.example/x",
    "a port": "https://t.tracker.example:443/x",
    "a dot at the end": "https://t.tracker.example./x",
    "a percent-encoded dot": "https://t%2Etracker.example/x",
    "a percent-encoded letter": "https://t.tra%63ker.example/x",
    "a percent-encoded character of a foreign script": "https://t%E3%80%82tracker.example/x",
    "an ideographic dot": "https://t\u3002tracker.example/x",
    "a half-width dot": "https://t\uff61tracker.example/x",
    "a full-width dot": "https://t\uff0etracker.example/x",
    "full width": "https://t.\uff54\uff52\uff41cker.example/x",
    "mathematical letters": "https://t.\U0001d4c9racker.example/x",
    "a Kelvin sign": "https://t.trac\u212aer.example/x",
    "a long s": "https://t.tracker.example\u00ad/x",
    "a soft hyphen": "https://t.trac\u00adker.example/x",
    "a soft hyphen by name": "https://t.trac&shy;ker.example/x",
    "a space of no width": "https://t.trac&ZeroWidthSpace;ker.example/x",
    "a word joiner": "https://t.trac\u2060ker.example/x",
    "a grapheme joiner": "https://t.trac\u034fker.example/x",
    "a variation selector": "https://t.trac\ufe0fker.example/x",
    "a byte order mark": "https://t.trac\ufeffker.example/x",
    "only a query": "https://t.tracker.example?x",
    "only a fragment": "https://t.tracker.example#x",
    "an umlaut that is listed in ASCII": "https://b\u00fccher.example/x",
    "an umlaut that is percent-encoded": "https://b%C3%BCcher.example/x",
    "an umlaut of two characters": "https://bu\u0308cher.example/x",
}
"""Values of an attribute that holds one URL."""

PLACES = {
    "src": '<img src="%s">',
    "no quotes": "<img src=%s>",
    "single quotes": "<img src='%s'>",
    "no blank before": '<img/src="%s"/>',
    "srcset": '<img srcset="https://ok.example/1 1x, %s 2x">',
    "imagesrcset": '<link rel=preload as=image imagesrcset="%s 2x">',
    "background": '<td background="%s">',
    "poster": '<video poster="%s">',
    "input": '<input type=image src="%s">',
    "link": '<link rel=stylesheet href="%s">',
    "icon": '<link rel="shortcut icon" href="%s">',
    "base": '<base href="%s"><img src=x>',
    "embed": '<embed src="%s">',
    "object": '<object data="%s"></object>',
    "frame": '<frameset><frame src="%s"></frameset>',
    "iframe": '<iframe src="%s"></iframe>',
    "audio": '<audio><source src="%s"></audio>',
    "track": '<video><track src="%s"></video>',
    "script": '<script src="%s"></script>',
    "refresh": '<meta http-equiv=refresh content="0; url=%s">',
    "ping": '<a ping="https://ok.example/ %s" href="https://ok.example/">x</a>',
    "button": '<button formaction="%s">',
    "svg image": '<svg><image href="%s"/></svg>',
    "svg image, old": '<svg><image xlink:href="%s"/></svg>',
    "svg title": '<svg><title><img src="%s"></title></svg>',
    "svg style": '<svg><style><img src="%s"></style></svg>',
    "svg script": '<svg><script><img src="%s"></script></svg>',
    "svg base": '<svg xml:base="%s"><image href="x"/></svg>',
    "svg animation": '<svg><set attributeName="href" to="%s"/></svg>',
    "math title": '<math><title><img src="%s"></title></math>',
    "AMP picture": '<amp-img src="%s"></amp-img>',
    "Outlook": '<!--[if mso]><v:fill src="%s"/><![endif]-->',
    "not Outlook": '<!--[if !mso]><!--><img src="%s"><!--<![endif]-->',
    "noscript": '<noscript><img src="%s"></noscript>',
    "template": '<template><img src="%s"></template>',
    "a comment that never ends": '<!-- x <img src="%s">',
    "a tag that never ends": '<p><img src="%s"',
    "a quote that never ends": '<p a=\'><img src="%s">',
    "after a name of quotes": '<p ="><img src="%s"><p ">',
    "plaintext": '<plaintext><img src="%s">',
    "srcdoc": "<iframe srcdoc='<img src=\"%s\">'></iframe>",
    "a page as data": "<iframe src='data:text/html,<img src=\"%s\">'></iframe>",
    "style": '<p style="background:url(%s)">',
    "style, upper case": '<p STYLE="background:URL(%s)">',
    "style, quoted": "<p style=\"background:url( '%s' )\">",
    "style, quoted by name": '<p style="background:url(&quot;%s&quot;)">',
    "image-set": "<p style=\"background:image-set('%s' 1x)\">",
    "content": "<style>p::before{content:url(%s)}</style>",
    "import": '<style>@import "%s";</style>',
    "import url": "<style>@import url(%s) screen;</style>",
    "font": "<style>@font-face{src:url(%s)}</style>",
    "a style sheet that never ends": "<style>@import '%s';",
}
"""Where a browser would load a URL from."""

STYLES = {
    "slashes as escapes": "https:\\2f\\2f t.tracker.example/x",
    "a long escape": "https://t.tra\\000063ker.example/x",
    "an escaped letter and a blank": "https://t.tra\\63 ker.example/x",
    "an escaped dot": "https://t\\2e tracker.example/x",
    "an escape for a tab": "https://t.trac\\9 ker.example/x",
    "an escaped line end": "https://t.trac\\\nker.example/x",
    "an escaped letter that stands for itself": "https://t.\\tracker.example/x",
    "an escaped scheme": "\\68ttps:/t.tracker.example/x",
}
"""URLs as style sheets may hold them."""

_TWICE = "&lt;iframe srcdoc=&quot;&amp;lt;img src=https:/t.tracker.example&amp;gt;&quot;&gt;"
_BASE64 = "PGltZyBzcmM9Imh0dHBzOi90LnRyYWNrZXIuZXhhbXBsZSI+"
_REFERENCES = "&lt;img src=https:&amp;sol;&#x2f;t.tracker.example/x&gt;"

DOCUMENTS = {
    "nested srcdoc": f'<iframe srcdoc="{_TWICE}">',
    "srcdoc of references": f'<iframe srcdoc="{_REFERENCES}">',
    "percent-encoded data": '<iframe src="data:text/html,%3Cimg%20src=%22//tracker.example%22%3E">',
    "an embedded page as base64": f'<embed src="data:text/html;base64,{_BASE64}">',
    "a page as base64": f'<iframe src="data:text/html;base64,{_BASE64}">',
    "a style sheet as data": '<link href="data:text/css,@import%20%22//t.tracker.example%22">',
    "a function's name escaped": "<style>p{background:\\75 rl(//t.tracker.example/x)}</style>",
    "references in a drawing's style": '<svg><style>@import "https:&sol;t.tracker.example"</style>',
    "an entity of XML": '<!DOCTYPE svg [<!ENTITY a "a"><!ENTITY b "https://t.tracker.example/">]><svg/>',
    "a style sheet of XML": '<?xml-stylesheet href="https:/t.tracker.example/x"?><svg/>',
}

UNTOUCHED = {
    "a redirect": '<img src="https://ok.example/r?u=https://t.tracker.example/x">',
    "a link with a tracker's name": '<a href="https://ok.example/?t.tracker.example">x</a>',
    "a mail address": '<a href="mailto:x@t.tracker.example">x</a>',
    "a path": '<img src="/t.tracker.example/x">',
    "a relative path": '<img src="t.tracker.example/x">',
    "text": "<p>https://t.tracker.example/</p>",
    "another host": '<img src="https://t.tracker.example&#46;ok.example/">',
    "a host that is none": '<img src="https://t.tracker.example%2Fx/">',
    "half a reference": '<a href="https://ok.example/?a=1&copy=2&reg=//">x</a>',
    "a page as data": '<iframe src="data:text/html,<p>https://t.tracker.example/</p>"></iframe>',
    "a picture as data": '<img src="data:image/gif;base64,R0lGOD//t.tracker.example/">',
}
"""What no browser asks a tracker for."""


def page(html: str, kind: str = "text/html", *head: str) -> bytes:
    """Build a mail that is nothing but this page, in UTF-8."""
    charset = "; charset=utf-8"
    return a_mail(
        f"Content-Type: {kind}{charset}", "Content-Transfer-Encoding: 8bit", *head, body=html
    )
