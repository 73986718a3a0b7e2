"""Errors that distexp raises, each saying what, where, which value and what to do next.

::

    DistexpError
    ├── ConfigError (also ValueError)   a setting has the wrong type, range or combination
    ├── DatasetError                    a survey cannot be read or holds too little
    ├── ModelError                      a model cannot be reached or refuses the request
    │   ├── TransientModelError         the same request may succeed later: it is retried
    │   │   └── UnusableReplyError      a reply came and holds no answer
    │   └── RefusedPromptError          this one request is refused; others need not be
    ├── ParseError                      a reply cannot be read as a distribution
    └── CacheError                      the response cache cannot be opened, read or written
        ├── CacheMissError              replay mode met a request with no stored answer
        ├── CacheCorruptError           a stored entry is not what was written
        ├── UnstorableError             an answer holds what could not be read back
        └── ArchiveError                an archive or bundle is unsafe, or not what was written
"""


class DistexpError(Exception):
    """Base of every error that is meant for the person who runs an experiment."""


class ConfigError(DistexpError, ValueError):
    """A setting has the wrong type, range or combination."""


class DatasetError(DistexpError):
    """A survey cannot be read, or holds too little for the experiment."""


class ModelError(DistexpError):
    """A model cannot be reached, or refuses the request for good."""


class TransientModelError(ModelError):
    """A call failed in a way that may pass: rate limit, time-out, server fault, lost connection.

    Attributes
    ----------
    retry_after_s : float or None
        How long the server asked to be left alone, in seconds.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnusableReplyError(TransientModelError):
    """A reply came and holds no answer: it is asked for again, and in the end given up alone.

    Attributes
    ----------
    said : str
        What is wrong with it, in one line.
    """

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.said = said


class RefusedPromptError(ModelError):
    """A model refuses one request for what it says; it may answer others.

    Attributes
    ----------
    said : str
        The server's words, in one line.
    certain : bool
        Whether the words say that the prompt is the reason. A bad request that gives no reason is
        the prompt's only if other prompts are answered.
    """

    def __init__(self, message: str, *, said: str, certain: bool) -> None:
        super().__init__(message)
        self.said = said
        self.certain = certain


class ParseError(DistexpError):
    """A reply cannot be read as a distribution over the options.

    Attributes
    ----------
    text : str
        The reply, whole and unchanged.
    """

    def __init__(self, message: str, *, text: str) -> None:
        super().__init__(message)
        self.text = text

    def of(self, text: str) -> "ParseError":
        """Return the same error about the whole of the reply that `text` is a part of."""
        return ParseError(str(self), text=text)


class CacheError(DistexpError):
    """The response cache cannot be opened, read or written."""


class CacheMissError(CacheError):
    """Replay mode met requests with no stored answer."""


class CacheCorruptError(CacheError):
    """A stored entry is not what was written: it is refused, never silently asked again."""


class UnstorableError(CacheError):
    """An answer holds what the cache could not give back: it is not stored, others are."""


class ArchiveError(CacheError):
    """An archive or bundle is unsafe, or not what was written: nothing of it is used."""


class ThrottledError(TransientModelError):
    """The endpoint turned the call away because it gets too many: all its calls have to wait."""


class BudgetError(DistexpError):
    """The budget of the run is spent. What was answered is in the cache."""


def to_install(extra: str) -> str:
    """Return how the packages of an extra are installed.

    By the folder of the source: the distexp of PyPI is another project.

    Examples
    --------
    >>> to_install("surveys")
    "pip install -e '.[surveys]', in the folder of distexp's source"
    """
    return f"pip install -e '.[{extra}]', in the folder of distexp's source"
