"""A contract for import-linter that lists what may be imported, where the others list what may not.

A list of what is forbidden grows with each idea of how to break it; a list of what is allowed does
not. Only direct imports are looked at: what is allowed answers for itself.
"""

import sys
from collections.abc import Iterator
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.imports import Module


class AllowList(Contract):
    """Modules that import only each other and what is listed.

    Options:
        source_modules: the modules that the contract is about, with all below them.
        allowed_modules: what they may import besides, with all below each.
        allow_standard_library: whether all of Python's own library is allowed as well.
    """

    type_name = "allow_list"

    source_modules = fields.ListField(subfield=fields.ModuleField())
    allowed_modules = fields.ListField(subfield=fields.ModuleField())
    allow_standard_library = fields.BooleanField(required=False, default=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find each import that is not allowed."""
        illegal = sorted(self._find_illegal(graph))
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that is not allowed, with its lines."""
        for importer, imported, lines in check.metadata["illegal"]:
            output.print_error(f"{importer} must not import {imported} (l. {lines})", bold=False)

    def _find_illegal(self, graph: ImportGraph) -> Iterator[tuple[str, str, str]]:
        sources = _names(self.source_modules)
        allowed = sources + _names(self.allowed_modules)
        for importer in sorted(graph.modules):
            if not _is_within(importer, sources):
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if _is_within(imported, allowed) or self._is_standard(imported):
                    continue
                found = graph.get_import_details(importer=importer, imported=imported)
                yield importer, imported, ", ".join(str(one["line_number"]) for one in found)

    def _is_standard(self, name: str) -> bool:
        is_standard = name.partition(".")[0] in sys.stdlib_module_names
        return bool(self.allow_standard_library) and is_standard


def _names(modules: Any) -> list[str]:
    return [module.name if isinstance(module, Module) else str(module) for module in modules]


def _is_within(name: str, packages: list[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
