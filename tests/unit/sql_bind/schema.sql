create table t (a int primary key, b text, c numeric(10,2), d timestamp, e bool, f bigint not null default 7, arr int[]);
create table u (a int, x varchar(20), y double precision, ts timestamptz);
create view v as select a, b from t where e;
create materialized view m as select b, count(*) as n, sum(c) as s from t group by b;
