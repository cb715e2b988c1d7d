"""Who can answer: the catalog of providers and what is peculiar to each."""
