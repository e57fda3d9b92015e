"""Warning headers: `299 - "text"`, each text once.

https://kubernetes.io/blog/2020/09/03/warnings/
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.server.responses import Header

MOST_CHARACTERS = 4096
CUT_TO_CHARACTERS = 256
"""When all texts together are longer than MOST_CHARACTERS, each is cut to this."""


def warning_headers(texts: Sequence[str]) -> list[Header]:
    texts = list(dict.fromkeys(texts))
    if sum(map(len, texts)) > MOST_CHARACTERS:
        cut, total = [], 0
        for text in texts:
            if total >= MOST_CHARACTERS:
                break
            cut.append(text[:CUT_TO_CHARACTERS])
            total += len(cut[-1])
        texts = cut
    return [(b"warning", f'299 - "{_escaped(text)}"'.encode()) for text in texts]


def _escaped(text: str) -> str:
    printable = "".join(character for character in text if character >= " " and character != "\x7f")
    return printable.replace("\\", "\\\\").replace('"', '\\"')
