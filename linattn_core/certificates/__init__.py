"""What data pin down, decided: levels, exact arithmetic, proofs."""
