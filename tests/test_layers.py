"""The architecture, held by reading the imports: lower never imports higher."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "linattn_core"

# Low to high. A module may import only from its own line or the lines above it.
LAYERS = [
    ["errors", "modular", "tolerances"],
    ["numerics", "inputs", "devices"],
    ["svec", "prefix_sums"],
    ["features", "traces"],
    ["attention", "family"],
    ["solve"],
    ["examples", "dense_second"],
    ["moments"],
    ["factor", "plan", "certificates"],
    ["problem"],
    ["certificate", "heads"],
    ["learn"],
    ["twin"],
    ["machines", "files", "sequences"],
    ["uploads"],
    ["tasks", "turing_family", "turing_proof", "data"],
    ["recover"],
    ["lab_versions", "link", "spec_errors", "spec_text", "lab_spec", "lab_own", "lab_builds", "lab"],
    ["curve"],
    ["outcomes"],
    ["experiment"],
    ["figures"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imported(path: Path) -> set[str]:
    """Names of all modules a file imports, also inside functions; not those for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


CORE_FILES = sorted(p for p in CORE.rglob("*.py") if p != CORE / "__init__.py")


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_imports_only_its_own_layer_and_lower_ones(path):
    own = path.relative_to(CORE).parts[0].removesuffix(".py")
    assert own in LEVEL, f"{own} has no layer yet: give it one in LAYERS"
    for module in imported(path):
        parts = module.split(".")
        assert parts[0] != "streamlit", f"{path.name} imports streamlit"
        if parts[0] == "linattn_core" and len(parts) > 1 and parts[1] in LEVEL:
            assert LEVEL[parts[1]] <= LEVEL[own], f"{own} imports {parts[1]}, which lies higher"


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_pages_hold_no_mathematics(path):
    forbidden = {"scipy", "torch", "networkx", "automata", "sklearn"}
    used = {module.split(".")[0] for module in imported(path)}
    assert not used & forbidden
    assert "numpy.linalg" not in imported(path)
    if path.parent == ROOT / "pages":
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_the_library_loads_neither_torch_nor_scikit_learn():
    code = (
        "import sys, linattn_core; print([m for m in ('torch', 'sklearn', 'streamlit', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
