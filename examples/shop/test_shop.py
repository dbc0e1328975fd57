"""What the shop promises, asked by `sysimage test build/shop.tar --expect examples/shop/test_shop.py`."""

import json

ASK = """
import json, sys, urllib.request as r
data = sys.argv[2].encode() if len(sys.argv) > 2 else None
asked = r.Request("http://127.0.0.1" + sys.argv[1], data, {"Content-Type": "application/json"})
sys.stdout.write(r.urlopen(asked, timeout=600).read().decode())
"""


def asked(host, path, *data):
    return host.check_output("python3 -c %s " + " ".join(["%s"] * (1 + len(data))), ASK, path, *data)


def test_the_page_is_served(host):
    assert "<h1>Shop</h1>" in asked(host, "/")


def test_articles_come_from_the_database(host):
    assert {one["name"] for one in json.loads(asked(host, "/api/articles"))} >= {"Teapot", "Cup"}


def test_an_article_that_is_added_is_kept(host):
    added = json.loads(asked(host, "/api/articles", '{"name": "Saucer", "price": 4.5}'))
    assert added in json.loads(asked(host, "/api/articles"))
    rows = host.check_output(
        "su postgres -s /bin/sh -c %s", "psql -d shop -qAtc \"select price from article where name = 'Saucer'\""
    )
    assert rows.strip() == "4.5"


def test_prices_are_computed_by_a_c_extension(host):
    prices = json.loads(asked(host, "/api/prices"))
    assert prices["highest"] == 24.9
    assert host.check_output("python3 -c 'import numpy; print(numpy.__file__)'").startswith("/usr/local/lib/")


def test_the_version_is_the_argument_s(host):
    assert json.loads(asked(host, "/api/version"))["version"] == "dev"


def test_each_service_runs_as_its_user(host):
    (application,) = host.process.filter(user="shop", comm="uvicorn")
    assert "shop.main:app" in application.args
    assert {process.user for process in host.process.filter(comm="postgres")} == {"postgres"}


def test_nothing_is_compiled_when_it_runs(host):
    """Byte code of the wheels is in the image, and Python accepts it: it would write another one otherwise."""
    compiled = host.check_output("python3 -c %s", "import fastapi; print(fastapi.__cached__)")
    assert host.file(compiled).exists
