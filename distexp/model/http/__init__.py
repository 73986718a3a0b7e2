"""Calls over HTTP to servers that speak OpenAI's chat protocol.

In comes a request; out goes a response, or an error that says who is at fault. Secrets go into
the call and never into what is kept of it.
"""
