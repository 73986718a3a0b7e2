"""llama.cpp on this machine: the weights, the server, and the child process that it runs in.

In comes a file of weights; out goes an address that speaks OpenAI's chat protocol.
"""
