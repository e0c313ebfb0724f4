"""Events between services: written with their cause, sent at least once, handled once, parked when hopeless."""
