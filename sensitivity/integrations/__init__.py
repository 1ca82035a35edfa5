"""What other people's scripts, training loops and Ray Tune experiments call."""
