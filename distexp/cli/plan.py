"""`distexp plan`: how many people to ask which question."""

from distexp.cli.predict import given, predict
from distexp.errors import ConfigError


def plan(arguments: list[str]) -> None:
    """Run `distexp plan respondents=N out=FILE [figure=FILE.svg]`, else as `distexp predict`."""
    if not any(one.startswith(("--help", "--cfg", "-h", "respondents=")) for one in arguments):
        msg = "distexp plan deals answers to questions and groups. Say how many: respondents=300"
        raise ConfigError(msg)
    if (n := given("respondents", arguments)) is not None and not n.isdecimal():
        raise ConfigError(f"respondents must be a whole number of answers. Got {n!r} instead.")
    predict(
        [
            f"purpose.{one}" if one.startswith(("respondents=", "figure=")) else one
            for one in arguments
        ],
        "plan",
    )
