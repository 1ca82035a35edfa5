"""Running a study on Ray Tune: assignments, recording, progress, places."""
