"""How replies are read: letters, numbers, choices, repeated draws.

In comes the text of a reply; out goes a reading, or a `ParseError`. What is not said is never
guessed.
"""
