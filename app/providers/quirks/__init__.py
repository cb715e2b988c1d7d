"""What a row of the catalog cannot say, one file per provider."""
