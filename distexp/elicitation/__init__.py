"""Ways to get a distribution out of a model, one module a way. Pure: nothing here calls a model.

In comes a question and a group; out go prompts, and readings of the replies to them. An
elicitation is a class and a YAML file; how replies are read lies in `distexp.elicitation.reply`.
"""
