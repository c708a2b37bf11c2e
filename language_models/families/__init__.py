"""The families of models that write text, one module each: how they are built, and how they read and write."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):  # every module registers the families it defines
    importlib.import_module(f"{__name__}.{_module.name}")
