"""What scores stand beside: the uncalibrated prediction, two guesses, and the ceiling."""

from distexp.calibrator.baseline import Identity, TrainMean, Uniform

RAW = "identity"
"""The model's own prediction. Files call it so; what people read says `LABELS`."""
UNIFORM = "uniform"
REFERENCE = "train_mean"
"""The baseline that skill is measured against."""
CEILING = "ceiling"
"""Stands among the calibrators for the human sampling ceiling."""
BASELINES: dict[str, type[Identity] | type[Uniform] | type[TrainMean]] = {
    RAW: Identity,
    UNIFORM: Uniform,
    REFERENCE: TrainMean,
}
"""Always scored, under these names."""
UNASKED = (UNIFORM, REFERENCE, CEILING)
"""Rows that have nothing to do with the model."""
NOT_CALIBRATED = (RAW, *UNASKED)
"""Rows of every run that are no calibrator of its own."""
UNCALIBRATED = "uncalibrated"
LABELS = {
    RAW: UNCALIBRATED,
    UNIFORM: "uniform (ignores the model)",
    REFERENCE: "training mean (ignores the model)",
    CEILING: "human sampling ceiling",
}
"""What tables for people call them; other methods go by their own names."""


def named(name: str) -> str:
    """Return what people read for a method, or for any other name, of a file."""
    return UNCALIBRATED if name == RAW else name
