"""What is measured of one prediction: distances, shape, tasks and worth in respondents, with numpy alone.

In come shares and ordinals as arrays; out goes a number a case. A distance is added here and nowhere else.
"""
