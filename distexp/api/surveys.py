"""Surveys, and questionnaires that nobody has answered."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from distexp import types
from distexp.api.parts import below, configured
from distexp.dataset.questionnaire import read_questionnaire
from distexp.errors import ConfigError
from distexp.sweep.composed import made
from distexp.visible import counted

if TYPE_CHECKING:
    import polars as pl

MOST_NAMED = 6


class Survey:
    """Questions, groups of people and their answers; made by `distexp.survey`.

    Parameters
    ----------
    name : str
        A choice of the group `dataset`.
    settings : mapping of str to object
        Of that choice.
    folder : path, optional
        Of one's own YAML files.
    """

    def __init__(
        self, name: str, settings: Mapping[str, object], folder: str | Path | None = None
    ) -> None:
        self.name = name
        self.settings = below("dataset", settings)
        self.folder = folder
        self.load()

    def load(self) -> types.Survey:
        """Return the record that the command line works on; it is read once."""
        return self._loaded

    @cached_property
    def _loaded(self) -> types.Survey:
        survey: types.Survey = made(self._config()).survey()
        return survey

    def _config(self) -> object:
        return configured({"dataset": self.name}, self.settings, self.folder)

    def questions(self) -> "pl.DataFrame":
        """Return a row a question: id, wording, options, positions, kind, battery."""
        import polars as pl

        from distexp.api.tables import Table

        questions = {case.question.question_id: case.question for case in self.load().cases}
        return Table(
            [
                {
                    "question_id": key,
                    "question": one.text,
                    "options": list(one.options),
                    "ordinals": None if one.ordinals is None else list(one.ordinals),
                    "kind": one.kind,
                    "battery": one.battery,
                }
                for key, one in questions.items()
            ],
            schema={
                "question_id": pl.String,
                "question": pl.String,
                "options": pl.List(pl.String),
                "ordinals": pl.List(pl.Float64),
                "kind": pl.String,
                "battery": pl.String,
            },
        )

    def answers(self) -> "pl.DataFrame":
        """Return a row a question, group and option: the share of people, and how many answered.

        Shares are null where nobody was asked.
        """
        import polars as pl

        from distexp.api.tables import Table

        rows = [
            (
                case.question.question_id,
                case.group.attribute,
                case.group.value,
                index,
                option,
                None if case.human is None else case.human.probabilities[index],
                case.n_respondents,
            )
            for case in self.load().cases
            for index, option in enumerate(case.question.options)
        ]
        text, number = pl.String, pl.Float64
        schema = {
            **dict.fromkeys(("question_id", "attribute", "group"), text),
            "option_index": pl.Int64,
            "option": text,
            "human": number,
            "n_respondents": number,
        }
        return Table(rows, schema=schema, orient="row")

    def __repr__(self) -> str:
        survey = self.load()
        n_questions = len({case.question.question_id for case in survey.cases})
        n_groups = len({(case.group.attribute, case.group.value) for case in survey.cases})
        return (
            f"{survey.name}: {counted(n_questions, 'question')}, {counted(n_groups, 'group')}, "
            f"{counted(len(survey.cases), 'case')}"
        )


class Questionnaire:
    """Questions that nobody was asked; made by `distexp.questionnaire`."""

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | Path):
            msg = f"New questions are a file, or distexp.questionnaire(FILE). Got {path!r}."
            raise ConfigError(msg)
        self.path = Path(path)
        self.questions = read_questionnaire(self.path).questions

    def __repr__(self) -> str:
        names = [one.question_id for one in self.questions]
        named = ", ".join(names[:MOST_NAMED]) + ", ..." * (len(names) > MOST_NAMED)
        return f"{self.path}: {counted(len(names), 'question')} ({named})"


def survey(name: str, /, *, config_dir: str | Path | None = None, **settings: object) -> Survey:
    """Read a survey.

    Parameters
    ----------
    name : str
        A choice of the group `dataset`, as `distexp list datasets` has them.
    config_dir : path, optional
        Folder of one's own YAML files.
    **settings
        Of that choice, as `distexp show dataset=NAME` and its file in `conf/dataset` have them,
        e.g. `path="survey.csv", codebook="codebook.yaml"`.

    Raises
    ------
    ConfigError
        If there is no such choice or setting.
    DatasetError
        If its files cannot be read or understood.
    """
    if not isinstance(name, str):
        raise ConfigError(f"A survey is named by a choice of the group 'dataset'. Got {name!r}.")
    return Survey(name, settings, config_dir)


def questionnaire(path: str | Path) -> Questionnaire:
    """Read questions that nobody was asked; `docs/predict.md` says what the file may be.

    Raises
    ------
    DatasetError
        If the file cannot be understood.
    """
    return Questionnaire(path)
