#!/usr/bin/env python3
"""Writes the table of settings in docs/ from `serve --help`: configuration_reference.py SERVICE [--check].

With `--check` it writes nothing, and fails if the table differs.
"""

import argparse
import difflib
import pathlib
import re
import sys

from registry import run

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/settings.md"
BEGIN, END = "<!-- configuration: begin -->\n", "<!-- configuration: end -->\n"
HEADING = "| variable | flag | default | meaning |\n|---|---|---|---|\n"

# The layout of clap's long help: flags at column six, text at column ten, and values as a list.
OPTION = re.compile(r"^(?: {6}|  -\w, )(--[\w-]+)(?: <\w+>)?$")
ENVIRONMENT = re.compile(r"^\[env: (\w+)(?:=.*)?\]$")
DEFAULT = re.compile(r"^\[default: (.*)\]$")
VALUE = re.compile(r"^- ([\w+]+): +(.*)$")


class Setting:
    def __init__(self, flag):
        self.flag, self.variable, self.default, self.paragraphs, self.values = flag, None, None, [[]], []

    def read(self, line):
        if environment := ENVIRONMENT.match(line):
            self.variable = environment[1]
        elif default := DEFAULT.match(line):
            self.default = default[1]
        elif value := VALUE.match(line):
            self.values.append([value[1], [value[2]]])
        elif not line:
            self.paragraphs.append([])
        elif self.values:
            self.values[-1][1].append(line)
        elif line != "Possible values:":
            self.paragraphs[-1].append(line)

    def row(self):
        # clap removes the full stop.
        sentences = [" ".join(lines).removesuffix(".") + "." for lines in self.paragraphs if lines]
        text = " ".join(sentences)
        # The text explains the values that it names.
        if not all(f"`{value}`" in text for value, _ in self.values):
            text += "".join(f" `{value}`: {' '.join(lines).removesuffix('.')}." for value, lines in self.values)
        takes_a_value = self.variable is not None
        default = f"`{self.default}`" if self.default is not None else "–" if takes_a_value else "off"
        variable = f"`{self.variable}`" if self.variable else "–"
        return "| {} | `{}` | {} | {} |\n".format(variable, self.flag, default, text.replace("|", "\\|"))


def settings(text):
    found = []
    for line in text.splitlines():
        if option := OPTION.match(line):
            found.append(Setting(option[1]))
        elif found:
            found[-1].read(line.strip())
    return [setting for setting in found if setting.flag != "--help"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    # Without environment variables, because clap prints their values.
    table = "".join(setting.row() for setting in settings(run(arguments.service, "serve", "--help", env={})))
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    written = f"{before}{BEGIN}{HEADING}{table}{END}{after}"
    if not arguments.check:
        PAGE.write_text(written, encoding="utf-8")
    elif written != page:
        sys.stderr.writelines(
            difflib.unified_diff(page.splitlines(True), written.splitlines(True), "docs/settings.md", "serve --help")
        )
        sys.exit("docs/settings.md does not follow from `serve --help`; run `make configuration-reference`")


main()
