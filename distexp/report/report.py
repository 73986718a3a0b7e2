"""What a run leaves: tables, a summary, provenance and a report for people."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distexp import atomic
from distexp.asking.answers import Reply, Unreadable
from distexp.errors import DistexpError
from distexp.evaluation.baselines import LABELS
from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.scores import Score
from distexp.metrics.names import METRIC
from distexp.report import figures as drawing
from distexp.report import tables
from distexp.report.calls import Calls
from distexp.report.counted import mean_mass, n_unreadable, rests_on
from distexp.report.document import document
from distexp.report.kept_tables import kept
from distexp.report.markdown import escaped
from distexp.report.score_tables import score_table, shape_table, task_table
from distexp.report.software import software
from distexp.report.tables import trials
from distexp.report.told import write_words
from distexp.report.topics import held_out, new_topics_of, promises, topic_table
from distexp.report.verdicts import findings
from distexp.run_folder import (
    ALIGNMENT,
    CASES,
    COMPARISONS,
    CONFIG,
    DISTRIBUTIONS,
    NEW_TOPICS,
    OVERRIDES,
    PREDICTIONS,
    PROVENANCE,
    REPORT,
    REQUESTS,
    SCORES,
    SUMMARY,
    TRIALS,
    UNREADABLE,
)
from distexp.types import Condition, Study, Survey

if TYPE_CHECKING:
    import polars as pl

MOST_NAMED = 5
"""Studies in the representation of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of an experiment: its studies and, for each of them, what was found."""

    survey: Survey
    studies: Sequence[Study]
    results: Sequence[Result]
    unreadable: Sequence[Unreadable]
    calls: Calls
    request_keys: tuple[str, ...]
    models: tuple[str, ...]
    """Full identities of the models asked."""
    evaluation: Evaluation
    whole: Sequence[Study] = ()
    """The studies with their open cases, which the others are without; empty where the caller
    gave none."""
    estimates: str = ""
    """What was estimated of the open cases, in Markdown; goes after the scores."""
    estimated: "pl.DataFrame | None" = None
    """The same as a table, a row an open case and option."""
    stopped: str | None = None
    """Why not everything was asked; then the report is of what was."""
    replies: Sequence[Reply] = ()
    """Prompts and what came back, for people who look behind a score."""
    notes: tuple[str, ...] = ()
    """What was found out about the models meanwhile, a sentence each, in Markdown."""

    def __repr__(self) -> str:
        conditions = [_named(study.condition) for study in self.studies]
        lines = [f"Report of {len(conditions)} studies, {self.calls.total} requests:"]
        lines += conditions[:MOST_NAMED]
        more = [f"and {len(conditions) - MOST_NAMED} more"] * (len(conditions) > MOST_NAMED)
        return "\n".join([*lines, *more])

    def predictions(self) -> "pl.DataFrame":
        """Return one row per study, case and option."""
        import polars as pl

        return pl.concat(
            (tables.predictions(study, result.calibrated) for study, result in self._outcomes()),
            how="diagonal",  # a study without scores has no calibrated columns
        )

    def scores(self) -> "pl.DataFrame":
        """Return one row per study, calibrator and metric."""
        return self._scores(lambda result: result.scores)

    def new_topics(self) -> "pl.DataFrame":
        """Return the same with each battery held out as a whole; empty where that was not done."""
        return self._scores(lambda result: result.new_topics.scores if result.new_topics else ())

    def _scores(self, of: Callable[[Result], Sequence[Score]]) -> "pl.DataFrame":
        import polars as pl

        rows = [
            asdict(study.condition)
            | asdict(score)
            | {
                "scope": result.scopes.get(score.calibrator, "pooled"),
                "n_splits": result.n_splits or self.evaluation.n_splits,
                "n_train": result.n_train,
            }
            for study, result in self._outcomes()
            for score in of(result)
        ]
        return pl.DataFrame(rows, schema=tables.scores_schema()).fill_nan(None)

    def cases(self) -> "pl.DataFrame":
        """Return one row per study, case and calibrator: the distances behind the scores."""
        import polars as pl

        return pl.concat(
            tables.cases(study, result.per_case) for study, result in self._outcomes()
        )

    def markdown(self) -> str:
        """Return the tables of each study, and what they say."""
        parts = [
            f"### {_named(study.condition)}\n\n"
            + (escaped(result.note) or "\n\n".join(self._parts(study, result)))
            for study, result in self._outcomes()
        ]
        about = [*self.notes, self.partial(), self.refused(), self.open(), self.calls.thoughts()]
        return "\n\n".join(filter(None, [*about, *parts, self.estimates]))

    def open(self) -> str | None:
        """Say how many cases nobody answered; None where there is none."""
        cases = {case for study in self.whole for case in study.cases if case.human is None}
        if not cases:
            return None
        questions = {case.question.question_id for case in cases}
        return (
            f"{len(cases)} open cases of {len(questions)} questions were asked about besides. "
            "Nobody's answers to them are known: no score, mean or count holds them."
        )

    def partial(self) -> str | None:
        """Say that the report is of a part of the cases, and why; None where it is of all."""
        if self.stopped is None:
            return None
        estimates = [estimate for study in self.studies for estimate in study.estimates]
        n_asked = sum(estimate.asked for estimate in estimates)
        return (
            f"**Partial: {n_asked} of {len(estimates)} estimates were asked for, in the order of "
            f"their prompts, which is no random sample.** {escaped(self.stopped)}"
        )

    def refused(self) -> str | None:
        """Say which questions a server refused to answer, and in what words; None where none."""
        replies = [reply for reply in self.unreadable if reply.is_refusal]
        if not replies:
            return None
        questions = list(dict.fromkeys(reply.question_id for reply in replies))
        named = ", ".join(questions[:10]) + ", ..." * (len(questions) > 10)
        estimates = [estimate for study in self.studies for estimate in study.estimates]
        n_cases = sum(estimate.status == "refused" for estimate in estimates)
        said = repr(replies[0].text).replace("`", "'")  # as code: no markup of the server's
        return (
            f"**Refused: {n_cases} of {len(estimates)} estimates, of the question"
            f"{'s' * (len(questions) > 1)} {named}.** The server said to the first: "
            f"`{said}`. This is remembered; cache.mode=refresh asks again."
        )

    def comparisons(self) -> "pl.DataFrame":
        """Return one row per study, metric and pair of methods."""
        import polars as pl

        rows = [
            asdict(study.condition) | asdict(comparison)
            for study, result in self._outcomes()
            for comparison in result.comparisons
        ]
        return pl.DataFrame(rows, schema=tables.comparisons_schema()).fill_nan(None)

    def trials(self) -> "pl.DataFrame":
        """Return one row per study, tuned calibrator, split and trial."""
        import polars as pl

        return pl.concat(
            trials(study.condition, result.trials) for study, result in self._outcomes()
        )

    def summary(self) -> dict[str, object]:
        """Return the schema of the tables, the counts of calls and the headline scores."""
        return {
            "schema": tables.SCHEMA,
            "calls": asdict(self.calls),
            "partial": self.stopped,
            "studies": [
                asdict(study.condition)
                | {"n_cases": len(study.cases), "n_unreadable": n_unreadable(study)}
                | {"mean_mass": mean_mass(study)}
                | {
                    f"{score.calibrator}.{score.metric}": _json_number(score.value)
                    for score in result.scores
                    if METRIC[score.metric].headline
                }
                | new_topics_of(result)
                for study, result in self._outcomes()
            ],
        }

    def provenance(self) -> dict[str, object]:
        """Return what is needed to know where the numbers come from."""
        return {
            "versions": software(),
            "models": list(self.models),
            "seed": self.evaluation.seed,
            "dataset": self.survey.name,
            "language": self.survey.language,
            "data_sha256": self.survey.digest,
            "files": dict(self.survey.files),
            "gated": self.survey.gated,
            "shows_human_answers": any(study.shown for study in self.studies),
            "licence": self.survey.licence,
            "citation": self.survey.citation,
            "n_requests": len(self.request_keys),
            "requests_sha256": hashlib.sha256(self._requests().encode()).hexdigest(),
        }

    def write(self, run_dir: Path, *, config: str, overrides: str, figures: bool = True) -> None:
        """Write every file of the run, each whole or not at all, `report.md` last.

        Parameters
        ----------
        run_dir : Path
            Made if it does not exist.
        config, overrides : str
            The composed configuration and its overrides, as YAML.
        figures : bool
            Whether to draw: that takes most of the time of a small run.

        Raises
        ------
        DistexpError
            If the folder cannot be written.
        """
        from polars.exceptions import ComputeError  # what a full disk is to Polars

        predictions = self.predictions()
        try:
            with atomic.files(run_dir, last=[REPORT]) as made:
                (made / CONFIG).write_text(config, encoding="utf-8")
                (made / OVERRIDES).write_text(overrides, encoding="utf-8")
                (made / REQUESTS).write_text(self._requests(), encoding="utf-8")
                _write_json(made / PROVENANCE, self.provenance())
                _write_json(made / SUMMARY, self.summary())
                predictions.write_parquet(made / PREDICTIONS)
                self.scores().write_parquet(made / SCORES)
                self.comparisons().write_parquet(made / COMPARISONS)
                self.cases().write_parquet(made / CASES)
                if any(result.new_topics for result in self.results):
                    self.new_topics().write_parquet(made / NEW_TOPICS)
                for name, table in kept(list(self._outcomes())).items():
                    table.write_parquet(made / name)
                tables.unreadable(self.unreadable).write_parquet(made / UNREADABLE)
                write_words(self, made)
                if any(result.trials for result in self.results):
                    self.trials().write_parquet(made / TRIALS)
                if figures:
                    drawing.distributions(predictions, made / DISTRIBUTIONS)
                    drawing.alignment(self.scores(), LABELS, made / ALIGNMENT)
                (made / REPORT).write_text(document(self, figures), encoding="utf-8")
        except (OSError, ComputeError) as exc:
            msg = f"The results cannot be written to {run_dir}: {exc}. Choose hydra.run.dir anew."
            raise DistexpError(msg) from exc

    def _requests(self) -> str:
        """Return the keys of the requests, one a line."""
        return "\n".join(self.request_keys)

    def _parts(self, study: Study, result: Result) -> Iterator[str]:
        """Yield what one study promises, its tables and the verdicts."""
        yield from filter(
            None,
            [
                promises(result, 1 - self.evaluation.confidence),
                held_out(study, result, self.evaluation),
            ],
        )
        yield score_table(result.scores)
        yield rests_on(study, result, self.survey)
        yield from filter(None, [topic_table(result)])
        if self.evaluation.extras:
            yield f"Shape, beside that of the human answers:\n\n{shape_table(result.scores)}"
            yield f"Use:\n\n{task_table(result.scores)}"
        yield from filter(None, [self._findings(result)])

    def _findings(self, result: Result) -> str:
        alpha = 1 - self.evaluation.confidence
        return findings(result, alpha, self.evaluation.equivalence)

    def _outcomes(self) -> Iterable[tuple[Study, Result]]:
        return zip(self.studies, self.results, strict=True)


def _named(condition: Condition) -> str:
    model, elicitation, prompt, dataset = (
        escaped(name)
        for name in (condition.model, condition.elicitation, condition.prompt, condition.dataset)
    )
    return f"{model}, {elicitation}, prompt {prompt}, on {dataset}"


def _write_json(path: Path, document: Mapping[str, object]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None
