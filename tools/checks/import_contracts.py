"""An import-linter contract that lists the allowed imports; its own contracts list forbidden ones.

A deny list must grow with each new way to break it; an allow list needn't. Only direct imports are
checked: allowed modules may import what they like.
"""

import sys
from collections.abc import Iterator
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.imports import Module


class AllowList(Contract):
    """Modules that import only each other and the listed ones.

    Options:
        source_modules: the modules under contract, with their submodules.
        allowed_modules: the other modules they may import, with their submodules.
        allow_standard_library: whether they may import the standard library as well.
    """

    type_name = "allow_list"

    source_modules = fields.ListField(subfield=fields.ModuleField())
    allowed_modules = fields.ListField(subfield=fields.ModuleField())
    allow_standard_library = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find all imports that are not allowed."""
        illegal = sorted(self._find_illegal(graph))
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not allowed, with its line numbers."""
        for importer, imported, lines in check.metadata["illegal"]:
            output.print_error(f"{importer} must not import {imported} (l. {lines})", bold=False)

    def _find_illegal(self, graph: ImportGraph) -> Iterator[tuple[str, str, str]]:
        sources = _names(self.source_modules)
        if unknown := [source for source in sources if source not in graph.modules]:
            raise ValueError(f"{self.type_name}: no such source_modules: {', '.join(unknown)}")
        allowed = sources + _names(self.allowed_modules)
        for importer in sorted(graph.modules):
            if not _is_within(importer, sources):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if _is_within(imported, allowed) or self._is_standard(imported):
                    continue
                found = graph.get_import_details(importer=importer, imported=imported)
                yield importer, imported, ", ".join(str(each["line_number"]) for each in found)

    def _is_standard(self, name: str) -> bool:
        is_standard = name.partition(".")[0] in sys.stdlib_module_names
        return bool(self.allow_standard_library) and is_standard


def _names(modules: Any) -> list[str]:
    return [module.name if isinstance(module, Module) else str(module) for module in modules]


def _is_within(name: str, packages: list[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
