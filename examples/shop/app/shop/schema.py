"""Makes the tables and the first articles; run again, it changes nothing."""

import asyncio

import asyncpg

ARTICLES = [("Teapot", 24.90), ("Cup", 6.50), ("Tea, 100 g", 8.00)]


async def main() -> None:
    connection = await asyncpg.connect(host="/run/postgresql", database="shop")
    await connection.execute(
        "create table if not exists article (name text primary key, price double precision not null)"
    )
    await connection.executemany("insert into article values ($1, $2) on conflict do nothing", ARTICLES)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
