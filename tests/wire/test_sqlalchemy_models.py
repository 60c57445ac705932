"""SQLAlchemy's models with serial keys, foreign keys, checks and comments: made, reflected, filled and emptied."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from pgstream.testing.server import Server


class Model(DeclarativeBase):
    pass


class Author(Model):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Model):
    __tablename__ = "book"
    __table_args__ = (sa.CheckConstraint("pages > 0", name="has_pages"),)
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(start=100), primary_key=True)
    title: Mapped[str]
    pages: Mapped[int]
    twice: Mapped[int] = mapped_column(sa.Computed("pages * 2", persisted=True))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id", ondelete="CASCADE"))
    author: Mapped[Author] = relationship(back_populates="books")


def test_models_with_keys_of_the_servers(server: Server) -> None:
    with sa.create_engine(_url(server)).begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS models"))
    engine = sa.create_engine(_url(server), connect_args={"options": "-csearch_path=models"})
    Model.metadata.create_all(engine)
    with Session(engine) as session:
        ada = Author(name="Ada", books=[Book(title="Notes", pages=10), Book(title="Letters", pages=20)])
        session.add_all([ada, Author(name="Bob")])
        session.commit()
        assert sorted((book.id, book.title, book.twice) for book in ada.books) == [
            (100, "Notes", 20), (101, "Letters", 40),
        ]  # fmt: skip
        session.add(Book(title="x", pages=0, author=ada))
        with pytest.raises(sa.exc.IntegrityError, match="has_pages"):
            session.commit()
        session.rollback()
        session.add(Book(title="x", pages=1, author_id=99))
        with pytest.raises(sa.exc.IntegrityError, match="book_author_id_fkey"):
            session.commit()
        session.rollback()
        session.delete(ada)
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Book)) == 0
    found = sa.inspect(engine)
    [key] = found.get_foreign_keys("book")
    assert (key["constrained_columns"], key["referred_table"], key["options"]) == (
        ["author_id"], "author", {"ondelete": "CASCADE"},
    )  # fmt: skip
    assert [check["name"] for check in found.get_check_constraints("book")] == ["has_pages"]
    columns = {column["name"]: column for column in found.get_columns("book")}
    assert columns["id"]["identity"]["start"] == 100
    assert columns["twice"]["computed"] == {"sqltext": "(pages * 2)", "persisted": True}
    assert found.get_columns("author")[0]["autoincrement"]
    assert "author_id_seq" in found.get_sequence_names()
    Model.metadata.drop_all(engine)
    assert sa.inspect(engine).get_table_names() == []


def _url(server: Server) -> str:
    return f"postgresql+psycopg://postgres@127.0.0.1:{server.port}/postgres"
