"""The house keeps its word: README commands and examples run, CI calls the same verbs, all is pinned."""

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_readme_has_exactly_two_commands_and_ci_runs_the_second():
    install_and_start, install_and_test = (command.strip() for command in blocks("bash"))
    assert install_and_start.endswith("streamlit run app.py")
    assert install_and_test in (ROOT / ".ci" / "test").read_text(encoding="utf-8")
    assert ".ci/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_readme_examples_run_and_print_what_they_say(number):
    code = blocks("python")[number]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    promised = re.findall(r"print\(.*\)\s+# (.*)", code)
    assert promised, "an example says what it prints"
    assert printed.getvalue().split("\n")[: len(promised)] == promised


def test_readme_pictures_and_links_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in _constraints()}
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.split(r"[<>=!~\[ ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= pinned
    assert all("==" in line for line in _constraints())


def _constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
