"""What is built from a clean copy: the wheel, the sdist, and an install in a fresh environment."""

from __future__ import annotations

import configparser
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from support.repository import NN, ROOT, copy_to, files
from support.source import package_folders

# The build backend itself, without a download: what `pip wheel` calls in an environment of its own.
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""

BACKWARD = """
import tinygrad_edu, tinygrad_edu.nn
x = tinygrad_edu.tensor([[1.0, 2.0]], requires_grad=True)
layer = tinygrad_edu.nn.Linear(2, 3)
layer(x).sum().backward()
assert x.grad.shape == (1, 2) and layer.weight.grad.shape == (3, 2)
print(tinygrad_edu.__file__, tinygrad_edu.nn.__file__, sep="\\n")
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return what it printed; the failure shows all of it."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(source: Path, output: Path) -> tuple[Path, Path]:
    """Build the wheel and the sdist of a source folder, each in a process of its own (PEP 517)."""
    output.mkdir()
    hooks = "build_wheel", "build_sdist"
    printed = [run(sys.executable, "-c", BUILD, hook, output, cwd=source) for hook in hooks]
    wheel, sdist = [output / text.splitlines()[-1] for text in printed]
    return wheel, sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("packaging")
    return build(copy_to(folder / "source"), folder / "dist")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def declared() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_declared_packages_are_the_folders_that_have_an_init() -> None:
    assert declared()["options"]["packages"].split() == sorted(package_folders())


def test_every_package_of_nn_is_mapped_to_its_folder() -> None:
    lines = declared()["options"]["package_dir"].strip().splitlines()
    mapped = {name.strip(): folder.strip() for name, folder in (line.split("=") for line in lines)}
    folders = package_folders().items()
    in_nn = {name: path for name, path in folders if path.is_relative_to(NN)}
    assert mapped == {name: path.relative_to(ROOT).as_posix() for name, path in in_nn.items()}


def test_version_is_the_one_that_the_package_tells() -> None:
    import tinygrad_edu

    assert declared()["metadata"]["version"] == tinygrad_edu.__version__


def test_wheel_holds_every_file_of_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    ours = [path.relative_to(ROOT).as_posix() for path in files() if not path.is_symlink()]
    package = {name for name in ours if name.startswith("tinygrad_edu/")}
    nn = {f"tinygrad_edu/{name}" for name in ours if name.startswith("nn/")}
    held = {name for name in names_in(built[0]) if ".dist-info/" not in name}
    assert held == package | nn | {"pytest_tinygrad_edu.py"}
    assert {"tinygrad_edu/nn/__init__.py", "tinygrad_edu/py.typed"} <= held
    assert [name for name in held if name.startswith("tinygrad_edu/datasets/data/")]


def test_sdist_builds_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    wheel, _ = build(source, tmp_path / "dist")
    assert names_in(wheel) == names_in(built[0])


def fresh_environment(folder: Path) -> Path:
    """Make a virtual environment that finds the dependencies here, and none of this checkout."""
    venv.create(folder, with_pip=False)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is searched, but its own .pth files are not read: an editable
    # install of this checkout does not shine through.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def pip_install(scripts: Path, *what: str | Path) -> None:
    """Install into an environment without asking the network for anything."""
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", *what, cwd=scripts)


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    scripts = fresh_environment(tmp_path_factory.mktemp("environment") / "venv")
    pip_install(scripts, built[0])
    return scripts


def test_installed_wheel_imports_and_differentiates_elsewhere(installed: Path, tmp_path: Path) -> None:
    paths = run(installed / "python", "-W", "error", "-c", BACKWARD, cwd=tmp_path).split()
    assert len(paths) == 2
    assert all(Path(path).is_relative_to(installed.parent) for path in paths), paths


def test_installed_command_and_module_show_their_help(installed: Path, tmp_path: Path) -> None:
    command = run(installed / "tinygrad-edu", "--help", cwd=tmp_path)
    module = run(installed / "python", "-m", "tinygrad_edu", "--help", cwd=tmp_path)
    assert "train" in command
    assert "train" in module


def test_checkout_without_links_works_when_installed_editable(tmp_path: Path) -> None:
    checkout = copy_to(tmp_path / "checkout")
    (checkout / "tinygrad_edu" / "nn").unlink()
    scripts = fresh_environment(tmp_path / "venv")
    pip_install(scripts, "-e", checkout)
    package, nn = run(scripts / "python", "-c", BACKWARD, cwd=tmp_path).split()
    assert Path(package).parent == checkout / "tinygrad_edu"
    assert Path(nn).parent == checkout / "nn"
