"""One verb per module: each is a command, and each is a task of a job."""
