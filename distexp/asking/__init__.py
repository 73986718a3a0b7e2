"""From requests to answers: the plan, the cache first, then one schedule of calls with limits, pauses and a budget.

In come cases and prompts (`interview`) or requests (`runner`); out go answers, estimates and what could not be read. How calls
are spaced, claimed and stored may change here without asking next door; what a request is may not (`distexp.request`).
"""
