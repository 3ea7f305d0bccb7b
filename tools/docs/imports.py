#!/usr/bin/env python3
"""Draws which module of the server imports which, in Graphviz's language:
imports.py SOURCE TITLE < output of `cargo modules dependencies`.

The submodules of `store` are drawn; all others are joined to their top-level module. `cargo modules` attributes an
`impl` block to the module of its type. An arrow that the source of its module does not import is such a block and is
left out.
"""

import re
import sys
from pathlib import Path

USES = re.compile(r'\s*"([^"]+)" -> "([^"]+)" \[label="uses"')
# Modules that are drawn with their submodules.
OPENED = {"store"}


def room(path):
    parts = path.split("::")[1:]
    return "::".join(parts[: 2 if parts and parts[0] in OPENED else 1])


def text(source, module):
    folder = source / module.replace("::", "/")
    files = [folder.with_suffix(".rs"), *folder.rglob("*.rs")]
    if module in OPENED:
        files = [folder / "mod.rs"]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def main():
    source, title = Path(sys.argv[1]), sys.argv[2]
    edges = {(room(found[1]), room(found[2])) for found in map(USES.match, sys.stdin) if found}
    edges = {(a, b) for a, b in edges if a and b and not b.startswith(a) and not a.startswith(f"{b}::")}
    edges = {(a, b) for a, b in edges if re.search(rf"\bcrate::\{{?{b.split('::')[0]}\b", text(source, a))}
    print(f'digraph {{ label="{title}" labelloc=t fontname=Helvetica nodesep=0.3')
    print("  node [shape=box style=rounded fontname=Helvetica fontsize=11] edge [color=gray40]")
    for a, b in sorted(edges):
        print(f'  "{a}" -> "{b}"' + (" [color=red penwidth=2]" if (b, a) in edges else ""))
    print("}")


main()
