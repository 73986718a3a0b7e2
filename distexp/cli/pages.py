"""What `--help` says of the commands whose arguments are settings."""

from distexp.cli.overview import EXIT_CODES

_SETTINGS = """\
settings (distexp --cfg job shows all of them, distexp list GROUP the choices):
  model=NAME dataset=NAME elicitation=NAME prompt=NAME calibrator=NAME    or lists: prompt=[A,B]
  evaluation.n_splits=20      any setting of a choice, by its name
  cache.mode=replay           use | replay | refresh | off
  cache.path=FOLDER           where paid answers are kept; DISTEXP_CACHE says it for all runs
  budget.usd=5                limits: budget.usd, budget.calls, budget.tokens
  dry_run=true                what would be asked and what it costs, and nothing is paid
  hydra.run.dir=FOLDER        where the report goes; hydra.sweep.dir=FOLDER that of a sweep
"""
_OPTIONS = """\
options:
  -m, --multirun              every combination of lists such as prompt=base,qa
  --cfg job                   show the configuration and stop
  --config-dir FOLDER         your own YAML files beside those of distexp
  -v, --verbose               every table and sentence on the terminal
  -q, --quiet                 nothing but errors
  --json                      one JSON object on standard output, of a sweep one a job
  --hydra-help                what else Hydra can do
"""
_PAGES = {
    "run": (
        "usage: distexp [run] [SETTING ...] [OPTION ...]",
        "Ask a model about a survey, calibrate its answers on other questions and score them.\n"
        "What was asked before comes from the cache. The report lies in outputs/runs/DATE/TIME.",
    ),
    "fit": (
        "usage: distexp fit card=FILE.json [SETTING ...] [OPTION ...]",
        "Run one model, prompt and calibrator, and write the calibrator, fitted to all cases, to\n"
        "a card, for distexp apply and distexp predict. Choose one: prompt=[NAME]\n"
        "calibrator=[NAME].",
    ),
    "predict": (
        "usage: distexp predict questions=FILE out=FILE [dataset=NAME | card=FILE] [SETTING ...]",
        "Estimate the answers to questions that nobody was asked, with bands, by a calibrator\n"
        "that learns from a survey, or by a card.\n\n"
        "  questions=FILE   .yaml, .csv, .xlsx, .qsf: see docs/predict.md\n"
        "  out=FILE         .csv, .parquet, .jsonl or .xlsx\n"
        "  coverage=0.9     of the bands: 0.5 | 0.8 | 0.9 | 0.95",
    ),
    "rectify": (
        "usage: distexp rectify pilot=FILE questions=FILE out=FILE [dataset=NAME | card=FILE] "
        "[SETTING ...]\n"
        "       distexp rectify pilot=FILE twins=FILE out=FILE [questions=FILE] [by=COLUMNS] "
        "[strata=COLUMN]",
        "Join the answers of a few people with estimates of a calibrator or with predictions for\n"
        "each person.\n\n"
        "  pilot=FILE       a row a person, or a row an answer: see docs/rectify.md\n"
        "  twins=FILE       predictions for each of these people and for others\n"
        "  out=FILE         .csv, .parquet, .jsonl or .xlsx",
    ),
    "plan": (
        "usage: distexp plan respondents=N questions=FILE out=FILE [dataset=NAME | card=FILE] "
        "[SETTING ...]",
        "Deal so many answers to questions and groups where they help most.\n\n"
        "  respondents=N    answers that can be asked for: see docs/rectify.md\n"
        "  figure=FILE.svg  the width of intervals by the number of people",
    ),
}


def page(name: str) -> str:
    """Return the help of one of these commands."""
    usage, about = _PAGES[name]
    return "\n".join([usage, "", about, "", _SETTINGS, _OPTIONS, EXIT_CODES])
