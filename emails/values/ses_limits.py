"""What SES does not send, although it may have received it.

https://docs.aws.amazon.com/ses/latest/dg/quotas.html and
https://docs.aws.amazon.com/ses/latest/dg/mime-types.html
"""

MAX_MAILBOX_OCTETS = 320
"""Of a mailbox as it is written in a header: its name with all encoded words, and its address."""

MAX_MAIL_BYTES = 40 * 1024 * 1024
"""Of a mail, with all its transfer encodings."""

_BLOCKED = """
    ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its
    js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh
    msh1 msh1xml msh2 msh2xml mshxml msi msp mst ops pcd pif plg prf prg ps1 ps1xml ps2 ps2xml psc1
    psc2 reg scf scr sct shb shs sys tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh
    xnk
    """
BLOCKED_EXTENSIONS = frozenset(_BLOCKED.split())
"""Of the names of attachments, without the dot."""
