"""The processes that hold models: the zygote that forks them, and what each of them runs."""
