"""How replies are read: choices, letters, numbers, repeated draws. Nothing here is chosen by a user."""
