"""Results that take minutes to compute, shipped with the commands that compute them."""
