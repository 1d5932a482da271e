"""Decisions in integers: ranks and memberships of integer features, without rounding."""
