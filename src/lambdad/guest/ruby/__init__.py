"""Ruby's runtime client: pure Ruby, standard library only. Nothing to import from Python."""
