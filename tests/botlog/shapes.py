"""What stands around an error in a log: how its line is written, and what the bot writes beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from tests.botlog.logs import BEGAN_S


def _at(at_s: float, form: str) -> str:
    return datetime.fromtimestamp(BEGAN_S + at_s, UTC).strftime(form)


def _frames(text: str) -> str:
    return (
        'Traceback (most recent call last):\n  File "/srv/bot/kraken.py", line 41, in ask\n'
        "    raise ConnectionError(err, request=request)\n" + text
    )


# A line of a log, from a time and what is said.
LINES: dict[str, Callable[[float, str], str]] = {
    "python": lambda at, text: f"{_at(at, '%Y-%m-%d %H:%M:%S,000')} - bot - ERROR - kraken: {text}",
    "default": lambda _, text: f"ERROR:root:kraken: {text}",
    "traceback": lambda at, text: f"{_at(at, '%Y-%m-%d %H:%M:%S,000')} ERROR kraken call failed\n{_frames(text)}",
    "chained": lambda at, text: (
        f"{_at(at, '%Y-%m-%d %H:%M:%S,000')} ERROR kraken call failed\n{_frames(text)}\n\nDuring handling of the above"
        f" exception, another exception occurred:\n\n{_frames('KrakenBotError: no balance')}"
    ),
    "node": lambda at, text: (
        f"{_at(at, '%Y-%m-%dT%H:%M:%S.000Z')} kraken {text}\n    at Request._callback (/srv/node_modules/r.js:1:2)"
    ),
    "java": lambda at, text: (
        f"{_at(at, '%H:%M:%S.000')} [main] ERROR c.e.Bot - kraken failed: {text}\n\tat com.example.Bot.main(Bot.java:9)"
    ),
    "dropwizard": lambda at, text: f"ERROR [{_at(at, '%Y-%m-%d %H:%M:%S,000')}] c.e.Bot: kraken failed\n! {text}",
    "go": lambda at, text: f"{_at(at, '%Y/%m/%d %H:%M:%S')} kraken: {text}",
    "glog": lambda at, text: f"{_at(at, 'E%m%d %H:%M:%S.000000')}    1 kraken.go:55] {text}",
    "logrus": lambda _, text: f"ERRO[0412] kraken: {text}",
    "syslog": lambda at, text: f"{_at(at, '%b %d %H:%M:%S')} host bot[12]: kraken: {text}",
    "docker": lambda at, text: f"bot-1  | {_at(at, '%Y-%m-%d %H:%M:%S')} kraken: {text}",
    "kubernetes": lambda at, text: f"{_at(at, '%Y-%m-%dT%H:%M:%S.000000000Z')} stderr F kraken: {text}",
    "json": lambda at, text: json.dumps({"level": "error", "msg": f"kraken: {text}", "ts": BEGAN_S + at}),
    "docker-json": lambda at, text: json.dumps(
        {"log": f"kraken: {text}\n", "stream": "stderr", "time": _at(at, "%Y-%m-%dT%H:%M:%S.000000000Z")}
    ),
    "colours": lambda at, text: f"\x1b[31m{_at(at, '%Y-%m-%d %H:%M:%S')} ERROR\x1b[0m kraken: \x1b[1m{text}\x1b[0m",
    "american": lambda at, text: f"[Nest] 12  - {_at(at, '%m/%d/%Y, %I:%M:%S %p')}   ERROR kraken: {text}",
    "german": lambda at, text: f"{_at(at, '%d.%m.%Y %H:%M:%S')} FEHLER kraken: {text}",
    "rotki": lambda at, text: f"[{_at(at, '%d/%m/%Y %H:%M:%S')} CET] ERROR kraken: {text}",
    "php": lambda at, text: f"[{_at(at, '%d-%b-%Y %H:%M:%S')} UTC] kraken: {text}",
    "no-time": lambda _, text: f"kraken: {text}",
}  # fmt: skip


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def beside_others(text: str) -> str:
    """Between lines of other programs, which have troubles of their own."""
    others = [
        "{} telegram.ext.Updater ERROR Error while getting Updates: Connection reset by peer",
        "{} redis INFO Error 111 connecting to redis:6379. Connection refused.",
        "{} INFO strategy EMA: bullish cross, ETH: wait, EXIT: none",
        "{} binance ERROR Read timed out",
        '{} INFO httpx HTTP Request: POST https://api.kraken.com/0/private/Balance "HTTP/1.1 200 OK"',
    ]
    before = [other.format(_at(n, "%Y-%m-%d %H:%M:%S")) for n, other in enumerate(others)]
    return "\n".join([*before, text, *before]) + "\n"


def between_quiet_lines(text: str) -> str:
    quiet = f"{_at(0, '%Y-%m-%d %H:%M:%S')} INFO tick bid=90000.1 ask=90000.2\n"
    return quiet * 30 + text + "\n" + quiet * 30


SURROUNDINGS: dict[str, Callable[[str], str]] = {
    "alone": lambda text: text + "\n",
    "without an end": lambda text: text,
    "crlf": lambda text: crlf(text + "\n"),
    "others": beside_others,
    "quiet": between_quiet_lines,
}


def log(shape: str, texts: Iterable[str], every_s: float = 60.0) -> str:
    """A log that says *texts*, each in its own entry."""
    return "\n".join(LINES[shape](n * every_s, text) for n, text in enumerate(texts))


def _each(text: str, form: Callable[[int, str], str]) -> str:
    return "".join(form(number, one) for number, one in enumerate(text.rstrip("\n").split("\n")))


def _in_docker(number: int, one: str) -> str:
    return json.dumps({"log": f"{one}\n", "stream": "stderr", "time": f"2026-11-20T10:00:{number % 60:02}.1Z"}) + "\n"


# What may be done to a log without a word of it changing.
CHANGES: dict[str, Callable[[str], str]] = {
    "crlf": crlf,
    "no end": lambda text: text.rstrip("\n"),
    "syslog": lambda text: _each(text, lambda n, one: f"Nov 20 10:00:{n % 60:02} host bot[77]: {one}\n"),
    "docker": lambda text: _each(text, lambda _, one: f"bot-1  | {one}\n"),
    "kubernetes": lambda text: _each(text, lambda n, one: f"2026-11-20T10:00:{n % 60:02}.123456Z stderr F {one}\n"),
    "docker-json": lambda text: _each(text, _in_docker),
    "syslog, RFC 5424": lambda text: _each(
        text, lambda n, one: f"<14>1 2026-11-20T10:00:{n % 60:02}Z h bot 7 - - {one}\n"
    ),
    "pm2": lambda text: _each(text, lambda _, one: f"0|bot  | {one}\n"),
    "kubectl": lambda text: _each(text, lambda _, one: f"[pod/bot-7c9f/bot] {one}\n"),
    "grep -n": lambda text: _each(text, lambda n, one: f"bot.log:{n + 1}:{one}\n"),
    "grep -A": lambda text: _each(text, lambda n, one: f"logs/bot.log{':-'[n % 2]}{one}\n"),
    "cat -n": lambda text: _each(text, lambda n, one: f"{n + 1:6}\t{one}\n"),
    "grep --color": lambda text: re.sub("(?i)error|kraken|binance|okx", "\x1b[01;31m\\g<0>\x1b[m\x1b[K", text),
    "code in Markdown": lambda text: _each(text, lambda _, one: f"    {one}\n"),
    "quoted in a mail": lambda text: _each(text, lambda _, one: f"> {one}\n"),
    "a code fence": lambda text: f"It stopped:\n```text\n{text}```\n",
    "json": lambda text: json.dumps({"level": "error", "message": text, "ts": BEGAN_S}),
    "colours": lambda text: _each(text, lambda _, one: f"\x1b[33m{one}\x1b[0m\n"),
    "a year before": lambda text: re.sub(r"\b(20[12]\d)(?=[-/]\d)", lambda year: str(int(year[1]) - 1), text),
    "other folders": lambda text: text.replace("/home/", "/usr/local/u/").replace("/Users/", "/Users/x"),
    "a web server's lines": lambda text: _each(
        text,
        lambda n, one: f"{one}\n" + '10.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 502 1\n' * (n % 7 == 6),
    ),
}
