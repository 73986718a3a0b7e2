"""`distexp rectify`: answers of a few people joined with estimates, or with those of twins."""

from distexp.cli.predict import given, predict
from distexp.errors import ConfigError


def rectify(arguments: list[str]) -> None:
    """Run `distexp rectify pilot=FILE out=FILE`, else as `distexp predict`; or `twins=FILE`."""
    if given("twins", arguments) is not None:
        _by_twins(arguments)
        return
    if not any(one.startswith(("--help", "--cfg", "-h", "pilot=")) for one in arguments):
        msg = (
            "distexp rectify joins the answers of a few people with estimates. Say where they "
            "are: pilot=FILE"
        )
        raise ConfigError(msg)
    predict(
        [f"purpose.{one}" if one.startswith("pilot=") else one for one in arguments], "rectify"
    )


def _by_twins(arguments: list[str]) -> None:
    raise NotImplementedError
