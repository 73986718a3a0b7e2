"""`distexp predict`: estimates for questions that nobody was asked."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from distexp.cli.run import run, with_one_of_each
from distexp.errors import ConfigError


def predict(arguments: list[str], command: str = "predict") -> None:
    """Run an experiment that writes estimates of its open cases; by a card, without a survey.

    `distexp predict dataset=... questions=FILE out=FILE`, or `card=FILE` in place of the dataset.
    """
    if any(argument.startswith(("--help", "--cfg", "-h")) for argument in arguments):
        run(arguments, command)
        return
    if given("out", arguments) is None:
        msg = f"distexp {command} writes estimates. Say where: out=estimates.csv"
        raise ConfigError(msg)
    card = given("card", arguments)
    if card is not None:
        arguments = _by_card(Path(card), arguments, command)
    run(with_one_of_each(arguments), command)


def with_purpose(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the words of `distexp rectify` and `plan` as settings."""
    words = tuple(f"{name}=" for name in ("pilot", "respondents", "figure"))
    return [f"purpose.{one}" if one.startswith(words) else one for one in arguments]


def _by_card(path: Path, arguments: list[str], command: str) -> list[str]:
    """Have a card estimate: the questions are the dataset, unless one is named for its groups."""
    from distexp.card.card import Card
    from distexp.dataset.embedded import SURVEYS

    card = Card.read(path)
    condition = card.trained_on.condition
    settings = [f"use_{one}" if one.startswith("card=") else one for one in arguments]
    more = [
        f"{key}={name}"
        for key in ("prompt", "elicitation")
        if _is_choice(key, name := getattr(condition, key))
    ]
    questions = given("questions", arguments)
    if given("dataset", arguments) is None:
        if questions is None:
            msg = (
                f"distexp {command} estimates new questions by the card. Say which: "
                "questions=FILE, or a dataset that has open cases."
            )
            raise ConfigError(msg)
        settings = [one for one in settings if not one.startswith("questions=")]
        more += ["dataset=questionnaire", f"dataset.path={questions}"]
        if condition.dataset in SURVEYS and given("dataset.survey", arguments) is None:
            attributes = dict.fromkeys(attribute for attribute, _ in card.trained_on.groups)
            more.append(f"dataset.survey={condition.dataset}")
            more.append(f"dataset.attributes=[{','.join(attributes)}]")
    said = {one.partition("=")[0] for one in settings}
    return [*settings, *(one for one in more if one.partition("=")[0] not in said)]


def _is_choice(group: str, name: str) -> bool:
    """Tell whether the configuration has a file of that name."""
    return name.isidentifier() and (files("distexp.conf") / group / f"{name}.yaml").is_file()


def given(name: str, arguments: Sequence[str]) -> str | None:
    """Return the value that the command line gives a setting, the last of several."""
    values = [one.partition("=")[2] for one in arguments if one.startswith(f"{name}=")]
    return values[-1] if values else None
