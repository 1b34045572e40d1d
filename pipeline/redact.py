"""Find and hide secrets in URLs: user and password before the host, tokens and signatures in the query."""

import re

_USER = re.compile(r"(?<![\w+.-])(?!(?:abfss?|wasbs?|adl)://)([a-z][\w+.-]*://)[^/@\s?#'\"]+@", re.I)
"""User and password. Azure's schemes are left out: their URLs have the container in that place."""
_QUERY = re.compile(
    r"([?&][^=&#\s]*(?:token(?!i)|secret|signature|passw|pwd|credential|auth(?!or)|api_?key|access_?key|account_?key|"
    r"accessid|jwt|\bsig)[^=&#\s]*=)[^&#\s'\"]+",
    re.I,
)


def has_secret(text: str) -> bool:
    """Whether the text contains a URL with a user, a password, a token or a signature."""
    return "://" in text and bool(_USER.search(text) or _QUERY.search(text))


def redacted(text: str) -> str:
    """The text with each such secret replaced by "…".

    >>> redacted("https://me:pw@host/a?sig=abc&n=1 is away")
    'https://…@host/a?sig=…&n=1 is away'
    """
    return _QUERY.sub(r"\1…", _USER.sub(r"\1…@", text)) if "://" in text else text
