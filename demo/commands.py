"""The main job on this machine. What it needs is imported when it runs: `make setup-deployment` does without."""


def run() -> None:
    """Run the main job to its end on an embedded local AWS, and leave nothing running."""
    from rich.console import Console

    from demo.main_job import run_demo

    run_demo(Console())


def stay(*, persist: bool) -> None:
    """Deploy the example models on an embedded local AWS and stay up until Ctrl-C."""
    from rich.console import Console

    from demo.main_job import run_local

    run_local(Console(), persist=persist)
