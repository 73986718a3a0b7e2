"""What a Redis server holds for an answer: a digest and a text, in as little memory as it takes.

Records of a few hundred bytes have little to repeat in themselves, but much in common. zlib is
therefore given in advance what is alike in most of them, which more than halves its result.
"""

import zlib

from distexp.cache.rows import LONGEST_TEXT, RAW, digest, verified

COMPRESS_FROM_BYTES = 512
DIGEST_DIGITS = 64
ALIKE = (
    b'litellm": "1.106.2", "B. Yes\\nB. No\\nC. Too much\\nC. Don\'t know\\nD. Very likely\\n'
    b"E. Strongly disagree\\nF. \\nDemocrat. Republican. Independent. man. woman. years old. "
    b"college graduate. Black person. white person. Which option do you choose? Answer with the "
    b"letter only. Write the letters of answers of people, one letter for each of them. "
    b'{"request":{"body":{"json_schema":null,"logprobs":true,"max_completion_tokens":1,'
    b'"top_logprobs":20,"top_p":1,{"content":"","role":"system"},"system_fingerprint": "fp_", '
    b'"top_logprobs": [[["A", -0.1], [" B", -1.0]]], "cost_usd": 0.000, "price_usd_per_token": '
    b'[1.5e-07, 6e-07], {"request":{"body":{"max_tokens":200,"messages":[{"content":"Question: '
    b"Do you think that the amount of money on it should be? How much, would you say?\\nOptions:"
    b"\\nA. Too little\\nB. About right\\nC. Too much\\n\\nImagine you are a person. What "
    b"percentage of people like you would choose each option? Reply with a JSON object that gives "
    b'each letter its percentage; the percentages sum to 100.","role":"user"}],"response_format":'
    b'{"json_schema":{"name":"reply","schema":{"additionalProperties":false,"properties":{"A":{'
    b'"maximum":100,"minimum":0,"type":"integer"},"B":{"maximum":100,"minimum":0,"type":"integer"}'
    b',"C":{"maximum":100,"minimum":0,"type":"integer"}},"required":["A","B","C"],"type":"object"}'
    b',"strict":true},"type":"json_schema"},"seed":0,"temperature":0},"draw":0,"endpoint":null,'
    b'"model":"gpt-4o-mini","provider":"openai","salt":null,"schema":1},"response": {"text": '
    b'"{\\"A\\": 20, \\"B\\": 30, \\"C\\": 50}", "finish_reason": "stop", "usage": {'
    b'"prompt_tokens": 100, "completion_tokens": 1}, "top_logprobs": null, "cost_usd": null, '
    b'"price_usd_per_token": null, "provider_model": "", "system_fingerprint": null}, "created": '
    b'"2026-01-01T00:00:00.000+00:00", "latency_s": 0.1, "attempts": 1, "versions": {"distexp": '
    b'"0.1.0", "aiohttp": "3.14.5"}, "generation": 0}'
)
"""Ends with what is most common. Its bytes never change: they are part of what is stored."""


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
