"""What a learned run is worth, in the words of a light."""
