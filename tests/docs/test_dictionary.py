"""The data dictionary says what the tables are."""

from tools.dictionary import PAGE, page


def test_the_dictionary_is_written_from_the_schemas() -> None:
    """Each column has a sentence, and the page is as `python tools/dictionary.py` writes it."""
    assert page() == PAGE.read_text()
