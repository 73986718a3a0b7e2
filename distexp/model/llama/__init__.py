"""llama.cpp on this machine: weights, the server and the child process that it runs in."""
