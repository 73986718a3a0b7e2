"""Open cases: asked and cached like any other, and in no score, mean, split or count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from distexp.cache.disk import DiskCache
from distexp.calibrator.regression import OptionRegression
from distexp.dataset.embedded import EmbeddedSurvey
from distexp.elicitation.logprobs import Logprobs
from distexp.errors import DatasetError
from distexp.evaluation.evaluation import Evaluation
from distexp.experiment import Experiment
from distexp.model.mock import Mock
from distexp.report.report import Report
from distexp.types import Case, Question, Survey
