"""What the pages share: the lab in session and link, the job pool, the theme, widgets. No mathematics in here."""
