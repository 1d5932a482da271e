"""Three ways to lay out a universal Turing machine in one attention layer: slim, wide and duo (ours).

Written below: P_p for the one-hot attribute P at p, e_p for its value, "T1 -> T2" for "after T1 the answer is T2". Why
nothing interferes is said where a head sums over all tokens of a kind; minimality of d and of the heads is not proved.
"""

from __future__ import annotations

import numpy as np

from linattn_core.machines.turing import HALT, LEFT, RIGHT
from linattn_core.tasks.turing_layout import Design, Steps


class Slim(Design):
    """Four tokens a step, d = 2n + 2S + QS + Q + 2, S + 4 heads: state and position telescope like the tape.

    T1  [Y_p; P = e_p - e_old]          read:  Y matches P, copies A to R          -> T2  [R_a]
    T2  [R_a]                           join:  one head a letter; R_a matches every P (the sum of P is 1 on cells and
                                        writes, 0 on T1), copies S to J_(.,a)      -> T2b [J_(q,a)]
    T2b [J_(q,a)]                       rule:  J matches J, and every Y (the position log); copies A, S, M, P
                                                                                   -> T3
    T3  [P_p; A change; S change; M_m]  move:  one head a direction; M_m matches every Y, maps P_p to
                                        [Y_(p+m); P = e_(p+m) - e_p]               -> T1, or 0 without M: halt
    """

    name = "slim"
    stages = ("read", "join", "look up the rule", "write and move")
    start_length = 3
    keeps_state_at_halt = True

    def blocks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """P cell or change of position, Y "read here", A letter, R letter just read, J pair, S state, M direction."""
        return (
            ("P", self._labels("cell")),
            ("Y", self._labels("cell")),
            ("A", self._labels("letter")),
            ("R", self._labels("letter")),
            ("J", self._pairs("state", "letter")),
            ("S", self._labels("state")),
            ("M", ("left", "right")),
        )

    def rules(self, table: np.ndarray) -> np.ndarray:
        """[J_(q,a); A = e_a' - e_a; S = e_q' - e_q; M = e_move, none for a halt]."""
        tokens, rule = self.rule_tokens(table)
        self._change(tokens, rule)
        return tokens.reshape(table.shape[0], -1, self.dim)

    def _change(self, tokens: np.ndarray, steps: Steps) -> None:
        self.put(tokens, "S", steps.next_state)
        self.put(tokens, "S", steps.state, -1.0)
        self.put(tokens, "M", (steps.move == RIGHT).astype(int), (steps.move != HALT).astype(float))

    def start(self, state: np.ndarray, head: np.ndarray) -> np.ndarray:
        """[P_b; S_q0], [P_b; Y_b], T1, with b the cell before the head."""
        tokens = self.zeros(len(head), 3)
        before = (head - 1) % self.cells
        for i in (0, 1):
            self.put(tokens[:, i], "P", before)
        self.put(tokens[:, 0], "S", state)
        self.put(tokens[:, 1], "Y", before)
        self._query(tokens[:, 2], head, before, np.ones(len(head)))
        return tokens

    def _query(self, tokens: np.ndarray, head: np.ndarray, old: np.ndarray, present: np.ndarray) -> None:
        self.put(tokens, "Y", head, present)
        self.put(tokens, "P", head, present)
        self.put(tokens, "P", old, -present)

    def step(self, steps: Steps) -> np.ndarray:
        """T2, T2b, T3, T1."""
        tokens = self.zeros(len(steps), 4)
        self.put(tokens[:, 0], "R", steps.letter)
        self.put(tokens[:, 1], "J", self.pair(steps.state, steps.letter))
        self.put(tokens[:, 2], "P", steps.head)
        self.put(tokens[:, 2], "A", steps.written)
        self.put(tokens[:, 2], "A", steps.letter, -1.0)
        self._change(tokens[:, 2], steps)
        moves = (steps.move != HALT).astype(float)
        self._query(tokens[:, 3], (steps.head + steps.move) % self.cells, steps.head, moves)
        return tokens

    @property
    def head_count(self) -> int:
        """S + 4."""
        return self.letters + 4

    def locate(self, C: np.ndarray, query: np.ndarray) -> tuple[int, int]:
        """The state is what tokens with a P add up to in S, the position what tokens with a Y add up to in P."""
        state = np.argmax(C[self.span("P"), self.span("S")].sum(axis=0))
        return int(state), int(np.argmax(C[self.span("Y"), self.span("P")].sum(axis=0)))

    def head_list(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Read, one join a letter, rule, left, right."""
        heads = [("read", self.copy(("A", "R")), self.copy(("Y", "P")))]
        q = np.arange(self.states)
        for a in range(self.letters):
            V, Q = self.square(), self.square()
            V[self.at["J"] + self.pair(q, np.full_like(q, a)), self.at["S"] + q] = 1
            Q[self.span("P"), self.at["R"] + a] = 1
            heads.append((f"join {a}", V, Q))
        Q = self.copy(("J", "J"))
        Q[self.span("Y"), self.span("J")] = 1
        heads.append(("rule", self.copy(("A", "A"), ("S", "S"), ("M", "M"), ("P", "P")), Q))
        p = np.arange(self.cells)
        for column, (label, move) in enumerate((("left", LEFT), ("right", RIGHT))):
            V, Q = self.square(), self.square()
            V[self.at["Y"] + (p + move) % self.cells, self.at["P"] + p] = 1
            np.add.at(V, (self.at["P"] + (p + move) % self.cells, self.at["P"] + p), 1)
            np.add.at(V, (self.at["P"] + p, self.at["P"] + p), -1)
            Q[self.span("Y"), self.at["M"] + column] = 1
            heads.append((label, V, Q))
        return heads


class _Joint(Design):
    """What wide and duo share: the state stands in a query K = (state, cell), rules answer G = (state, move)."""

    def _shared(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        moves = tuple(f"{state}, {move}" for move in ("left", "right") for state in self._labels("state"))
        return (
            ("P", self._labels("cell")),
            ("A", self._labels("letter")),
            ("K", self._pairs("state", "cell")),
            ("J", self._pairs("state", "letter")),
            ("G", moves),
        )

    def rules(self, table: np.ndarray) -> np.ndarray:
        """[J_(q,a); A = e_a' - e_a; G_(q',move), none for a halt]."""
        tokens, rule = self.rule_tokens(table)
        self._go(tokens, rule)
        return tokens.reshape(table.shape[0], -1, self.dim)

    def _go(self, tokens: np.ndarray, steps: Steps) -> None:
        index = (steps.move == RIGHT) * self.states + steps.next_state
        self.put(tokens, "G", index, (steps.move != HALT).astype(float))

    def locate(self, C: np.ndarray, query: np.ndarray) -> tuple[int, int]:
        """Both stand in the K of the last T1."""
        state, cell = divmod(int(np.argmax(query[self.span("K")])), self.cells)
        return state, cell

    def _joint(self, state: np.ndarray, cell: np.ndarray) -> np.ndarray:
        return state * self.cells + cell % self.cells

    def _write(self, tokens: np.ndarray, steps: Steps) -> None:
        self.put(tokens, "P", steps.head)
        self.put(tokens, "A", steps.written)
        self.put(tokens, "A", steps.letter, -1.0)


class Wide(_Joint):
    """Three tokens a step, d = n + S + Qn + QS + 2Q, 3Q + 1 heads: the state is carried inside the query.

    T1 [K_(q,p); P = e_p - e_old]   read: one head a state q; K_(q,p) matches P_p, copies A to J_(q,.)   -> T2
    T2 [J_(q,a)]                    rule: J matches J, and every K (only T1 tokens have one, so their P adds up to e_p);
                                    copies A, G, P                                                       -> T3
    T3 [P_p; A change; G_(q',m)]    move: one head a G; matches every K, maps P_p to [K_(q',p+m); P = e_(p+m) - e_p]
                                    -> T1, or 0 without G: halt
    """

    name = "wide"
    start_length = 2
    stages = ("read", "look up the rule", "write and move")

    def blocks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """P cell or change of position, A letter, K (state, cell), J (state, letter), G (next state, direction)."""
        return self._shared()

    def start(self, state: np.ndarray, head: np.ndarray) -> np.ndarray:
        """[P_b; K_(q0,b)], T1, with b the cell before the head."""
        tokens = self.zeros(len(head), 2)
        before = (head - 1) % self.cells
        self.put(tokens[:, 0], "P", before)
        self.put(tokens[:, 0], "K", self._joint(state, before))
        self._query(tokens[:, 1], state, head, before, np.ones(len(head)))
        return tokens

    def _query(
        self, tokens: np.ndarray, state: np.ndarray, head: np.ndarray, old: np.ndarray, present: np.ndarray
    ) -> None:
        self.put(tokens, "K", self._joint(state, head), present)
        self.put(tokens, "P", head % self.cells, present)
        self.put(tokens, "P", old, -present)

    def step(self, steps: Steps) -> np.ndarray:
        """T2, T3, T1."""
        tokens = self.zeros(len(steps), 3)
        self.put(tokens[:, 0], "J", self.pair(steps.state, steps.letter))
        self._write(tokens[:, 1], steps)
        self._go(tokens[:, 1], steps)
        moves = (steps.move != HALT).astype(float)
        self._query(tokens[:, 2], steps.next_state, steps.head + steps.move, steps.head, moves)
        return tokens

    @property
    def head_count(self) -> int:
        """3Q + 1."""
        return 3 * self.states + 1

    def head_list(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """One read a state, rule, one move a (state, direction)."""
        heads = []
        p, a = np.arange(self.cells), np.arange(self.letters)
        for q in range(self.states):
            V, Q = self.square(), self.square()
            V[self.at["J"] + q * self.letters + a, self.at["A"] + a] = 1
            Q[self.at["P"] + p, self.at["K"] + q * self.cells + p] = 1
            heads.append((f"read q{q}", V, Q))
        Q = self.copy(("J", "J"))
        Q[self.span("K"), self.span("J")] = 1
        heads.append(("rule", self.copy(("A", "A"), ("G", "G"), ("P", "P")), Q))
        for column, (label, move) in enumerate((("left", LEFT), ("right", RIGHT))):
            for q in range(self.states):
                V, Q = self.square(), self.square()
                V[self.at["K"] + q * self.cells + (p + move) % self.cells, self.at["P"] + p] = 1
                np.add.at(V, (self.at["P"] + (p + move) % self.cells, self.at["P"] + p), 1)
                np.add.at(V, (self.at["P"] + p, self.at["P"] + p), -1)
                Q[self.span("K"), self.at["G"] + column * self.states + q] = 1
                heads.append((f"{label} to q{q}", V, Q))
        return heads


class Duo(_Joint):
    """Two tokens a step, d = n + S + Qn + QnS + QS + 2Q, Qn + n heads: writing and asking share one token.

        T1 [K_(q,p); P_old; A change]   read: one head a (q, p); K_(q,p) matches P_p, copies A to L_(q,p,.) -> T2
        T2 [L_(q,p,a)]                  rule: one head a cell p; L_(q,p,a) matches J_(q,a), copies A, maps G_(q',m) to
                                        K_(q',p+m) and any J to P_p                         -> T1
    A rule without G leaves K empty, so the T1 that follows answers 0: halt.
    """

    name = "duo"
    stages = ("read", "look up the rule, write and move")
    writes_at_halt = True

    def blocks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """P cell, A letter, K (state, cell), J (state, letter), G (next state, direction), L (state, cell, letter)."""
        return (*self._shared(), ("L", self._pairs("state", "cell", "letter")))

    def start(self, state: np.ndarray, head: np.ndarray) -> np.ndarray:
        """T1 = [K_(q0,p0); P_b], with b the cell before the head: as if nothing had been changed there."""
        tokens = self.zeros(len(head), 1)
        self.put(tokens[:, 0], "K", self._joint(state, head))
        self.put(tokens[:, 0], "P", (head - 1) % self.cells)
        return tokens

    def step(self, steps: Steps) -> np.ndarray:
        """T2, T1; a T1 that halts still writes."""
        tokens = self.zeros(len(steps), 2)
        self.put(tokens[:, 0], "L", self._joint(steps.state, steps.head) * self.letters + steps.letter)
        self._write(tokens[:, 1], steps)
        moves = (steps.move != HALT).astype(float)
        self.put(tokens[:, 1], "K", self._joint(steps.next_state, steps.head + steps.move), moves)
        return tokens

    @property
    def head_count(self) -> int:
        """Qn + n."""
        return self.states * self.cells + self.cells

    def head_list(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """One read a (state, cell), one rule a cell."""
        heads = []
        q, a = np.arange(self.states), np.arange(self.letters)
        for joint in range(self.states * self.cells):
            V, Q = self.square(), self.square()
            V[self.at["L"] + joint * self.letters + a, self.at["A"] + a] = 1
            Q[self.at["P"] + joint % self.cells, self.at["K"] + joint] = 1
            heads.append((f"read q{joint // self.cells} at cell {joint % self.cells}", V, Q))
        for p in range(self.cells):
            V, Q = self.copy(("A", "A")), self.square()
            V[self.at["P"] + p, self.span("J")] = 1
            for column, move in enumerate((LEFT, RIGHT)):
                V[self.at["K"] + q * self.cells + (p + move) % self.cells, self.at["G"] + column * self.states + q] = 1
            for state in range(self.states):
                for letter in range(self.letters):
                    key = self.at["J"] + state * self.letters + letter
                    Q[key, self.at["L"] + (state * self.cells + p) * self.letters + letter] = 1
            heads.append((f"rule at cell {p}", V, Q))
        return heads


DESIGNS: dict[str, type[Design]] = {"slim": Slim, "wide": Wide, "duo": Duo}
