"""Who the model is asked to speak for, and in what words.

In comes a question, its options as shown, and a group; out go messages. A style is a YAML file,
or a class where words are not enough.
"""
