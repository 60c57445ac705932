"""Which functions the sections of chapter 9 of PostgreSQL's documentation are about, by their names in pg_proc.

A name may stand in several sections (length, upper, trim): then the type of the first argument says which one an
overload belongs to, by `OWN_TYPES`, and the first section where no type does. What pg_proc has beside these names
implements types, operators, casts, indexes and aggregates, and is not called by name. SYNTAX is what those sections
describe and pg_proc has not: it is tried.
"""

FUNCTIONS = {
    "9.2 comparison": "num_nonnulls num_nulls",
    "9.3 mathematical": (
        "abs cbrt ceil ceiling degrees div exp factorial floor gcd lcm ln log log10 min_scale mod pi power pow"
        " radians round scale sign sqrt trim_scale trunc width_bucket random setseed acos acosd asin asind atan"
        " atand atan2 atan2d cos cosd cot cotd sin sind tan tand sinh cosh tanh asinh acosh atanh"
    ),
    "9.4 string": (
        "bit_length char_length character_length lower upper normalize octet_length overlay position substring"
        " btrim ascii chr concat concat_ws format initcap left length lpad ltrim md5 parse_ident pg_client_encoding"
        " quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match"
        " regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace"
        " reverse right rpad rtrim split_part strpos substr starts_with string_to_array string_to_table to_ascii"
        " to_hex translate unistr is_normalized"
    ),
    "9.5 binary string": (
        "bit_length octet_length overlay position substring btrim bit_count get_bit get_byte length ltrim md5"
        " rtrim set_bit set_byte sha224 sha256 sha384 sha512 substr convert convert_from convert_to encode decode"
    ),
    "9.6 bit string": "bit_count bit_length length octet_length overlay position substring get_bit set_bit",
    "9.8 formatting": "to_char to_date to_number to_timestamp",
    "9.9 date and time": (
        "age clock_timestamp date_bin date_part date_trunc extract isfinite justify_days justify_hours"
        " justify_interval make_date make_interval make_time make_timestamp make_timestamptz now"
        " statement_timestamp timeofday transaction_timestamp to_timestamp timezone overlaps pg_sleep pg_sleep_for"
        " pg_sleep_until"
    ),
    "9.10 enum": "enum_first enum_last enum_range",
    "9.11 geometric": (
        "area center diagonal diameter height isclosed isopen length npoints pclose popen radius slope width box"
        " bound_box circle line lseg path point polygon"
    ),
    "9.12 network address": (
        "abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen"
        " text trunc macaddr8_set7bit"
    ),
    "9.13 text search": (
        "array_to_tsvector get_current_ts_config length numnode plainto_tsquery phraseto_tsquery"
        " websearch_to_tsquery querytree setweight strip to_tsquery to_tsvector json_to_tsvector jsonb_to_tsvector"
        " ts_delete ts_filter ts_headline ts_rank ts_rank_cd ts_rewrite tsquery_phrase tsvector_to_array unnest"
        " ts_debug ts_lexize ts_parse ts_token_type ts_stat"
    ),
    "9.14 uuid": "gen_random_uuid",
    "9.15 xml": (
        "xmlcomment xmlexists xml_is_well_formed xml_is_well_formed_document xml_is_well_formed_content xpath"
        " xpath_exists table_to_xml query_to_xml cursor_to_xml table_to_xmlschema query_to_xmlschema"
        " cursor_to_xmlschema table_to_xml_and_xmlschema query_to_xml_and_xmlschema schema_to_xml"
        " schema_to_xmlschema schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema"
        " database_to_xml_and_xmlschema"
    ),
    "9.16 json": (
        "to_json to_jsonb array_to_json row_to_json json_build_array jsonb_build_array json_build_object"
        " jsonb_build_object json_object jsonb_object json_array_elements jsonb_array_elements"
        " json_array_elements_text jsonb_array_elements_text json_array_length jsonb_array_length json_each"
        " jsonb_each json_each_text jsonb_each_text json_extract_path jsonb_extract_path json_extract_path_text"
        " jsonb_extract_path_text json_object_keys jsonb_object_keys json_populate_record jsonb_populate_record"
        " json_populate_recordset jsonb_populate_recordset json_to_record jsonb_to_record json_to_recordset"
        " jsonb_to_recordset jsonb_set jsonb_set_lax jsonb_insert json_strip_nulls jsonb_strip_nulls"
        " jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first"
        " jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_tz jsonb_path_query_array_tz"
        " jsonb_path_query_first_tz jsonb_pretty json_typeof jsonb_typeof"
    ),
    "9.17 sequence": "nextval setval currval lastval",
    "9.19 array": (
        "array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position"
        " array_positions array_prepend array_remove array_replace array_to_string array_upper cardinality"
        " trim_array unnest"
    ),
    "9.20 range": (
        "lower upper isempty lower_inc upper_inc lower_inf upper_inf range_merge multirange unnest int4range"
        " int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange"
        " tstzmultirange datemultirange"
    ),
    "9.25 set returning": "generate_series generate_subscripts",
    "9.26 system information": (
        "current_database current_query current_schema current_schemas current_user inet_client_addr"
        " inet_client_port inet_server_addr inet_server_port pg_backend_pid pg_blocking_pids pg_conf_load_time"
        " pg_current_logfile pg_my_temp_schema pg_is_other_temp_schema pg_jit_available pg_listening_channels"
        " pg_notification_queue_usage pg_postmaster_start_time pg_safe_snapshot_blocking_pids pg_trigger_depth"
        " session_user version has_any_column_privilege has_column_privilege has_database_privilege"
        " has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege"
        " has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege"
        " has_tablespace_privilege has_type_privilege pg_has_role row_security_active acldefault aclexplode"
        " makeaclitem pg_collation_is_visible pg_conversion_is_visible pg_function_is_visible pg_opclass_is_visible"
        " pg_operator_is_visible pg_opfamily_is_visible pg_statistics_obj_is_visible pg_table_is_visible"
        " pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible"
        " pg_type_is_visible format_type pg_char_to_encoding pg_encoding_to_char pg_get_catalog_foreign_keys"
        " pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_function_arguments"
        " pg_get_function_identity_arguments pg_get_function_result pg_get_indexdef pg_get_keywords pg_get_ruledef"
        " pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid pg_get_viewdef"
        " pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_options_to_table"
        " pg_settings_get_flags pg_tablespace_databases pg_tablespace_location pg_typeof to_regclass"
        " to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole"
        " to_regtype pg_describe_object pg_identify_object pg_identify_object_as_address pg_get_object_address"
        " col_description obj_description shobj_description pg_current_xact_id pg_current_xact_id_if_assigned"
        " pg_xact_status pg_current_snapshot pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin"
        " pg_visible_in_snapshot txid_current txid_current_if_assigned txid_current_snapshot txid_snapshot_xip"
        " txid_snapshot_xmax txid_snapshot_xmin txid_visible_in_snapshot txid_status pg_xact_commit_timestamp"
        " pg_xact_commit_timestamp_origin pg_last_committed_xact pg_control_checkpoint pg_control_system"
        " pg_control_init pg_control_recovery pg_collation_for"
    ),
    "9.27 administration": (
        "current_setting set_config pg_cancel_backend pg_log_backend_memory_contexts pg_reload_conf"
        " pg_rotate_logfile pg_terminate_backend pg_create_restore_point pg_current_wal_flush_lsn"
        " pg_current_wal_insert_lsn pg_current_wal_lsn pg_backup_start pg_backup_stop pg_switch_wal pg_walfile_name"
        " pg_walfile_name_offset pg_wal_lsn_diff pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn"
        " pg_last_xact_replay_timestamp pg_get_wal_resource_managers pg_is_wal_replay_paused"
        " pg_get_wal_replay_pause_state pg_promote pg_wal_replay_pause pg_wal_replay_resume pg_export_snapshot"
        " pg_create_physical_replication_slot pg_drop_replication_slot pg_create_logical_replication_slot"
        " pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_logical_slot_get_changes"
        " pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes"
        " pg_replication_slot_advance pg_replication_origin_create pg_replication_origin_drop"
        " pg_replication_origin_oid pg_replication_origin_session_setup pg_replication_origin_session_reset"
        " pg_replication_origin_session_is_setup pg_replication_origin_session_progress"
        " pg_replication_origin_xact_setup pg_replication_origin_xact_reset pg_replication_origin_advance"
        " pg_replication_origin_progress pg_logical_emit_message pg_column_size pg_column_compression"
        " pg_database_size pg_indexes_size pg_relation_size pg_size_bytes pg_size_pretty pg_table_size"
        " pg_tablespace_size pg_total_relation_size pg_relation_filenode pg_relation_filepath pg_filenode_relation"
        " pg_collation_actual_version pg_database_collation_actual_version pg_import_system_collations"
        " pg_partition_tree pg_partition_ancestors pg_partition_root brin_summarize_new_values brin_summarize_range"
        " brin_desummarize_range gin_clean_pending_list pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_logicalmapdir"
        " pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_archive_statusdir pg_ls_tmpdir pg_read_file"
        " pg_read_binary_file pg_stat_file pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock"
        " pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared"
        " pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock"
        " pg_try_advisory_xact_lock_shared"
    ),
    "9.28 to 9.30 triggers, statistics": (
        "suppress_redundant_updates_trigger tsvector_update_trigger tsvector_update_trigger_column"
        " pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects pg_event_trigger_table_rewrite_oid"
        " pg_event_trigger_table_rewrite_reason pg_mcv_list_items"
    ),
}

OWN_TYPES = {
    "9.5 binary string": "bytea",
    "9.6 bit string": "bit varbit",
    "9.11 geometric": "box circle line lseg path point polygon",
    "9.12 network address": "inet cidr macaddr macaddr8",
    "9.13 text search": "tsvector tsquery",
    "9.16 json": "json jsonb jsonpath",
    "9.19 array": "anyarray anycompatiblearray",
    "9.20 range": (
        "anyrange anymultirange int4range int8range numrange tsrange tstzrange daterange int4multirange"
        " int8multirange nummultirange tsmultirange tstzmultirange datemultirange"
    ),
    "9.9 date and time": "date time timetz timestamp timestamptz interval",
    "9.3 mathematical": "int2 int4 int8 float4 float8 numeric money",
    "9.4 string": "text varchar bpchar char name",
    "9.1 logical": "bool",
    "9.10 enum": "anyenum",
    "9.15 xml": "xml",
    "9.14 uuid": "uuid",
}
"""Of the operators, too: an operator belongs where the type of one of its operands does."""

SYNTAX = {
    "9.1 logical": ["true AND false", "true OR NULL", "NOT true"],
    "9.2 comparison": [
        "1 < 2", "1 <> 2", "1 != 2", "2 BETWEEN 1 AND 3", "2 NOT BETWEEN 1 AND 3", "2 BETWEEN SYMMETRIC 3 AND 1",
        "2 NOT BETWEEN SYMMETRIC 3 AND 1", "1 IS DISTINCT FROM NULL", "1 IS NOT DISTINCT FROM NULL", "1 IS NULL",
        "1 IS NOT NULL", "1 ISNULL", "1 NOTNULL", "true IS TRUE", "true IS NOT TRUE", "true IS FALSE",
        "true IS NOT FALSE", "true IS UNKNOWN", "true IS NOT UNKNOWN",
    ],
    "9.4 string": [
        "'a' || 1", "'a' IS NORMALIZED", "NORMALIZE('a', NFC)", "OVERLAY('abc' PLACING 'x' FROM 2 FOR 1)",
        "POSITION('b' IN 'abc')", "SUBSTRING('abc' FROM 2 FOR 1)", "SUBSTRING('abc' FROM 'b.')",
        "SUBSTRING('abc' SIMILAR 'a#\"b#\"c' ESCAPE '#')", "TRIM(BOTH 'x' FROM 'xax')", "TRIM(LEADING FROM ' a')",
    ],
    "9.7 pattern matching": [
        "'a' LIKE 'a%'", "'a' NOT LIKE 'a%'", "'a' LIKE 'a!%' ESCAPE '!'", "'a' ILIKE 'A'", "'a' NOT ILIKE 'A'",
        "'a' ~~ 'a'", "'a' ~~* 'a'", "'a' !~~ 'a'", "'a' !~~* 'a'", "'a' ^@ 'a'", "'a' SIMILAR TO 'a|b'",
        "'a' NOT SIMILAR TO 'a|b'", "'a' ~ 'a+'", "'a' ~* 'A+'", "'a' !~ 'a+'", "'a' !~* 'A+'",
    ],
    "9.9 date and time": [
        "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_TIME(2)",
        "LOCALTIME(2)", "CURRENT_TIMESTAMP(2)", "LOCALTIMESTAMP(2)", "EXTRACT(year FROM date '2024-01-01')",
        "timestamp '2024-01-01' AT TIME ZONE 'UTC'",
        "(date '2024-01-01', interval '1 day') OVERLAPS (date '2024-01-01', date '2024-01-03')",
    ],
    "9.15 xml": [
        "XMLCONCAT('<a/>', '<b/>')", "XMLELEMENT(NAME a, 'b')", "XMLFOREST(1 AS a)", "XMLPI(NAME php)",
        "XMLROOT('<a/>', VERSION '1.0')", "'<a/>'::xml IS DOCUMENT", "XMLPARSE(CONTENT '<a/>')",
        "XMLSERIALIZE(CONTENT '<a/>'::xml AS text)",
    ],
    "9.18 conditional": [
        "CASE WHEN true THEN 1 ELSE 2 END", "CASE 1 WHEN 1 THEN 2 END", "COALESCE(NULL, 1)", "NULLIF(1, 2)",
        "GREATEST(1, 2)", "LEAST(1, 2)",
    ],
    "9.23 and 9.24 subqueries, comparing rows and arrays": [
        "EXISTS (SELECT 1)", "1 IN (SELECT 1)", "1 NOT IN (SELECT 1)", "1 = ANY (SELECT 1)", "1 = SOME (SELECT 1)",
        "1 < ALL (SELECT 2)", "(1, 2) IN (SELECT 1, 2)", "(1, 2) = (SELECT 1, 2)", "1 IN (1, 2)", "1 NOT IN (1, 2)",
        "1 = ANY (ARRAY[1])", "1 = ALL (ARRAY[1])", "ROW(1, 2) < ROW(1, 3)", "ROW(1, 2) IS DISTINCT FROM ROW(1, 3)",
        "ROW(1, 2) IS NULL", "ROW(1, 2)::record *= ROW(1, 3)::record",
    ],
    "9.26 system information": [
        "CURRENT_CATALOG", "CURRENT_ROLE", "CURRENT_SCHEMA", "CURRENT_USER", "SESSION_USER", "USER",
    ],
}  # fmt: skip

TYPES = {
    "8.1 numeric": "int2 int4 int8 numeric float4 float8",
    "8.2 monetary": "money",
    "8.3 character": "varchar bpchar text char name",
    "8.4 binary": "bytea",
    "8.5 date and time": "timestamp timestamptz date time timetz interval",
    "8.6 boolean": "bool",
    "8.8 geometric": "point line lseg box path polygon circle",
    "8.9 network address": "cidr inet macaddr macaddr8",
    "8.10 bit string": "bit varbit",
    "8.11 text search": "tsvector tsquery",
    "8.12 uuid": "uuid",
    "8.13 xml": "xml",
    "8.14 json": "json jsonb jsonpath",
    "8.17 range": (
        "int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange"
        " tsmultirange tstzmultirange datemultirange"
    ),
    "8.19 object identifier": (
        "oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure"
        " regrole regtype xid xid8 cid tid"
    ),
    "8.20 pg_lsn": "pg_lsn pg_snapshot",
}
