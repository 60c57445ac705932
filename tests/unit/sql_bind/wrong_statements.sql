-- Statements that PostgreSQL refuses, one a line: SQLSTATE, message and position must be PostgreSQL's.
select a
select nope from t
select t.nope from t
select zz.a from t
select public.t.nope from t
select t.a from t as q
select aa from t
select ff from t
select q.a from t, u
select * from nope
select * from nope.t
select * from public.nope
select a from t, u
select * from t, t
select * from t join u on t.a = u.a, t
select * from t join u using (b)
select * from t join u using (zz)
select t.* from u
select *
select 1 + 'abc'::text
select 1 + true
select - 'abc'::text
select a || e from t
select not a from t
select a and e from t
select e or 1 from t
select a from t where a
select a from t where b
select a from t where 'maybe'
select a from t where count(*) > 1
select a from t group by count(*)
select count(*) from t group by 1
select sum(sum(a)) from t
select sum(a) from t having b = 'x'
select a, count(*) from t
select b, c from t group by b
select u.x from u group by u.a
select x, sum(y) + y from u group by x
select (select t.b) from t group by t.c
select a from t order by 5
select a from t order by 'x'
select a from t order by 1.5
select a from t order by nope
select a from t group by 9
select a as k, b as k from t order by k
select distinct b from t order by a
select distinct on (b) b from t order by a
select b from t limit 'x'
select b from t limit a
select b from t offset b
select b from t limit true
select foo(1)
select foo(1, 'x')
select lower(1)
select lower(1, 2)
select lower()
select abs('x'::text)
select sum(b) from t
select sum('x')
select count()
select lower(*) from t
select lower(distinct b) from t
select lower(b order by a) from t
select lower(b) filter (where e) from t
select lower(b) over () from t
select row_number() from t
select sum(distinct a) over () from t
select sum(row_number() over ()) over () from t
select sum(row_number() over ()) from t
select a from t where row_number() over () = 1
select row_number() over w from t
select row_number() over (w order by a) from t window w as (order by b)
select row_number() over (w partition by a) from t window w as (order by b)
select row_number() over (order by a) from t window w as (order by b), w as (order by a)
select sum(a) over (order by a, b range between 1 preceding and current row) from t
select sum(a) over (rows between a preceding and current row) from t
select sum(a) over (rows between 'x' preceding and current row) from t
select 'abc'::int
select '1.5'::int
select '99999999999'::int
select 'x'::numeric
select 'maybe'::bool
select '2024-13-01'::date
select 'x'::timestamp
select 1 = 'x'
select a = 'x' from t
select a in (1, 'x') from t
select a in ('x') from t
select a in (b) from t
select a = b from t
select b = 1 from t
select b like 1 from t
select d + 1 from t
select d > 5 from t
select d + d from t
select a between 'x' and 2 from t
select case when a then 1 end from t
select case a when 'x' then 1 end from t
select case when e then 1 else 'x' end from t
select case when e then a else b end from t
select coalesce(a, b) from t
select coalesce(1, 'x')
select greatest(a, d) from t
select nullif(a, b) from t
select array[1, 'x']
select array[a, b] from t
select array[]
select a[1] from t
select arr['x'] from t
select 1::nope
select 1::public.nope
select cast(a as bytea) from t
select d::int from t
select e::numeric from t
select a::date from t
select 1::int(3)
select '1'::varchar(0)
select '1'::numeric(1001, 2)
select '1'::numeric(3, 2, 1)
select 'x'::varchar('a')
select 1 union select 'x'
select 1 union select 1, 2
select a from t union select b from t
select a from t intersect select d from t
select a from t except select e from t
select 1 as x union select 2 order by x + 1
select 1 as x union select 2 order by y
select 1 as x union select 2 order by 2
values (1, 2), (3)
values (1), ('x')
values (1), (true)
select * from (values (1), (2)) v(a, b)
select * from (select 1) v(a, b)
select * from t as q(a1, a2, a3, a4, a5, a6, a7, a8)
with q as (select 1), q as (select 2) select 1
with q(a, b) as (select 1) select * from q
with q as (select * from nope) select 1
select * from (select t.a from t) q where t.a = 1
select * from t, (select t.a) q
select * from t right join lateral (select t.a) q on true
select * from t full join lateral (select t.a) q on true
select (select 1, 2)
select (select * from t)
select a in (select a, b from t) from t
select (a, b) in (select a from t) from t
select a = any (select b from t) from t
select a = any (5) from t
select a = any (b) from t
select 1 = any (array['x'])
select (1, 2) = (1, 2, 3)
select (1, 2) = (1, 'x')
select row(1, 2) < row(1, true)
select exists (select nope from t)
select array(select a, b from t)
select a is true from t
select b is not unknown from t
select * from lower('x') g(a, b)
select * from generate_series(1, 'x')
select * from generate_series(1, true)
select generate_series(1, 2) from t where generate_series(1, 2) > 1
select sum(generate_series(1, 2))
select max(a) from t where max(a) > 1
select max(a) over (partition by max(max(a)) ) from t
select a from t join u on count(*) > 1
select * from t join u on t.a
select * from t join u on nope = 1
select * from t join u on t.a = u.a join v on q.a = 1
select $0
select $1 is null
select $1 + $2
select $1::int + $1::text
select extract(nope from e) from t
select a at time zone 'utc' from t
select b collate "nope" from t
select a collate "C" from t
select 'nope'::regclass
select 'nope.t'::regclass
select 'nope'::regtype
select 1 operator(pg_catalog.@@@) 2
insert into nope values (1)
insert into t (nope) values (1)
insert into t (a, a) values (1, 2)
insert into t values (1, 2, 3, 4, 5, 6, 7, 8)
insert into t (a) values (1, 2)
insert into t (a, b) values (1)
insert into t (a) values ('x')
insert into t (a) values (true)
insert into t (d) values (1)
insert into t (a) select b from t
insert into t (a) select 'x'
insert into t (a, b) select 1
insert into t (a) select 1, 2
insert into t (a) values (1), (2, 3)
insert into t (a) values (nope)
insert into t (a) values (default + 1)
insert into t (a) values (count(*))
insert into t (a) values (1) returning nope
insert into t (a) values (1) on conflict (b) do nothing
insert into t (a) values (1) on conflict (nope) do nothing
insert into t (a) values (1) on conflict do update set b = 'x'
insert into t (a) values (1) on conflict (a) do update set b = excluded.nope
insert into t (a) values (1) on conflict (a) do update set nope = 1
insert into t (a) values (1) on conflict on constraint nope do nothing
insert into m values (1)
update nope set a = 1
update t set nope = 1
update t set a = 'x'
update t set a = true
update t set a = b
update t set a = 1, a = 2
update t set a = nope
update t set a = sum(a)
update t set (a, b) = (1, 2, 3)
update t set (a, b) = (select 1)
update t set a = 1 where b
update t set a = 1 from t
update t set a = 1 from u where x = a
update t set a = 1 returning nope
update m set n = 1
delete from nope
delete from t where nope = 1
delete from t where a
delete from t using t
delete from t returning sum(a)
delete from m
select a from t for update of nope
select 1 from t group by ()  having a = 1
select sum(a) filter (where a) from t
select sum(a) filter (where sum(a) > 1) from t
select string_agg(b) from t
select string_agg(a, b) from t
select string_agg(distinct b, ',' order by a) from t
select count(distinct a, b) from t
select a, row_number() over (order by c) from t group by a, b having sum(c) over () > 1
select lower(b) as x from t where x = 'a'
select a + nope from t
select b.x from t
select t from nope t2, t
select pg_catalog.lower(1)
select nope.lower('x')
select upper(b, b) as x from t
select row_number() over (order by nope) from t
select a from t order by sum(a)
select overlay('a' placing 1 from 2)
select position(1 in 'x')
select substring(d from 1) from t
select trim(1)
select round('x'::text, 2)
select mod(1.5, 'x'::text)
select length(5)
select a::text::nope from t
select null::int + null::text
select date '2024-01-01' + interval '1 day' + 'x'::text
select interval 'x'
select timestamp 'nope'
create table t (a int)
create table x (a int, a int)
create table x (a nope)
create table x (a int primary key, b int primary key)
create table x (a int, primary key (b))
create table x (a int, primary key (a, a))
create table x (a int default 'x')
create table x (a int default true)
create table x (a int default nope)
create table x (a int default b, b int)
create table x (a int default sum(1))
create table x (a int default (select 1))
create table x (a int default generate_series(1, 2))
create table x (a int default row_number() over ())
create table nope.x (a int)
create table pg_catalog.x (a int)
create table x (a varchar(0))
create table x (a numeric(0))
create table x (a int(4))
create table x (a unknown)
create table x (a anyelement)
create table x (a record)
create view x as select nope from t
create view x as select a, a from t
create view x (p, q) as select 1
create view t as select 1
create or replace view t as select 1
create or replace view v as select a from t
create or replace view v as select b, a from t
create or replace view v as select a::bigint as a, b from t
create or replace view v as select a as z, b from t
create view x as select 'a'::unknown
create view x as select $1
create materialized view m as select 1
create materialized view x as select 1 as a, 2 as a
create materialized view x (p, q) as select 1
create index on nope (a)
create index on t (nope)
create index on v (a)
create index t on t (a)
create schema public
create schema pg_x
drop table nope
drop table nope.t
drop table v
drop view t
drop view m
drop materialized view v
drop materialized view t
drop index t
drop index nope
drop schema nope
drop table pg_class
truncate nope
truncate v
explain select nope
explain (nope) select 1
explain (format nope) select 1
refresh materialized view t
refresh materialized view nope
selec 1
select from where
select 1 +
select (1
select 'abc
select "abc
select 1;; selec
create table
insert into t values (
update t set
select * from t where a = = 1
select 1 1
select a b c from t
create table x (a int b text)
select /* abc
select $$abc
select 1.2.3
select é é é
select * from t t1, t t1
select * from t left join t on true
select t.a from t t1
select public.t.a from t x
select x.t.a from t
select a.b.c.d.e from t
select sum(a order by nope) from t
select sum(a) filter (where nope) from t
select count(distinct arr) over () from t
select a as b, count(*) from t group by b
select b, sum(a) from t group by b order by c
select b from t group by b having a > 1
select t.* from t group by b
select * from t group by b
select distinct a from t order by b || 'x'
select distinct on (a + 1) a from t order by b
select max(a) filter (where b = 1) from t
select exists (select 1 from u where u.nope = t.a) from t
select (select a from t where nope = 1)
select * from (select nope from t) q
select q.nope from (select a from t) q
select * from t join u on (t.a = u.a and nope)
select * from t where a in (select nope from u)
select * from t where a not in (select x from u)
select * from t where (a, b, c) in (select a, x from u)
select a + (select x from u) from t
select array[1, 2] || 'x'
select array[1, 2] || true
select arr = 1 from t
select arr = array['x'] from t
select b[1] from t
select 1 = any ('x')
select 'x' = any ('x')
select a like 'x' from t
select not b from t
select -b from t
select e + 1 from t
select ts - d > 1 from t, u
select c || 1 from t
select a || 1 from t
select case when e then 1 when a then 2 end from t
select case a when b then 1 end from t
select case b when 1 then 2 end from t
select coalesce(1, true)
select coalesce(d, 1) from t
select coalesce('x', 1)
select greatest(1, 'x')
select least(b, 1) from t
select nullif(a, d) from t
select nullif(1, 'x')
select extract(year from a) from t
select date_trunc('day', a) from t
select a::interval from t
select e::date from t
select '2024-01-01'::date::int
select 'x'::bytea::int
select 1::text::bool::date
select cast('x' as int[])
select '{1,x}'::int[]
select '{1'::int[]
select 'x'::uuid
select 'x'::json
select '{'::jsonb
select 'x'::interval
select '25:00'::time
select '12'::float8 + 'x'::float8
select '1e400'::float8
select 1.5::int + 'x'
select lag(a, 'x') over (order by a) from t
select lag(a, 1, 'x') over (order by a) from t
select ntile('x') over () from t
select nth_value(a) over () from t
select sum(a) over (order by nope) from t
select sum(a) over (partition by sum(a) over ()) from t
select sum(a) over (rows between 1 following and 1 preceding) from t
select sum(a) over (rows between unbounded following and current row) from t
select sum(a) over (range between 1 preceding and current row) from t
select sum(a) over (order by b range between 1 preceding and current row) from t
select sum(a) over (groups between 1 preceding and current row) from t
select lower(distinct 'x') over () from t
select rank() over w from t window w as (order by a), v as (w order by b)
select string_agg(b, 1) from t
select array_agg(a, b) from t
select bool_and(a) from t
select avg(b) from t
select max(e) from t
select min(arr), max(row(1)) from t
select stddev(b) from t
select unnest(1)
select unnest(b) from t
select generate_series(1)
select generate_series('a', 'b')
select * from unnest(1)
select * from nope(1)
select * from t, lower(nope)
select * from lower(t.b), t
select * from generate_series(1, 2) as g(a, b)
insert into t (a) values (1) on conflict (a) do update set a = 1, a = 2
insert into t (a) values (1) on conflict (a) do update set b = t.nope
insert into t (a) values (1) on conflict (a) do update set b = b
insert into t (a) values (1) on conflict (a) do update set b = excluded.b where nope
insert into t (a) values (1) returning excluded.a
insert into t (t.a) values (1)
insert into t as q (a) values (1) returning t.a
insert into t select * from u
insert into t (a) (select 1 union select 'x')
insert into t (a) select * from (values ('x')) v
insert into t (e) select 1
update t set a = 1 from nope
update t set a = 1 from u where a = 1
update t q set a = 1 where t.a = 1
update t set t.a = 1
update t set (a, b) = (1)
update t set (a, b) = 1
update t set (a, a) = (1, 2)
update t set (a, b) = row(1, 2, 3)
update t set a = default + 1
delete from t q where t.a = 1
delete from t where a = (select nope)
delete from t using nope
delete from t where row_number() over () = 1
with q as (select 1) select * from r
with q as (select a from q) select 1
with a as (select * from b), b as (select 1) select * from a
select * from q, (with q as (select 1) select * from q) z
select * from t limit 1 + 'x'
select * from t limit count(*)
select * from t limit -1
select * from t offset -1
select * from t limit (select b from t)
select a from t order by count(*)
select a from t order by (select nope)
select a from t order by row_number() over (order by count(*))
select 1 order by 1, 2
select 1 union select 2 union select 'x'
select 1 union (select 2 order by 2)
select a from t union select b, c from t
(select 1) union (select true)
select * from (select 1 union select 'x') q
select null union select 1 union select 'x'
select $1 union select 'x' union select 1
select $2
select $1 + $1::text
listen 5
set nope
show
