"""Tasks: problems, their templates, and the registry that `--task` reads."""

from r1kit.tasks.registry import TASKS, build_task

__all__ = ["TASKS", "build_task"]
