"""What calibrators are made of: features, bases, losses, solvers. Nothing here is chosen by a user."""
