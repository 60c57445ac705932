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
