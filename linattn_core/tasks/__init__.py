"""Tasks: computations encoded as contexts and answers, with traces, truth and family."""

from linattn_core.tasks.base import Attribute, Pair, Task
from linattn_core.tasks.memory import AssociativeMemory
from linattn_core.tasks.own import OwnSequences
from linattn_core.tasks.regression import InContextRegression
from linattn_core.tasks.step import StepAutomaton
from linattn_core.tasks.teacher import RandomTeacher
from linattn_core.tasks.turing import HeldOut, TuringRun, UniversalTuringMachine
from linattn_core.tasks.universal import UniversalAutomaton
from linattn_core.tasks.vectors import VectorMemory
from linattn_core.tasks.words import TableMemory

__all__ = [
    "AssociativeMemory",
    "Attribute",
    "HeldOut",
    "InContextRegression",
    "OwnSequences",
    "Pair",
    "RandomTeacher",
    "StepAutomaton",
    "TableMemory",
    "Task",
    "TuringRun",
    "UniversalAutomaton",
    "UniversalTuringMachine",
    "VectorMemory",
]
