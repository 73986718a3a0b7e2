"""What is measured of one prediction: distances, shape, tasks, and worth in respondents.

In come shares and ordinals as arrays; out goes a number a case, with numpy alone. A distance is
added here and nowhere else; what is done with the numbers is the business of
`distexp.evaluation`.
"""
