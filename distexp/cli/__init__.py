"""The commands of `distexp`, one module a command: the only modules that print.

In come words of the command line; out go exit codes and lines. A command is a module and its line in `main.COMMANDS`.
"""
