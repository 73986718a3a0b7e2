"""What elicitations have in common that ask about a case in one step."""

from distexp.request import Prompt
from distexp.types import Question


class AskedAtOnce:
    """Asks nothing about a question before it asks about a case."""

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Need none; see `distexp.protocols.Elicitation`."""
        return ()
