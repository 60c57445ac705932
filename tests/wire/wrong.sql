-- One simple query message a line; PostgreSQL's answers are in wrong.jsonl.
copy nope from stdin
copy t (nope) from stdin
copy t (a, a) from stdin
copy v to stdout
copy m from stdin
copy v from stdin
copy t to stdout with (format nope)
copy t to stdout with (nope true)
copy t to stdout with (format csv, format csv)
copy t to stdout with (delimiter 'xx')
copy t to stdout with (quote 'x')
copy t to stdout with (format csv, delimiter '"')
copy t to stdout with (header nope)
copy t to stdout with (format binary, header)
copy t to stdout with (format binary, delimiter ',')
copy t to stdout with (format csv, force_null (a))
copy t to stdout with (format csv, force_quote (nope))
copy t to stdout with (null E'a\nb')
copy t to stdout with (delimiter E'\n')
copy t to stdout with (encoding 'nope')
copy (select nope) to stdout
copy (select 1/0) to stdout
copy nope to stdout
copy t (nope) to stdout
prepare p as select nope
prepare p (nope) as select 1
prepare p as select $1 is null
prepare p as select 1; prepare p as select 2
prepare p (int) as select $1; execute p
prepare p (int) as select $1; execute p (1, 2)
prepare p (int) as select $1; execute p ('x')
prepare p (int) as select $1; execute p (nope)
prepare p (date) as select $1; execute p (1.5)
execute nope
deallocate nope
declare c cursor for select nope
declare c cursor for select 1
begin; declare c cursor for select 1; declare c cursor for select 2
begin; declare c no scroll cursor for select 1; fetch backward 1 from c
fetch nope
move 5 in nope
close nope
begin; rollback to s
begin; release nope
savepoint s
release s
rollback to s
begin; select 1/0; select 2
commit and chain
rollback and chain
set nope = 1
set work_mem = 'x'
set datestyle = 'nope'
set timezone = 'Nowhere/City'
set time zone interval 'x'
set statement_timeout = -1
set client_encoding = 'klingon'
set server_version = '9'
set intervalstyle = 'nope'
set bytea_output = 'nope'
set extra_float_digits = 4
set transaction isolation level nope
show nope
reset nope
select set_config('nope', 'x', false)
select current_setting('nope')
lock table t
begin; lock table nope
begin; vacuum
vacuum nope
analyze nope
analyze t (nope)
begin; discard all
listen
notify a, 5
select nope
select nope from t
select t.nope from t
select nope.a from t
select a from t, u
select x.* from t
select a, count(*) from t
select a from t group by b
select count(*) from t where count(*) > 1
select sum(count(*)) from t
select rank() over () from t where rank() over () > 1
select a from t order by 2
select a from t group by 3
select distinct a from t order by b
select * from nope
select * from s.nope
select * from nope.t
select * from t join u using (nope)
select * from t join u on t.a
select * from t natural join (values (1), (2)) x (nope, a)
select a from t union select a, b from t
select a from t union select b from t
select nope(1)
select length(1)
select abs('x'::text)
select upper()
select 1 + 'x'
select 1 + true
select 1 = 'x'
select a = b from t
select - b from t
select not 1
select 1 and true
select case when 1 then 2 end
select case when true then 1 else 'x' end
select coalesce(1, 'x')
select greatest(1, true)
select 'x'::int
select '1.5'::int
select '99999999999'::int
select 99999999999::int
select 'x'::nope
select 1::date
select 'x'::date
select '2024-13-01'::date
select '2023-02-29'::date
select '25:00'::time
select 'x'::timestamptz
select '2024-01-01 00:00 Nowhere/City'::timestamptz
select 'x'::interval
select 'x'::bool
select 'x'::uuid
select 'x'::json
select '{"a": }'::jsonb
select '{1,2'::int[]
select '{1,x}'::int[]
select '\xzz'::bytea
select 'abc'::numeric
select 12345.678::numeric(4,1)
select 1/0
select 1 % 0
select 1.5 / 0
select 2147483647 + 1
select 9223372036854775807 + 1
select -32768::int2 - 1::int2
select 1e400::float8
select 'e400'::float8
select sqrt(-1)
select ln(0)
select power(0, -1)
select substring('abc' from 1 for -1)
select chr(0)
select repeat('x', 2000000000)
select 'a' ~ '('
select regexp_replace('a', '[', 'b')
select to_date('x', 'YYYY')
select to_timestamp('2024-13', 'YYYY-MM')
select extract(nope from now())
select date_trunc('nope', now())
select now() at time zone 'Nowhere'
select make_date(2024, 13, 1)
select (select a from u)
select (select a, b from u)
select a from u where a = (select a, b from u)
select 1 in (select a, b from u)
select array[1, 'x']
select (array[1])['x']
select row(1, 2) = row(1)
select a[1] from t
select generate_series(1, 10, 0)
select * from generate_series(1, 'x')
select * from t limit -1
select * from t limit 'x'
select * from t offset -1
select * from t limit a
select * from t for update of nope
select sum(a) filter (where 1) from t
select sum(distinct a, b) from t
select lag(a) from t
select abs(a) over () from t
select sum(a) over w from t
select row_number() over (rows between unbounded following and current row) from t
select percentile_cont(0.5) from t
select string_agg(b) from t
with x as (select 1) select * from y
with x as (select 1), x as (select 2) select 1
with recursive x as (select 1 union all select nope from x) select * from x
insert into t values (1, 'dup')
insert into t values (2, null)
insert into t (b) values ('x')
insert into t values (3, 'x', 123456.5)
insert into t values (3, 'x', null, null, null, 'abcd')
insert into t values ('x', 'y')
insert into t values (3, 'x', 'y')
insert into t (nope) values (1)
insert into t (a, a) values (1, 2)
insert into t (a) values (1, 2)
insert into t (a, b) values (1)
insert into nope values (1)
insert into m values (true, 1)
insert into t (a, b) select 1, 2, 3
insert into t values (3, 'x') returning nope
insert into u values (1, 'z') on conflict (b) do nothing
insert into u values (1, 'z') on conflict do update set b = 'x'
insert into u values (5, 'p'), (5, 'q') on conflict (a) do update set b = excluded.b
insert into u values (1, 'z')
update t set nope = 1
update t set a = 'x'
update t set a = 1, a = 2
update t set b = null
update t set c = 99999
update t set a = a where nope
update t set a = (select a, b from u)
update nope set a = 1
update u set a = 1
delete from nope
delete from t where a
delete from t using nope
truncate nope
truncate v
create table t (a int)
create table x (a int, a text)
create table x (a nope)
create table x (a int primary key, b int primary key)
create table x (a int, primary key (nope))
create table x (a int default 'x')
create table x (a int default b)
create table x (a numeric(2000))
create table x (a varchar(0))
create table nope.x (a int)
create table pg_catalog.x (a int)
create view v as select 1
create view w as select nope
create view w (a, b, c) as select 1
create view w as select 1 as a, 2 as a
create or replace view v as select 1 as a
create or replace view v as select 'x'::text as a, b from t
create materialized view m as select 1 as a
create index on nope (a)
create index on t (nope)
create index i on t (a); create index i on t (b)
create schema s
create schema pg_x
create database postgres
drop table nope
drop table v
drop view t
drop table m
drop materialized view v
drop table t
drop schema nope
drop schema public, nope
drop index nope
drop database nope
refresh materialized view nope
refresh materialized view t
from t
selec 1
select 1 from
select * from t where
select 'abc
select "abc
select $$abc
select 1 1
select (1
select 1)
select /* x
select * from t order
insert into t
create table
create
select 1;; selec 2
select 123abc
select E'\u12'
select U&'\xx'
select 'a' 'b'
select ?
select a b c from t
select :x
explain selec
explain (nope) select 1
explain (format nope) select 1
explain nope
select pg_sleep('x')
select pg_typeof(nope)
select 'nope'::regclass
select 'nope'::regtype
select to_regclass('a.b.c.d')
select has_table_privilege('nope', 'select')
select pg_get_viewdef('nope'::regclass)
select format('%s')
select format('%y', 1)
select decode('xx', 'hex')
select decode('xx', 'nope')
select encode('a', 'nope')
select jsonb_set('[]', '{a}', '1')
select '[1]'::jsonb - 'a' - 0 - 5.5
select jsonb_array_length('{}')
select unnest(1)
select array_fill(1, null)
select array_position(array[1], 'x'::text)
select width_bucket(1, 0, 10, 0)
select lpad('x', 5, 1)
select split_part('a', 'b', 0)
select to_char(1, 5)
select overlay('a' placing 1 from 1)
select trim(1)
select position(1 in 'a')
select timestamp '2024-01-01' - time '00:00' + 1
select date '2024-01-01' + 'x'
select date '5874897-12-31' + 1
select '294277-01-01'::timestamp
select interval '1 year' * 'x'
select interval '1 mon' / 0
select cast(1 as)
select count(*) filter from t
select distinct on (a) b from t order by b
values (1), (1, 2)
values (1), ('x')
table nope
select * from (select 1) x (a, b)
select * from unnest(array[1]) with ordinality x (a, b, c)
select exists (select nope)
select any (array[1])
select 1 = any (1)
select 1 = any (array['x'])
select 1 = all (select 'x')
select 1 between 'x' and 2
select 1 is distinct from 'x'
select 'x' is true
select 1 is null and 2
select null::int::date
grant select on nope to public
comment on table nope is 'x'
comment on column t.nope is 'x'
reset server_version
copy (select a from t) to stdout with (format csv, force_quote (nope))
copy t (a) to stdout with (format csv, force_quote (b))
declare c cursor with hold for select 1/0
execute p (1
prepare p (bool) as select $1; execute p (1)
prepare p (numeric(4,1)) as select $1; execute p ('x')
select U&"\xx"
select U&'\0000'
select E'\ud800'
select width_bucket(1, 2, 2, 3)
set session characteristics as transaction isolation level nope
set role nope
set session authorization nope
set work_mem = 1.5
set work_mem = '1XB'
set statement_timeout = '1y'
set synchronous_commit = 'maybe'
set default_transaction_isolation = 'nope'
set enable_seqscan = 'x'
set random_page_cost = 'x'
set application_name = 1, 2
analyze t (a, nope)
explain execute nope
explain (verbose, format json) execute nope(null)
prepare p (int) as select $1; explain execute p
prepare p (int) as select $1; explain execute p ('x')
prepare p (int) as select $1; explain (nope) execute p (1)
