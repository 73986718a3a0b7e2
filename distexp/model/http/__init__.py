"""Calls over HTTP to servers with OpenAI's chat protocol: address, body, reply, failures, secrets."""
