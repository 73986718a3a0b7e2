"""What the first word of a command line calls. Adding a command takes a module and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `distexp`."""

    target: str
    """`MODULE:FUNCTION`, which takes the words after it and returns the exit code, or None."""
    help: str
    """What it does, in one line."""

    def __call__(self, arguments: list[str]) -> int | None:
        """Do it, and return the exit code."""
        module, _, function = self.target.partition(":")
        called: Callable[[list[str]], int | None] = getattr(import_module(module), function)
        return called(arguments)


COMMANDS = {
    "run": Command("distexp.cli.run:run", "Ask, calibrate and score; may be left out."),
    "fit": Command("distexp.cli.run:fit", "Run, and write the calibrator to a card."),
    "predict": Command(
        "distexp.cli.predict:predict", "Estimate answers to questions that nobody was asked."
    ),
    "rectify": Command(
        "distexp.cli.rectify:rectify", "Join estimates with the answers of a few people."
    ),
    "plan": Command("distexp.cli.plan:plan", "Plan how many people to ask which question."),
    "apply": Command("distexp.cli.apply:main", "Calibrate estimates by a card."),
    "summarize": Command("distexp.cli.summarize:main", "Join any runs into one table."),
    "list": Command("distexp.cli.listing:main", "List models, datasets, calibrators, ..."),
    "show": Command("distexp.cli.show:main", "Show a survey, or what a model would be sent."),
    "codebook": Command("distexp.cli.codebook:main", "Draft and check the codebook of a survey."),
    "cache": Command("distexp.cli.cache:main", "Look at the paid answers and set them right."),
    "bundle": Command("distexp.cli.bundle:bundle", "Pack a run with its answers into one file."),
    "reproduce": Command("distexp.cli.bundle:reproduce", "Make the runs of a bundle again."),
    "doctor": Command("distexp.cli.doctor:main", "Look at what a run needs on this machine."),
    "completion": Command(
        "distexp.cli.completion:main", "Print what makes a shell complete these words."
    ),
}
"""In the order of `distexp --help`."""
