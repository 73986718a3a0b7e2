"""The commands of `distexp`, one module a command: the only modules that print.

In come the words of a command line; out go lines and an exit code. A command is a module and its
line in `distexp.cli.commands.COMMANDS`; what it does beyond reading words and printing lines lies
in the room of its subject.
"""
