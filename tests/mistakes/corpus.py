"""A hundred mistakes that people make: what they wrote, and the command. Nothing is fetched for any of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WEB: dict[str, Any] = {"name": "web", "packages": ["nginx"]}


@dataclass(frozen=True)
class Mistake:
    """One mistake."""

    what: str
    """What went wrong, for the reader of the corpus."""
    words: tuple[str, ...]
    """The command line after ``sysimage``."""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    """What is in the directory, by name; a name that ends in a slash is an empty directory."""
    environ: Mapping[str, str] = field(default_factory=dict)


def command(what: str, *words: str, files: Mapping[str, str | bytes] | None = None, **environ: str) -> Mistake:
    return Mistake(what, words, files or {}, environ)


def spec(what: str, text: str | None = None, **keys: Any) -> Mistake:
    """A mistake in a spec: its text, or keys beside a name and packages; ``_`` in a key is ``-``."""
    value = {**WEB, **{key.replace("_", "-"): one for key, one in keys.items()}}
    return Mistake(what, ("build",), {"system.json": text or json.dumps(value, indent=2) + "\n"})


def service(what: str, **keys: Any) -> Mistake:
    body = {"command": ["nginx"], **{key.replace("_", "-"): one for key, one in keys.items()}}
    return spec(what, services={"web": body})


GOOD = {"system.json": json.dumps(WEB)}

MISTAKES = (
    # The command line.
    command("no verb"),
    command("a verb misspelt", "bulid"),
    command("a verb of another tool", "install", "nginx"),
    command("a flag misspelt", "build", "--max-layer", "5"),
    command("two flags misspelt", "plan", "--of-line", "--jsn"),
    command("a flag of another verb", "lock", "--max-layers", "5"),
    command("a flag without its value", "build", "--output"),
    command("a number that is none", "build", "--max-layers", "many"),
    command("zero processors", "build", "--jobs", "0"),
    command("a size with the wrong unit", "build", "--cache-size", "5 gigs"),
    command("a date that is none", "build", "--created", "yesterday"),
    command("a format that is none", "build", "--format", "oci"),
    command("an engine that is none", "build", "--load", "dokcer"),
    command("a verb without its argument", "inspect"),
    command("two things to compare, and one is named", "diff", "a.tar"),
    command("one word too many", "verify", "a.tar", "b.tar"),
    command("a shell that is not completed", "completion", "ksh"),
    command("a place that is none", "run", "--in", "vagrant", "system.json"),
    command("a variable with a bad value", "build", SYSIMAGE_MAX_LAYERS="lots"),
    command("a variable of a switch with a bad value", "build", SYSIMAGE_OFFLINE="perhaps"),
    command("help for a verb that is none", "help", "biuld"),
    command("an assignment without a value", "build", "--set", "max-layers", files=GOOD),
    command("an assignment to a key that is none", "build", "--set", "max-layer=5", files=GOOD),
    command("an argument that is not declared", "build", "--argument", "PORT=80", files=GOOD),
    command("a variant that is none", "build", "--variant", "small", files=GOOD),
    # Files.
    command("no spec here", "build"),
    command("no spec here, but one of another name", "build", files={"web.json": "{}"}),
    command("a spec misspelt", "build", "sytem.json", files=GOOD),
    command("a directory as a spec", "build", "here", files={"here/": ""}),
    command("a directory with a spec in it", "plan", "here", files={"here/system.json": "{}"}),
    command("an empty spec", "build", files={"system.json": ""}),
    command("an image that is not there", "inspect", "web.tar"),
    command("the same, for another verb", "verify", "web.tar"),
    command("the same, for a question", "why", "web.tar", "nginx"),
    command("the same, for a report", "report", "web.tar"),
    command("the same, for a run", "run", "web.tar"),
    command("the same, for a test", "test", "--in", "namespaces", "web.tar"),
    command("a name misspelt beside the right one", "size", "wbe.tar", files={"web.tar": ""}),
    command("a text as an image", "inspect", "notes.tar", files={"notes.tar": "milk, bread\n" * 100}),
    command("an empty file as an image", "verify", "web.tar", files={"web.tar": ""}),
    command("a directory that is not a layout", "inspect", "here", files={"here/": ""}),
    command("an image into a directory that is not there", "build", "-o", "out/web.tar", files=GOOD),
    command("the spec as the output", "build", "-o", "system.json", files=GOOD),
    command("an image to a name without a tag separator", "build", "--tag", "Web:1", files=GOOD),
    command("a push without a host", "build", "--push", "web:1", "--offline", files=GOOD),
    command("a lock that is none", "build", "--locked", files=GOOD),
    command("a lock that is not a lock", "build", files={**GOOD, "system.lock.json": "{}"}),
    command("a previous build that is not there", "plan", "--previous", "old.tar", files=GOOD),
    command("a base that is not there", "build", "--from-image", "base.tar", files=GOOD),
    command("a bad SOURCE_DATE_EPOCH", "build", files=GOOD, SOURCE_DATE_EPOCH="today"),
    # JSON.
    spec("a comma too many", '{"name": "web", "packages": ["nginx"],}\n'),
    spec("a comma too few", '{\n  "name": "web"\n  "packages": ["nginx"]\n}\n'),
    spec("a comment", '{\n  // the web server\n  "name": "web"\n}\n'),
    spec("single quotes", "{'name': 'web'}\n"),
    spec("a key without quotes", '{name: "web"}\n'),
    spec("the end is missing", '{"name": "web", "packages": ["nginx"\n'),
    spec("YAML", "name: web\npackages:\n  - nginx\n"),
    spec("TOML", 'name = "web"\npackages = ["nginx"]\n'),
    spec("a Dockerfile", "FROM debian:trixie\nRUN apt-get install -y nginx\n"),
    spec("a list", '["nginx"]\n'),
    spec("a key twice", '{"name": "web", "packages": [], "name": "shop"}\n'),
    spec("Python's True", '{"name": "web", "packages": [], "essential": True}\n'),
    # Keys and values.
    spec("no name", '{"packages": ["nginx"]}\n'),
    spec("neither packages nor a store", '{"name": "web"}\n'),
    spec("a name in capitals", name="Web"),
    spec("a key misspelt", pakages=["nginx"]),
    spec("a key with an underscore", '{"name": "web", "packages": [], "max_layers": 5}\n'),
    spec("a key in camel case", '{"name": "web", "packages": [], "maxLayers": 5}\n'),
    spec("a key of Docker's", '{"name": "web", "packages": [], "ports": [80]}\n'),
    spec("another key of Docker's", '{"name": "web", "packages": [], "env": {"A": "b"}}\n'),
    spec("a key of Docker's for commands", '{"name": "web", "packages": [], "cmd": ["nginx"]}\n'),
    spec("packages as text", packages="nginx"),
    spec("a package with a space", packages=["nginx python3"]),
    spec("a package with a colon for its version", packages=["nginx:1.26"]),
    spec("a number as a package", packages=[5]),
    spec("too many layers", max_layers=500),
    spec("layers as text", max_layers="100"),
    spec("a compression that is none", compression="xz"),
    spec("an environment as a list", environment=["A=b"]),
    spec("a number in the environment", environment={"PORT": 80}),
    spec("a port out of range", exposed_ports=[70000]),
    spec("a port that is negative", exposed_ports=[-1]),
    spec("a port of a protocol that is none", exposed_ports=["80/http"]),
    spec("a host name with a space", host_name="my web"),
    spec("exclude as text", exclude="libc6"),
    command(
        "a web application among jars, and a directory that is not there",
        "build",
        files={
            "shop.war": "",
            "system.json": json.dumps({**WEB, "java": {"jars": ["shop.war", "target/dependency"], "at": "/tmp/lib"}}),
        },
    ),
    spec("jars without a place in the image", java={"jars": ["lib"]}),
    spec("a file without content", files={"/etc/motd": {}}),
    spec("a file with text and source", files={"/etc/motd": {"text": "a", "source": "b"}}),
    spec("a file that is not beside the spec", files={"/etc/motd": {"source": "motd"}}),
    spec("a relative path", files={"etc/motd": {"text": "a"}}),
    spec("a mode as a number", files={"/etc/motd": {"text": "a", "mode": 644}}),
    spec("a mode that is none", files={"/etc/motd": {"text": "a", "mode": "rw-r--r--"}}),
    spec("an owner that is not declared", files={"/etc/motd": {"text": "a", "user": "ann"}}),
    spec("a user with capitals", users={"Ann": {}}),
    spec("two users with one ID", users={"ann": {"uid": 1000}, "bob": {"uid": 1000}}),
    spec("a group that is not declared", users={"ann": {"groups": ["staff2"]}}),
    spec("a password as it is", users={"ann": {"password-hash": "secret"}}),
    # Services.
    service("a command as text", command="nginx -g 'daemon off;'"),
    service("an empty command", command=[]),
    service("a user that is not declared", user="shop"),
    service("a service that is required and missing", requires=["databse"]),
    service("a service that requires itself", requires=["web"]),
    service("a ready check of two kinds", ready={"tcp": 80, "file": "/run/x"}),
    service("a ready check of no kind", ready={}),
    service("a port as text", ready={"tcp": "80"}),
    service("a signal that is none", stop_signal="QUITE"),
    service("a key of systemd's", exec_start="nginx"),
    service("restart as Docker says it", restart="always"),
    service("one-shot and ready", one_shot=True, ready={"tcp": 80}),
    spec(
        "two services that wait for each other",
        services={"a": {"command": ["nginx"], "requires": ["b"]}, "b": {"command": ["nginx"], "requires": ["a"]}},
    ),
    # Habits from other tools.
    command("a spec without a verb", "system.json", files=GOOD),
    command("a verb of Docker's for images", "images"),
    command("a verb of Docker's that has another name here", "load", "web.tar"),
    command("a directory and a tag, as for docker build", "build", "--tag", "web:1", ".", files=GOOD),
    command("a package instead of a spec", "build", "nginx"),
    command("a Dockerfile as a spec", "build", "Dockerfile", files={"Dockerfile": "FROM debian:trixie\n"}),
    command("an image as a spec", "lint", "web.tar", files={"web.tar": "web\0" * 300}),
    command("a script as a spec", "build", "make.sh", files={"make.sh": "#!/bin/sh\napt-get install nginx\n"}),
    command("a spec in UTF-16", "build", files={"system.json": json.dumps(WEB).encode("utf-16")}),
    command("a spec with a byte order mark", "build", files={"system.json": "\ufeff" + json.dumps(WEB)}),
    command("a spec as an image", "inspect", "system.json", files=GOOD),
    command("an image of a registry without its host", "inspect", "nginx:latest"),
    command("a base of a registry without its host", "build", "--from-image", "debian:trixie", files=GOOD),
    command("a push to an address of the web", "build", "--push", "http://localhost:5000/web:1", files=GOOD),
    command("a push to a name in capitals", "build", "--push", "localhost:5000/Web:1", files=GOOD),
    command("two tags at once", "build", "--push", "localhost:5000/web:1:2", files=GOOD),
    command("a digest that is cut", "inspect", "localhost:5000/web@sha256:abc"),
    command("a size in megabytes", "build", "--cache-size", "100MB", files=GOOD),
    command("a layout over other files", "build", "--output", "out/", files={**GOOD, "out/notes.txt": "milk"}),
    command("no home", "build", files=GOOD, HOME="", XDG_CACHE_HOME=""),
    command("a key to explain that is misspelt", "explain", "servces"),
    spec("a version as pip has it", packages=["nginx>=1.26"]),
    spec("a package in capitals", packages=["Nginx"]),
    spec("packages with their versions as an object", packages={"nginx": "1.26"}),
    spec("a list of services", services=["nginx"]),
    spec("a name with a tag", name="web:1.0"),
    spec("a tag with a colon", tags=["web:1"]),
    spec("a key at the wrong level", ready={"tcp": 80}),
    spec("a service without its name", services={"command": ["nginx"]}),
    spec("a port as Docker publishes it", exposed_ports=["8080:80"]),
    spec("the ID of root for another user", users={"ann": {"uid": 0}}),
    spec("a home with a tilde", users={"ann": {"home": "~"}}),
    spec("a path of Windows", files={"C:\\motd": {"text": "a"}}),
    spec("a pattern of files", files={"/etc/motd": {"source": "*.txt"}}),
    spec("a directory as a file", files={"/etc/motd": {"source": "."}}),
    spec("a city as the time zone", time_zone="Berlin"),
    spec("an offset as the time zone", time_zone="UTC+1"),
    spec("an older name of a time zone", time_zone="US/Eastern"),
    spec("a language as the locale", locale="de"),
    spec("a locale as the web writes it", locale="en-US.UTF-8"),
    spec("UTF-8 without its dash", locale="de_DE.UTF8"),
    spec("a time zone misspelt", time_zone="Europe/Berln"),
    command(
        "a lock file of an old npm",
        "build",
        files={
            "package-lock.json": '{"lockfileVersion": 1, "dependencies": {}}',
            "system.json": json.dumps({**WEB, "node": {"lock": "package-lock.json", "at": "/srv/web"}}),
        },
    ),
    command(
        "Python packages without hashes",
        "lock",
        files={
            "requirements.txt": "flask==3.1.0\n",
            "system.json": json.dumps({**WEB, "python": {"lock": "requirements.txt"}}),
        },
    ),
    command("an image of a registry to run", "run", "registry.example/team/web:1.4"),
    command("YAML as an image", "verify", "web.yaml", files={"web.yaml": "name: web\n"}),
    spec("a tab in a string", '{"name": "web", "packages": ["ngi\tnx"]}\n'),
    spec("quotation marks of a word processor", "{“name”: “web”}\n"),
    service("a port with its protocol", ready={"tcp": "80/tcp"}),
    service("what systemd says for an order", after=["ngnix"]),
    service("a duration with its unit", stop_timeout="5s"),
    service("a timer in a word", timer="daily"),
)
