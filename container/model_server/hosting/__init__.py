"""Who holds which model and who works when: the front process without its transport."""
