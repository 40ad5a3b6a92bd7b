"""Start-up is part of the product: what is heavy is loaded when it is used."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_doctor.inject.launch import with_hook

pytestmark = pytest.mark.slow

HEAVY = ("requests", "krakenex", "rich", "ntplib", "sqlite3", "redis", "asyncio", "tomllib", "statistics")


def loaded_by(code: str) -> list[str]:
    """The heavy packages that *code* has loaded when it ends."""
    program = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nprint('loaded', *sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = result.stdout.splitlines()[-1].split()
    return [name for name in HEAVY if name in modules]


def test_importing_the_package_loads_nothing_heavy() -> None:
    """A bot that imports a name pays for that name alone."""
    assert loaded_by("import kraken_doctor") == []


@pytest.mark.parametrize("arguments", ["--version", "--help", "check --help", "sandbox --help"])
def test_help_and_version_load_nothing_heavy(arguments: str) -> None:
    """Asking for help is instant."""
    assert loaded_by(f"from kraken_doctor.cli.main import run; run({arguments.split()!r})") == []


def test_a_healthy_check_reads_no_toml_and_compiles_no_error_pattern() -> None:
    """Both are for what is wrong, and took a quarter of the run."""
    check = "import re; from kraken_doctor.cli.main import run; run(['check', '--sandbox'])"
    loaded = loaded_by(f"{check}; assert not [key for key in re._cache if 'e?general' in str(key[1])]")
    assert not {"tomllib", "statistics", "asyncio"} & set(loaded)


def test_a_process_of_its_own_guesses_no_encodings_and_walks_over_no_objects() -> None:
    """Either took a twentieth of a check. That requests has to do without is not worth a warning, even with `-v`."""
    program = "import gc; gc.set_debug(gc.DEBUG_STATS); from kraken_doctor.__main__ import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", program, "check", "--sandbox", "-v"]
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert " requests.models\n" in seen
    assert " charset_normalizer.api\n" not in seen
    assert "character detection" not in seen
    walked = [int(size) for size in re.findall(r"objects in each generation: (\d+)", seen)]  # as Python starts: 700
    assert max(walked, default=0) < 5_000


def test_the_generator_alone_needs_no_http() -> None:
    """Whoever brings another client does not load krakenex for a nonce."""
    code = "from kraken_doctor import NonceGenerator, open_store; NonceGenerator('k', store=open_store('memory://')).next()"
    assert loaded_by(code) == []


def test_the_names_of_clients_need_no_http() -> None:
    """`run` asks for them before each bot."""
    assert loaded_by("from kraken_doctor.client.adapters import adapters; adapters()") == []


def test_the_hook_brings_its_own_modules_alone() -> None:
    """Every Python that a bot starts has it: to load `typing` would cost each of them 5 ms."""
    seen = []
    for environ in (dict(os.environ), with_hook(os.environ, "run,observe", {})):
        program = [sys.executable, "-c", "import sys; print(*sys.modules)"]
        ended = subprocess.run(program, env=environ, capture_output=True, text=True, check=True)
        seen.append(set(ended.stdout.split()))
    new = seen[1] - seen[0] - {"__future__", "sitecustomize"}
    assert new == {"kraken_doctor", "kraken_doctor.inject", "kraken_doctor.inject.hook"}


def test_every_public_name_can_be_loaded() -> None:
    """What `__all__` promises is there."""
    import kraken_doctor

    seen_by_type_checkers = ast.parse(Path(kraken_doctor.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    named = ast.literal_eval(seen_by_type_checkers.body[-1].value)  # type: ignore[attr-defined]
    assert named == sorted(kraken_doctor.__all__)
    for name in kraken_doctor.__all__:
        assert getattr(kraken_doctor, name) is not None
    assert set(kraken_doctor.__all__) <= set(dir(kraken_doctor))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kraken_doctor.no_such_name  # type: ignore[attr-defined]
