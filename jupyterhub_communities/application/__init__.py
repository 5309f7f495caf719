"""What can be done: one function per verb, one transaction each."""
