"""What elicitations have in common that ask about a case in one step."""

from distexp.elicitation.reply.lettered import NOTE
from distexp.request import Prompt
from distexp.types import Question


class AskedAtOnce:
    """Asks nothing about a question before it asks about a case."""

    note = NOTE
    """What a task adds where options are letters themselves; `prompt.language` has others."""

    def preparations(self, question: Question) -> tuple[Prompt, ...]:
        """Need none; see `distexp.protocols.Elicitation`."""
        return ()
