"""Pages, parsed as a browser parses them, but without one."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "img", "input", "link", "br", "option"}


@dataclass
class Page(HTMLParser):
    """elements: (tag, attributes) of all. texts: by the tag that holds them. cases: what the script knows."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """All that is seen, white space folded."""
        seen = [text for tag, texts in self.texts.items() if tag not in ("script", "style") for text in texts]
        return " ".join(" ".join(seen).split())

    @property
    def cases(self) -> list[dict[str, Any]]:
        """What the script is told of the suspects."""
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.html, re.S)
        return json.loads(found.group(1)) if found else []

    @property
    def ids(self) -> set[str | None]:
        """Ids of its sections."""
        return {attributes.get("id") for attributes in self.all("section")}
