"""The embedded local AWS: the services this project uses, on 127.0.0.1, in one process."""
