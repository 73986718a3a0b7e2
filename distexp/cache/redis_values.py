"""What a Redis server holds for an answer: a digest and a text, in as little memory as it takes.

Records of a few hundred bytes have little to repeat in themselves, but much in common. zlib is
therefore given in advance what is alike in all of them, which halves what it makes of most.
"""

import zlib

from distexp.cache.rows import LONGEST_TEXT, RAW, digest, verified

COMPRESS_FROM_BYTES = 512
DIGEST_DIGITS = 64
ALIKE = (
    b'{"request":{"body":{"json_schema":null,"logprobs":true,"max_completion_tokens":1,'
    b'"max_tokens":1,"messages":[{"content":"","role":"system"},{"content":"Question: \\nOptions:'
    b"\\nA. \\nB. \\nC. \\nD. \\nE. \\n\\nImagine you are a person. Which option do you choose? "
    b'Answer with the letter only. Estimate the percentage of people. Answer with JSON only.",'
    b'"role":"user"}],"seed":0,"temperature":0,"top_logprobs":20,"top_p":1},"draw":0,'
    b'"endpoint":null,"model":"","provider":"openai","salt":null,"schema":1},"response": '
    b'{"text": "{\\"A\\": 20, \\"B\\": 30}", "finish_reason": "stop", "usage": {"prompt_tokens": '
    b'100, "completion_tokens": 1}, "top_logprobs": [[["A", -0.1], [" B", -1.0]]], "cost_usd": '
    b'null, "price_usd_per_token": null, "provider_model": "", "system_fingerprint": null}, '
    b'"created": "2026-01-01T00:00:00.000+00:00", "latency_s": 0.1, "attempts": 1, "versions": '
    b'{"distexp": "0.1.0", "litellm": "1.106.2", "aiohttp": "3.14.5"}, "generation": 0}'
)
"""To change a byte of it makes every compressed answer unreadable."""


def packed(text: str) -> bytes:
    """Return what to store for a JSON text: its SHA-256, and itself, compressed unless short."""
    data = text.encode()
    tag = digest(data).encode()
    if len(data) < COMPRESS_FROM_BYTES:
        return tag + data
    folding = zlib.compressobj(zdict=ALIKE)
    return tag + folding.compress(data) + folding.flush()


def unpacked(value: bytes, longest: int = LONGEST_TEXT) -> bytes:
    """Return the UTF-8 of the JSON text that is stored, once it is known to be what was written.

    Raises
    ------
    ValueError, zlib.error
        If it is not.
    """
    tag, data = value[:DIGEST_DIGITS], value[DIGEST_DIGITS:]
    if not data.startswith(b"{"):
        unfolding = zlib.decompressobj(zdict=ALIKE)
        data = unfolding.decompress(data, longest)
        if not unfolding.eof:
            msg = "its compressed text is cut off or too long"
            raise ValueError(msg)
    return verified(RAW, None, tag.decode(), data)
