"""A fitted calibrator in a file, and its use on estimates from elsewhere.

In comes a fitted calibrator or a card's bytes; out goes a checked document or calibrated shares. How a card is checked may change
here; its fields may not without a new schema version.
"""
