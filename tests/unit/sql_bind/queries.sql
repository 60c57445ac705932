-- Queries that PostgreSQL accepts, one a line: column names, types, modifiers and parameter types must be PostgreSQL's.
select 1
select 1, 'x', null, true, 1.5, 9999999999, 99999999999999999999, 1e10, -1, 1e-5
select 1 as a, 'x' b
select * from t
select t.* from t
select public.t.a, t.b from public.t
select q.* from t q
select q.k1, q.b from t as q(k1)
select a + 1, a + f, f + a, c + 1, c * a, y + 1, y * c, a / 2, a % 2, a ^ 2, -a, +c, @ a, a & 1, a | 1, a # 1, ~ a, a << 1 from t, (select y from u) u
select a + '1', '1' + a, c + '1.5', '5' + '6' from t
select b || b, b || 1, 1 || b, b || e, 'x' || 'y', arr || 1, 1 || arr, arr || arr from t
select a = f, a = c, c = y, b = x, b = 'x', d = ts, d = '2024-01-01' from t join u using (a)
select d + interval '1 day', d - d, d - interval '1 hour', ts - ts, ts + interval '1 day', interval '1 day' * 2, 2 * interval '1 day', interval '1 day' / 2, d::date + 1, d::date - d::date, d::time + d::date, d::date + interval '1 day' from t join u using (a)
select not e, e and true, e or null, e is true, e is not false, e is unknown, a is null, b is not null from t
select a between 1 and 2, a not between 1 and 2, a between symmetric 2 and 1, b between 'a' and 'b' from t
select a in (1, 2, 3), a not in (1, 2), b in ('x', 'y'), c in (1, 2.5), a in (1), f in (1, 2) from t
select b like 'x%', b not like 'x', b ilike 'x', b ~ 'x', b !~ 'x', b ~* 'x', b like 'x' escape '!' from t
select a::text, a::varchar, a::varchar(3), c::int, c::numeric(5,1), b::int, d::date, '1'::int, '1.50'::numeric(5,1), 'x'::varchar(3), 'x'::char(3), 'x'::text, d::timestamptz, e::int, e::text, a::bool from t
select cast(a as float8), cast(a as real), int '5', float8 '5', date '2024-01-01', timestamp '2024-01-01', interval '1 day', interval '1' day, timestamptz '2024-01-01 00:00+00', time '10:00', timestamp(3) '2024-01-01'
select case when e then 1 end, case when e then 1 else 2.5 end, case a when 1 then 'x' else 'y' end, case when e then null else a end, case when e then 'x' else b end, case when e then x else 'x' end from t join u using (a)
select coalesce(a, 1), coalesce(b, 'x'), coalesce(null, a), coalesce(a, f), coalesce(x, x), coalesce(x, 'y'), coalesce(c, 1), coalesce(null, null) from t join u using (a)
select nullif(a, 1), nullif(b, 'x'), nullif(x, 'y'), nullif(a, f), greatest(a, f), least(1, 2.5), greatest(x, 'y') from t join u using (a)
select array[1, 2], array[1, 2.5], array['x'], array[a, f], array[]::int[], array['1']::int[], array[1]::text[], arr[1], arr[1:2], arr[:2], array[x] from t join u using (a)
select row(1, 2), (1, 2) = (1, 2), row(a, b) < row(1, 'x') from t
select current_date, current_timestamp, localtimestamp, localtime, now()
select extract(year from d), date_part('year', d), date_trunc('day', d), d at time zone 'utc', ts at time zone 'utc', date_trunc('day', ts), age(d, d) from t join u using (a)
select lower(b), upper(x), length(b), substring(b from 1 for 2), substr(b, 1), trim(b), trim(both 'x' from b), ltrim(b), position('x' in b), overlay(b placing 'x' from 1), replace(b, 'x', 'y'), left(b, 1), repeat(b, 2), concat(a, b), concat_ws(',', a, b), split_part(b, ',', 1), md5(b) from t join u using (a)
select abs(a), abs(c), abs(y), round(c), round(c, 1), round(y), ceil(c), floor(y), power(a, 2), power(c, 2), sqrt(c), sqrt(y), mod(a, 2), mod(c, 2), sign(c), trunc(c), trunc(y), exp(c), ln(y) from t join u using (a)
select count(*), count(a), count(distinct b), sum(a), sum(f), sum(c), sum(y), avg(a), avg(c), avg(y), min(b), max(c), min(d), max(x), bool_and(e), bool_or(e), every(e), stddev(a), variance(y), string_agg(b, ','), array_agg(a), array_agg(b), array_agg(x) from t join u using (a)
select min(x), max(a), sum(a) filter (where e), string_agg(b, ',' order by a desc), array_agg(distinct a) from t join u using (a)
select b, count(*) from t group by b
select b as k, count(*) from t group by k order by 2 desc, k
select b, c, count(*) from t group by 1, 2 having count(*) > 1
select a, b, c from t group by a
select a + 1, count(*) from t group by a + 1
select lower(b), count(*) from t group by lower(b) order by lower(b)
select count(*) from t having count(*) > 0
select row_number() over (), rank() over (order by a), dense_rank() over (partition by b order by a), percent_rank() over (order by a), cume_dist() over (order by a), ntile(3) over (order by a) from t
select lag(a) over (order by a), lag(a, 1) over (order by a), lag(b, 1, 'x') over (order by a), lead(c) over w, first_value(x) over w, last_value(b) over w, nth_value(a, 2) over w from t join u using (a) window w as (partition by b order by a)
select sum(a) over w, count(*) over w, avg(c) over (w rows between 1 preceding and 1 following) from t window w as (order by a)
select sum(count(*)) over (order by b) from t group by b
select a, sum(c) over (order by d range between interval '1 day' preceding and current row) from t
select distinct b from t
select distinct b, a from t order by b
select distinct on (b) b, a from t order by b, a desc
select a from t order by b, c desc nulls last limit 5 offset 2
select a from t order by a fetch first 3 rows only
select a from t limit all
select t.a, u.a from t join u on t.a = u.a
select a from t join u using (a)
select * from t join u using (a)
select * from t natural join u
select * from t left join u using (a)
select * from t right join u using (a)
select * from t full join u using (a)
select a, t.a, u.a from t full join u using (a)
select * from t cross join u
select * from (t join u using (a)) j
select j.x from (t join u using (a)) as j
select * from t, lateral (select u.x from u where u.a = t.a) q
select * from t left join lateral (select u.x from u where u.a = t.a limit 1) q on true
select 1 union select 2
select 1 union all select 2.5 union all select null
select a, b from t union select a, x from u
select x from u union all select x from u
select 'x' union select 'y'
select null union select 1
select a from t intersect select a from u
select a from t except all select a from u order by 1
(select a from t order by a limit 1) union all (select a from u)
values (1, 'x'), (2, null)
values (1), (2.5)
select * from (values (1, 'x'), (2, 'y')) v(k, w)
select * from (values ('x'::varchar(3)), ('y'::varchar(3))) v
with q as (select a, b from t) select * from q
with q(k) as (select a from t) select k, count(*) from q group by k
with q as (select 1 as a), r as (select a + 1 as b from q) select * from q, r
with q as (select a from t) select x.a, y.a from q x join q y using (a)
select (select max(a) from t), exists (select 1), array(select a from t), (select 'x')
select a in (select a from u), a not in (select a from u), a = any (select a from u), a > all (select a from u), (a, b) in (select a, x from u) from t
select a = any (arr), a = any (array[1, 2]), a <> all ('{1,2}'), b = any ('{x}') from t
select * from v
select v.a from v where v.b = 'x'
select * from m
select generate_series(1, 3)
select a, generate_series(1, a) from t
select unnest(arr), a from t
select generate_series(1, 2), generate_series(1, 3)
select * from generate_series(1, 3)
select * from generate_series(1, 3) g
select * from generate_series(1, 3) as g(x)
select * from generate_series(1, 3) with ordinality
select * from generate_series(1, 3) with ordinality as g(x, n)
select g from generate_series(1, 3) g
select * from generate_series('2024-01-01'::timestamp, '2024-01-02', '1 hour')
select * from t, unnest(arr)
select * from t, unnest(arr) with ordinality as k(v, n)
select * from unnest(array[1, 2], array['x', 'y'])
select * from unnest(array[1, 2], array['x', 'y']) with ordinality as z(p, q, n)
select * from lower('X')
select * from lower('X') as l
select * from t where a = $1
select * from t where a = $1 and b = $2 and c > $3 and d < $4
select $1
select $1, $2
select $1::int, $2::text
select $1 + 1, 1 + $2, $3 + 1.5, $4 || 'x'
select a + $1, $2 + d, $3 = b, c * $4 from t
select a from t limit $1 offset $2
select a = any ($1), b = any ($2) from t
select a in ($1, $2), b in ($3) from t
select a between $1 and $2 from t
select lower($1), abs($2::int), coalesce($3, a), case when $4 then $5 else b end from t
select $1 union select 1
select b like $1 from t
insert into t (a, b) values ($1, $2)
insert into t (a, b, c) values ($1, $2, $3) returning a, b, c
insert into t (a, b) select $1, $2
insert into t (a, b) select a, x from u
insert into t (a) values (1), (2), ($1)
insert into t default values
insert into t (a, b) values (1, default) on conflict (a) do update set b = excluded.b || $1 where t.b is null returning *
insert into t (a) values (1) on conflict do nothing returning a as k, b || 'x'
insert into t as q (a) values (1) on conflict (a) do update set b = q.b returning q.a
update t set b = $1 where a = $2
update t set b = 'x', c = c + 1 returning *
update t set (b, c) = ('x', 1), a = default
update t set (b, c) = (select x, 1 from u limit 1)
update t set b = u.x from u where u.a = t.a returning t.a, u.x
update t as q set b = 'x' where q.a = 1
delete from t where a = $1
delete from t using u where u.a = t.a returning t.*, u.x
delete from t where a in (select a from u) returning a
select d::date = '2024-01-01', d > '2024-01-01', ts < now(), d::date < d from t join u using (a)
select 'x' = 'x', 'x' || 'y' = 'xy', 1 = 1.0, null = 1, null is null
select a as "Weird Name", b as "select" from t
select t.a::text as a, (a) from t
select count(t) from t
select (t).a from t
select (t).* from t
select (t.arr)[1], (array[1, 2])[1] from t
select b || '' collate "C", 'x' collate "C" from t
select a operator(pg_catalog.+) 1, 1 operator(pg_catalog.=) 1 from t
select a from t for update
select 't'::regclass, 'pg_class'::regclass::oid, 'int4'::regtype, 23::regtype, 't'::regclass = 1
select pg_typeof(a), pg_typeof('x'), pg_typeof(null) from t
select relname, relnamespace, oid from pg_class where relkind = 'r' and relname ~ '^t$'
select c.relname, a.attname, a.atttypid::regtype from pg_class c join pg_attribute a on a.attrelid = c.oid where c.oid = 't'::regclass and a.attnum > 0
select n.nspname, c.* from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
select table_name, column_name from information_schema.columns where table_schema = 'public'
select indkey[0], a = any (indkey), unnest(indkey) from pg_index, t
select typname, typelem = 0, typcategory = 'A', typtype in ('b', 'c') from pg_type
select format_type(atttypid, atttypmod) from pg_attribute
select is_true, q from (select e is true as is_true, 1 as q from t) z where is_true
select 1 where true
select from t
select a, a from t
select all a from t
select '{1,2}'::int[], '{a,b}'::text[], '{"a": 1}'::json, '{"a": 1}'::jsonb, '{"a": 1}'::jsonb -> 'a', '{"a": 1}'::json ->> 'a', '[1]'::jsonb -> 0
select jsonb_build_object('a', 1), to_jsonb(a) from t
select b || null, null || b, a + null, null + null from t
select date '2024-01-01' + time '10:00', date '2024-01-01' - 1, current_date - interval '1 day'
select extract(epoch from interval '1 day'), extract(epoch from current_date)
select to_char(d, 'YYYY'), to_date('2024', 'YYYY'), to_timestamp(1) from t
select greatest(1, null), least('x', 'y'), coalesce('x', null)
select trim(leading 'x' from 'xx'), substring('abc' from 'b')
select sum(1), sum(1.5), max('x'), min(null), count(null), avg(null::int)
select x::varchar(5), x || 'z', lower(x), x = 'z', x in ('a', 'b'), x like 'z' from u
select ts::date, ts::text, ts::timestamp(0), ts = '2024-01-01', extract(hour from ts) from u
select width_bucket(1, 0, 10, 5), random() < 1, pi()
select exists (select * from t where t.a = u.a) from u
select u.a, (select count(*) from t where t.a = u.a) from u
select a, (select sum(x.a) from t x where x.b = t.b) from t group by a, b
select case when a > 1 then (select max(y) from u) end from t
select * from (select a, row_number() over (partition by b order by a) as rn from t) q where rn = 1
select * from t where (a, b) = (1, 'x') and (a, b) in ((1, 'x'), (2, 'y'))
select * from t where a = (select min(a) from u) and not exists (select from u where u.a = t.a)
select * from t natural join (select 1 as q, 2 as q) z
select a, b from t group by a having c > 1
select arr[1.5] from t
SELECT n.nspname as "Schema", c.relname as "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as "Type", pg_catalog.pg_get_userbyid(c.relowner) as "Owner" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE c.relkind IN ('r','p','v','m','S','f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3
SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, false AS relhasoids, c.relispartition, '', c.reltablespace, CASE WHEN c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relreplident, am.amname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid) LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid) WHERE c.oid = '16384'
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull, (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation, a.attidentity, a.attgenerated FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred, i.indisreplident, c2.reltablespace FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x')) WHERE c.oid = '16384' AND c.oid = i.indrelid AND i.indexrelid = c2.oid ORDER BY i.indisprimary DESC, c2.relname
SELECT d.datname as "Name", pg_catalog.pg_get_userbyid(d.datdba) as "Owner", pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding", d.datcollate as "Collate", pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges" FROM pg_catalog.pg_database d ORDER BY 1
SELECT t.oid, t.typname, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_type t WHERE t.typtype IN ('b', 'r', 'm', 'e', 'd') OR EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid)
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind, CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid, CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype, CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemoid LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid) LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typtype IN ('b', 'r', 'm', 'e', 'd') ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'r' THEN 1 ELSE 2 END
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p']) AND pg_catalog.pg_class.relpersistence != 't' AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'
SELECT con.conrelid, con.conname, con.conindid, array_agg(con.ord ORDER BY con.ord) FROM (SELECT conrelid, conname, conindid, unnest(conkey) AS attnum, generate_subscripts(conkey, 1) AS ord FROM pg_constraint WHERE contype = 'p') AS con GROUP BY con.conrelid, con.conname, con.conindid
SELECT current_schema(), current_database(), current_user, session_user, version()
SELECT current_setting('server_version_num')::int, set_config('a.b', 'x', false), pg_backend_pid()
SELECT typname, oid, typarray, typtype FROM pg_type WHERE typname = ANY($1) OR oid = ANY($2)
SELECT 'x'::name, 'a'::"char", 1::oid, 'x'::name = 'y', 'int4'::regtype::oid, 1::oid = 1, 1::oid::regclass
select oid, oid::int8, oid = 1, oid = 'pg_class'::regclass, relname || 'x', relname = 'x', relname::text, relkind::text, lower(relname), relkind = 'r', relkind in ('r', 'v') from pg_class
select * from pg_settings
select count(*) from information_schema.tables where table_type = 'BASE TABLE'
select a.attnum, i.indkey from pg_attribute a, pg_index i where a.attnum = any(i.indkey) and a.attnum = i.indkey[0]
select array(select attname from pg_attribute), array_agg(attname), array_to_string(array_agg(attname), ',') from pg_attribute
select 1 as one group by one
select count(*) filter (where a > 1) over (partition by b) from t
select b, sum(a) s, rank() over (order by sum(a) desc) from t group by b
select a from t union (select a from u order by a limit 1) order by a
select (values (1)), array(values (1), (2))
select * from t where a in (values (1), (2))
select * from t where (a = 1) is true and (b is null) = e
select sum(a) + 1, max(b) || 'x', count(*) * 2.0 from t
select a from (select a, a + 1 as b from t) q(x, y), t
select q.* from (select 1 a, 2 a) q
select case a when 1 then 'one' when 2 then 'two' end as n, a from t order by n, case when a = 1 then 0 else 1 end
select a % 2 as p, count(*) from t group by a % 2 order by p
select extract(dow from d)::int, to_char(c, '999') from t
select string_to_array(b, ','), array_length(arr, 1), cardinality(arr), arr @> array[1], arr && array[1], arr || 1, array_append(arr, 1), array_position(arr, 1), 1 = any(arr) from t
select t1.a, t2.a from t t1 left join t t2 on t1.a = t2.a and t2.e
select a, b from t order by 1 desc, lower(b) nulls first
select distinct a + 1 from t order by a + 1
select max(a) from t having max(a) > 1 order by max(a)
select -a, - (-1), -1.5, +1, -f from t
select a::numeric(10,2) + 1, a::float8 / 3, c::float8, y::numeric, y::int from t, u
select 'a' < 'b', 'a' between 'a' and 'b', greatest('a', 'b'), null = 1
select date_trunc('hour', now()), now() - interval '1 day', now()::date, current_date + 1
select 5 / 2, 5.0 / 2, 5 % 2, 2 ^ 3, 2 ^ 3.0, |/ 4.0, 7 # 2
select t.a, count(u.*) from t left join u on u.a = t.a group by t.a
select coalesce(sum(a), 0), coalesce(max(b), 'none'), coalesce(avg(c), 0) from t
select (select count(*) from t where t.a = q.a) from (select 1 as a) q
select * from t where b = any('{a,b}') and a = any(array[1,2]::bigint[])
select * from t where a = any($1::int[]) and b like any (array['x%', 'y%'])
select interval '1 day' = interval '24 hours', interval '1 day' > '1 hour', '1 day'::interval * 1.5
select json_build_object('a', a), jsonb_agg(b), jsonb_object_agg(b, a) from t group by a
select * from json_each('{}'), jsonb_array_elements('[]')
select regexp_replace(b, 'x', 'y', 'g'), regexp_match(b, 'x'), regexp_split_to_array(b, ',') from t
select round(y), round(c, 2), round(a), ceil(a), abs(f), mod(f, 2), power(2, 3), random() from t, u
select a from t where exists (select 1 from u where u.a = t.a and exists (select 1 from t t2 where t2.b = t.b and t2.a = u.a))
select x, row_number() over (partition by x order by ts desc) rn, lag(y) over (partition by x order by ts) from u
select u.*, t.b as name from u left join t on t.a = u.a where t.b is not null or u.x is null order by u.y desc nulls last, t.b limit 10 offset 5
