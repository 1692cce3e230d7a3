"""What functions import of Lambda's runtime may be older than here: only names that they use are looked up."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = [
    *(ROOT / "functions").rglob("*.py"),
    *(ROOT / "components" / "pulumi_aws_eda" / "_functions").rglob("*.py"),
    *(ROOT / "components" / "eda_runtime").rglob("*.py"),
]


def evaluated(tree: ast.Module) -> list[str]:
    """Annotations of functions that Python looks up when it loads the module."""
    if any(isinstance(found, ast.ImportFrom) and found.module == "__future__" for found in tree.body):
        return []
    annotations = []
    for found in ast.walk(tree):
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs]
            annotations += [argument.annotation for argument in arguments] + [found.returns]
    return [ast.unparse(annotation) for annotation in annotations if annotation is not None]


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_annotation_needs_a_version_of_urllib3(file: Path) -> None:
    # BaseHTTPResponse came with urllib3 2.0; Lambda's runtimes had 1.26 until the end of 2025.
    assert not [text for text in evaluated(ast.parse(file.read_text())) if "urllib3" in text]
