CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL, c numeric(6,2), d date, e boolean, f varchar(3), g timestamptz, h int[], j jsonb);
CREATE TABLE u (a int, b text, UNIQUE (a));
INSERT INTO t VALUES (1, 'one', 1.50, '2024-02-29', true, 'abc', '2024-01-01 00:00:00+00', '{1,2}', '{"k": 1}');
INSERT INTO u VALUES (1, 'x'), (2, 'y');
CREATE VIEW v AS SELECT a, b FROM t WHERE a > 0;
CREATE MATERIALIZED VIEW m AS SELECT e, count(*) AS n FROM t GROUP BY e;
CREATE SCHEMA s
