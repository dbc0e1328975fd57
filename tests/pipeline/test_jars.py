"""Jars of an application keep their layers, except for the one that a release changes."""

from __future__ import annotations

import json

from sysimage.pipeline.planning import group_rules
from sysimage.spec import parse_spec


def test_a_jar_that_is_named_by_itself_has_a_layer_of_its_own() -> None:
    java = {"jars": ["target/shop-[1].jar", "target/dependency"], "at": "/srv/shop/lib"}
    spec = parse_spec(json.dumps({"name": "shop", "packages": [], "java": java}))
    assert [rule.patterns for rule in group_rules(spec)] == [("java-shop--1-",)]
