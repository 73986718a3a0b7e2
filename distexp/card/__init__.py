"""A fitted calibrator in a file, and its use on estimates from elsewhere.

In comes a fitted calibrator, or the bytes of a card; out goes a checked document, or calibrated
shares with bands. How a card is checked may change here; its fields may not without a new version
of its schema, and the classes that it names keep their addresses in `distexp.calibrator`.
"""
