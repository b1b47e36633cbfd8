"""All that Relatch ever loads. Importing this loads it: for the process that `tests/warm.py` forks others from."""

from __future__ import annotations

import gc
from importlib import import_module
from pkgutil import iter_modules

import bot.operator
from bot.model import Names
from handlers.slack.blocks import Renderer

COMMANDS = [f"bot.operator.{module.name}" for module in iter_modules(bot.operator.__path__)]
# Else uvicorn loads it when it begins to serve.
SERVING = "uvicorn.protocols.http.auto"

# As `relatch run` has it: nothing of this is ever garbage, and no process that is forked from here looks through it.
gc.disable()
for name in ("typer", "bot.build", "bot.logs", SERVING, *COMMANDS, "providers.all", "tests.warm"):
    import_module(name)
# Compiled once in a process, see handlers/jinja.py, they are compiled in all that are forked from it.
templates = Renderer(Names(product="", company="", engine=""))._env
for name in templates.list_templates(extensions=["j2"]):
    templates.get_template(name)
gc.freeze()
gc.enable()
