"""What is no test here."""

collect_ignore = ["bad_guests.py"]  # a task module, which registers a task when it is imported
