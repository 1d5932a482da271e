"""What a learned run is worth: the light, the evidence it stands on, and twins that show what is open."""
