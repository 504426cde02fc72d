"""What a page keeps in place of an answer: salted hashes, and a cipher for what is folded.

They hide an answer from a glance at the source, not from somebody who wants it: it stands in the
solution anyway. The page's script, ``assets/txlite-exercises.js``, computes the same.
"""

import base64
import hashlib


def digest(*parts: object) -> str:
    """Return sixteen hexadecimal digits of the SHA-256 of the parts, joined by bars."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def folded(text: str, salt: str) -> str:
    """Return a text as it is kept in a page until its reader unfolds it.

    Parameters
    ----------
    text : str
        The answer in words or digits.
    salt : str
        The id of what is answered.
    """
    plain = text.encode()
    stream = b""
    while len(stream) < len(plain):
        stream += hashlib.sha256(f"{salt}|fold|{len(stream)}".encode()).digest()
    return base64.b64encode(bytes(a ^ b for a, b in zip(plain, stream, strict=False))).decode()
