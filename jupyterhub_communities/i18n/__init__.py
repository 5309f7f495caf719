"""Languages: sentences, formats and the choice of a language. No framework."""
