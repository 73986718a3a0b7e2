"""Language models behind an endpoint, one module a kind.

In comes a prompt; out goes a request, and the response to it. Only `complete` touches the world.
The wire of OpenAI-compatible servers lies in `distexp.model.http`, llama.cpp in
`distexp.model.llama`.
"""
