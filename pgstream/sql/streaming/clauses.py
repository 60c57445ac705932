"""What other systems write into statements beside Postgres' words, and which changes nothing here: made blanks.

CREATE TABLE t (a INT COMMENT 'x', PRIMARY KEY (a) NOT ENFORCED,) COMMENT 'y' DISTRIBUTED BY HASH(a) INTO 4 BUCKETS
TIMESTAMP(3) WITH LOCAL TIME ZONE              WITH TIME ZONE
CREATE INDEX i ON t (a) DISTRIBUTED BY (a)
CREATE OR REPLACE MATERIALIZED VIEW            CREATE MATERIALIZED VIEW: whoever parses it looks at the text, too
CREATE LOCAL VIEW, CREATE VIEW v COMMENT 'x'
EXPLAIN ANALYZE MATERIALIZED VIEW v            EXPLAIN (operators) TABLE v
EXECUTE INSERT …, EXECUTE STATEMENT SET BEGIN INSERT …, EXPLAIN PLAN FOR …, EXPLAIN CHANGELOG_MODE, … SELECT …
SELECT … OPTIONS (EXPECTED GROUP SIZE = 10)
SELECT /*+ hints */                            comments already
"""

from collections.abc import Sequence

from pgstream.sql.streaming.reader import Token

UNLESS = "unless\ue000"
"""The schema, or database, in which a view is to be made by Postgres' grammar that is made IF NOT EXISTS."""

_DETAILS = ("ESTIMATED_COST", "CHANGELOG_MODE", "JSON_EXECUTION_PLAN", "PLAN_ADVICE")
_HINTS = ("AGGREGATE", "DISTINCT", "LIMIT", "EXPECTED")


def blank_clauses(text: str, tokens: Sequence[Token], made: list[str]) -> None:
    """Blanks in `made`, a copy of `text`, for such clauses of its statements."""
    begin = 0
    for at in range(len(tokens) + 1):
        if at == len(tokens) or tokens[at].name == "ASCII_59":
            if at > begin:
                _Clauses(text, tokens[begin:at], made).run()
            begin = at + 1


def without_clauses(text: str, tokens: Sequence[Token]) -> tuple[str, list[Token]]:
    """One statement, `tokens`, without such clauses: a text of the same length, and the tokens that are left."""
    made = list(text)
    statement = _Clauses(text, tokens, made)
    statement.run()
    for at, word in enumerate(statement.words):
        if word == "IN" and statement.words[at + 1] == "CLUSTER" and at + 2 < len(tokens):
            statement.blank(at, at + 3)
    left = "".join(made)
    return left, [token for token in tokens if not left[token.start : token.end].isspace()]


class _Clauses:
    """One statement."""

    def __init__(self, text: str, tokens: Sequence[Token], made: list[str]) -> None:
        self.tokens = tokens
        self.made = made
        self.words = [*(text[token.start : token.end].upper() for token in tokens), "", "", "", ""]
        """Ends in empty words, so that a look ahead finds one."""

    def run(self) -> None:
        words = self.words
        for at, word in enumerate(words):
            if word == "LOCAL" and words[at - 1 : at + 3] == ["WITH", "LOCAL", "TIME", "ZONE"]:
                self.blank(at, at + 1)
            elif word == "OPTIONS" and words[at + 1 : at + 2] == ["("] and words[at + 2] in _HINTS:
                self.blank(at, self.group_end(at + 1))
        match words:
            case ["EXECUTE", "STATEMENT", "SET", "BEGIN", *_]:
                self.blank(0, 4)
            case ["EXECUTE", "INSERT" | "SELECT" | "WITH", *_]:
                self.blank(0, 1)
            case ["EXPLAIN", "ANALYZE", "MATERIALIZED", "VIEW", *_]:
                start, end = self.tokens[1].start, self.tokens[3].end
                self.made[start:end] = "(operators) TABLE".ljust(end - start)
            case ["EXPLAIN", "PLAN", "FOR", *_]:
                self.blank(1, 3)
            case ["EXPLAIN", detail, *_] if detail in _DETAILS:
                end = 1
                while words[end] in (*_DETAILS, ","):
                    end += 1
                self.blank(1, end)
            case ["CREATE", *_]:
                self.creation()

    def creation(self) -> None:
        words = self.words
        head = words[: words.index("(") if "(" in words else len(words)]
        if words[1:4] == ["OR", "REPLACE", "MATERIALIZED"]:
            self.blank(1, 3)
        if words[1] == "LOCAL" and words[2] in ("VIEW", "TEMPORARY"):
            self.blank(1, 2)
        if "TABLE" in head[:4]:
            self.table()
        elif words[1:5] == ["VIEW", "IF", "NOT", "EXISTS"] and len(self.tokens) > 5:
            self.blank(2, 5)
            place = self.tokens[5].start
            self.made[place - len(UNLESS) - 1 : place] = f"{UNLESS}."
        if "VIEW" in head[:5]:
            self.comments(0, words.index("AS") if "AS" in words else len(words))
        elif words[1] == "INDEX" or words[1:3] == ["UNIQUE", "INDEX"]:
            self.distribution(0)

    def table(self) -> None:
        """CREATE TABLE: its column list, and what follows."""
        words = self.words
        opening = words.index("(") if "(" in words else len(words)
        if words[opening - 1 : opening] == ["WITH"] or "AS" in words[:opening]:
            return
        end = self.group_end(opening) if opening < len(words) else opening
        for at in range(opening, end):
            if words[at : at + 2] == ["NOT", "ENFORCED"]:
                self.blank(at, at + 2)
            elif words[at] == "," and at + 2 == end:
                self.blank(at, at + 1)
        self.comments(opening, end)
        last = len(self.tokens)
        rest = next((at for at in range(end, last) if words[at] in ("WITH", "AS", "LIKE")), last)
        self.comments(end, rest)
        self.distribution(end)

    def comments(self, begin: int, end: int) -> None:
        """COMMENT 'text' behind a column, a list or a name."""
        for at in range(max(begin, 1), end):
            if self.words[at] != "COMMENT" or self.words[at - 1] in ("(", ","):
                continue
            value = at + 2 if self.words[at + 1 : at + 2] == ["="] else at + 1
            if value < len(self.tokens) and self.tokens[value].name == "SCONST":
                self.blank(at, value + 1)

    def distribution(self, begin: int) -> None:
        """DISTRIBUTED BY [HASH | RANGE] (…) [INTO n BUCKETS], DISTRIBUTED INTO n BUCKETS."""
        words = self.words
        for at in range(begin, len(words)):
            if words[at] != "DISTRIBUTED":
                continue
            end = at + 1
            if words[end : end + 1] == ["BY"]:
                end += 2 if words[end + 1] in ("HASH", "RANGE") else 1
                end = self.group_end(end)
            if words[end : end + 1] == ["INTO"]:
                end += 3
            self.blank(at, end)

    def group_end(self, opening: int) -> int:
        """The place behind the group that opens at `opening`."""
        depth = 0
        for at in range(opening, len(self.words)):
            depth += {"(": 1, ")": -1}.get(self.words[at], 0)
            if not depth:
                return at + 1
        return len(self.words)

    def blank(self, begin: int, end: int) -> None:
        """Blanks for the tokens from `begin` up to `end`."""
        for token in self.tokens[begin:end]:
            self.made[token.start : token.end] = " " * (token.end - token.start)
