"""The questions that a report and a dashboard answer, in one place and one order."""

from sensitivity.questions.choosing import CHOOSING
from sensitivity.questions.comparing import COMPARING
from sensitivity.questions.course import COURSE
from sensitivity.questions.effects import EFFECTS
from sensitivity.questions.epochs import EPOCHS
from sensitivity.questions.question import Drawing, Question
from sensitivity.questions.robust import ROBUST
from sensitivity.questions.sensitive import SENSITIVE
from sensitivity.questions.tradeoffs import TRADEOFFS
from sensitivity.questions.transfer import TRANSFER
from sensitivity.questions.tuning import TUNING

QUESTIONS: tuple[Question, ...] = (
    SENSITIVE, EFFECTS, TUNING, ROBUST, TRADEOFFS, COMPARING, TRANSFER, EPOCHS, CHOOSING, COURSE,
)  # fmt: skip

__all__ = ["QUESTIONS", "Drawing", "Question"]
