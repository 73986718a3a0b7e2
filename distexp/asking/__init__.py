"""From requests to answers: the cache first, then one schedule of calls for what is missing.

In come cases and prompts, or requests; out go answers, estimates and what could not be read. How
calls are spaced, claimed, paid and stored may change here without asking next door; what a
request and its key are may not (`distexp.request`).
"""
