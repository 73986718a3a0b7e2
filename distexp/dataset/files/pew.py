"""The groups of Pew's American Trends Panel, as OpinionQA and SubPOP name them, in words."""

from distexp.types import Group

EVERYONE_PHRASE = "an adult living in the United States"

_PHRASES: dict[str, dict[str, str]] = {
    "CREGION": {
        "Northeast": "a person living in the Northeast of the United States",
        "Midwest": "a person living in the Midwest of the United States",
        "South": "a person living in the South of the United States",
        "West": "a person living in the West of the United States",
    },
    "AGE": {
        "18-29": "a person aged 18 to 29",
        "30-49": "a person aged 30 to 49",
        "50-64": "a person aged 50 to 64",
        "65+": "a person aged 65 or older",
    },
    "SEX": {"Male": "a man", "Female": "a woman"},
    "EDUCATION": {
        "Less than high school": "a person who did not finish high school",
        "High school graduate": "a high school graduate who did not go to college",
        "Some college, no degree": "a person with some college education but no degree",
        "Associate's degree": "a person with an associate's degree",
        "College graduate/some postgrad": (
            "a college graduate, possibly with some postgraduate education but no such degree"
        ),
        "Postgraduate": "a person with a postgraduate degree",
    },
    "CITIZEN": {
        "Yes": "a citizen of the United States",
        "No": "a person living in the United States who is not a citizen",
    },
    "MARITAL": {
        "Married": "a married person",
        "Divorced": "a divorced person",
        "Separated": "a person separated from their spouse",
        "Widowed": "a widowed person",
        "Never been married": "a person who has never been married",
        "Living with a partner": "a person living with a partner",
    },
    "RELIG": {
        "Protestant": "a Protestant",
        "Roman Catholic": "a Roman Catholic",
        "Mormon": "a Mormon",
        "Orthodox": "an Orthodox Christian",
        "Jewish": "a Jewish person",
        "Jew": "a Jewish person",
        "Muslim": "a Muslim",
        "Buddhist": "a Buddhist",
        "Hindu": "a Hindu",
        "Atheist": "an atheist",
        "Agnostic": "an agnostic",
        "Other": "a person of another religion than the larger ones",
        "Nothing in particular": "a person whose religion is nothing in particular",
    },
    "RELIGATTEND": {
        "More than once a week": "a person who attends religious services more than once a week",
        "Once a week": "a person who attends religious services once a week",
        "Once or twice a month": "a person who attends religious services once or twice a month",
        "A few times a year": "a person who attends religious services a few times a year",
        "Seldom": "a person who seldom attends religious services",
        "Never": "a person who never attends religious services",
    },
    "POLPARTY": {
        "Republican": "a Republican",
        "Democrat": "a Democrat",
        "Independent": "a political independent",
        "Other": "a person who is neither a Republican, a Democrat nor an independent",
    },
    "INCOME": {
        "Less than $30,000": "a person whose family income is less than $30,000 a year",
        "$30,000-$50,000": "a person whose family income is $30,000 to $50,000 a year",
        "$50,000-$75,000": "a person whose family income is $50,000 to $75,000 a year",
        "$75,000-$100,000": "a person whose family income is $75,000 to $100,000 a year",
        "$100,000 or more": "a person whose family income is $100,000 a year or more",
    },
    "POLIDEOLOGY": {
        "Very conservative": "a person whose political views are very conservative",
        "Conservative": "a person whose political views are conservative",
        "Moderate": "a person whose political views are moderate",
        "Liberal": "a person whose political views are liberal",
        "Very liberal": "a person whose political views are very liberal",
    },
    "RACE": {
        "White": "a White person",
        "Black": "a Black person",
        "Asian": "an Asian person",
        "Hispanic": "a Hispanic person",
        "Other": "a person who is neither White, Black, Asian nor Hispanic",
    },
}


def pew_group(attribute: str, value: str) -> Group:
    """Return the group with its phrase; one that is not known is described by its labels.

    Examples
    --------
    >>> pew_group("RELIGATTEND", "Once a week").phrase
    'a person who attends religious services once a week'
    >>> pew_group("INTERNET", "Online").phrase
    'a person whose INTERNET is Online'
    """
    fallback = f"a person whose {attribute} is {value}"
    phrase = _PHRASES.get(attribute, {}).get(value, fallback)
    return Group(attribute=attribute, value=value, phrase=phrase)
