"""The one error tree. A message says: what, got, wanted, remedy — in one sentence a student can act on."""


class LinattnError(ValueError):
    """The base of every error this library raises on purpose."""


class ShapeError(LinattnError):
    """An array has the wrong shape, type, or holds NaN or infinity."""


class MachineError(LinattnError):
    """A machine (automaton, Turing machine), regular expression or machine file is not valid."""


class SpecError(LinattnError):
    """A lab specification, its file or its share link is not valid."""


class TooLargeError(LinattnError):
    """The problem would not fit in memory or exceeds a stated bound; says what would fit."""


class CertifiedError(LinattnError):
    """The data pin the answer down at this input, so there is no twin."""


class UndecidedError(LinattnError):
    """At this precision it cannot be shown whether the data pin an answer down."""


class Cancelled(LinattnError):  # noqa: N818 - an outcome the user asked for, not a fault
    """The user cancelled the work."""
