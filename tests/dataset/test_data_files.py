"""A survey says which files it was read from: by names that hold wherever the files lie."""

import hashlib
import shutil
from pathlib import Path

import pytest

from distexp.dataset.embedded import EmbeddedSurvey
from distexp.dataset.files.columns import read_files
from distexp.dataset.opinionqa import OpinionQA
from distexp.dataset.table import Table
from distexp.types import Survey
from tests.dataset.test_opinionqa import release

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def digests(survey: Survey, root: Path) -> dict[str, bool]:
    """Return, by the name of each file, whether its digest is that of the file below `root`."""
    return {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in survey.files
    }


def test_a_file_is_called_by_its_name_and_a_folder_leads_to_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the setting is absolute, relative, or ends in a slash or a dot."""
    (tmp_path / "data/waves").mkdir(parents=True)
    path = tmp_path / "data/waves/one.csv"
    path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "data")
    sha256 = hashlib.sha256(b"x").hexdigest()

    assert read_files(path) == read_files("waves/one.csv") == (("one.csv", sha256),)
    for setting in ("waves", "waves/", tmp_path / "data/waves", "../data/waves"):
        found = read_files(setting, [Path(setting) / "one.csv"])
        assert found == (("waves/one.csv", sha256),)
    assert read_files(".", [Path("waves/one.csv")]) == (("data/waves/one.csv", sha256),)


def test_a_table_names_its_data_and_its_codebook(tmp_path: Path) -> None:
    """Both decide about the answers."""
    for name in ("town_survey.csv", "town_survey.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)

    survey = Table(
        str(tmp_path / "town_survey.csv"), str(tmp_path / "town_survey.yaml"), min_respondents=10
    ).load()

    assert digests(survey, tmp_path) == {"town_survey.csv": True, "town_survey.yaml": True}


def test_a_release_names_the_files_of_the_waves_that_are_read(tmp_path: Path) -> None:
    """Of a wave without a question that is wanted, the list of its questions."""
    root = tmp_path / "human_resp"
    root.mkdir()
    release(root, 26)
    release(root, 27)
    release(root, 28)

    survey = OpinionQA(str(root), waves=[26, 27], questions=["SAFE_W26"], min_respondents=1).load()

    folder = "human_resp/American_Trends_Panel_W"
    assert digests(survey, tmp_path) == {
        f"{folder}26/info.csv": True,
        f"{folder}26/metadata.csv": True,
        f"{folder}26/responses.csv": True,
        f"{folder}27/info.csv": True,
    }


def test_a_survey_that_travels_with_the_package_names_no_file() -> None:
    """It is there wherever distexp is."""
    assert EmbeddedSurvey("gss2018").load().files == ()
