"""All that Relatch ever loads. Importing this loads it: for the process that `tests/warm.py` forks others from."""

from __future__ import annotations

import gc
from importlib import import_module
from pkgutil import iter_modules

import bot.operator

COMMANDS = [f"bot.operator.{module.name}" for module in iter_modules(bot.operator.__path__)]

# As `relatch run` has it: nothing of this is ever garbage, and no process that is forked from here looks through it.
gc.disable()
for name in ("typer", "bot.build", "bot.logs", *COMMANDS, "providers.all", "tests.warm"):
    import_module(name)
gc.freeze()
gc.enable()
