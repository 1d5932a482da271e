"""Default names of states and letters, in one place so that machines and tasks agree."""


def state_names(count: int) -> tuple[str, ...]:
    """Return q0, q1, ..."""
    return tuple(f"q{index}" for index in range(count))


def letter_names(count: int) -> tuple[str, ...]:
    """Return a, b, ..., z, then a1, b1, ..."""
    return tuple(chr(ord("a") + index % 26) + (str(index // 26) if index >= 26 else "") for index in range(count))
