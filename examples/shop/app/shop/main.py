"""The shop's interface over HTTP."""

import os
from contextlib import asynccontextmanager

import asyncpg
import numpy
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field


class Article(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)


@asynccontextmanager
async def database(app: FastAPI):
    async with asyncpg.create_pool(host="/run/postgresql", database="shop", min_size=1, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(title="Shop", lifespan=database)


@app.get("/version")
async def version() -> dict[str, str]:
    return {"version": os.environ.get("SHOP_VERSION", "unknown")}


@app.get("/articles")
async def articles(request: Request) -> list[Article]:
    rows = await request.app.state.pool.fetch("select name, price from article order by name")
    return [Article(**row) for row in rows]


@app.post("/articles", status_code=201)
async def add(article: Article, request: Request) -> Article:
    await request.app.state.pool.execute(
        "insert into article values ($1, $2) on conflict (name) do update set price = $2", article.name, article.price
    )
    return article


@app.get("/prices")
async def prices(request: Request) -> dict[str, float]:
    rows = await request.app.state.pool.fetch("select price from article")
    found = numpy.array([row["price"] for row in rows])
    return {"count": len(found), "median": float(numpy.median(found)), "highest": float(found.max())}
