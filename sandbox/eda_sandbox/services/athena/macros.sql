CREATE MACRO trino_whole_number(x, target) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]+')
         THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to ' || target) ELSE x END;
CREATE MACRO trino_whole_number_or_null(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]+') THEN NULL ELSE x END;
CREATE MACRO trino_form(x, form, target) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), form)
         THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to ' || target) ELSE x END;
CREATE MACRO trino_form_or_null(x, form) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), form) THEN NULL ELSE x END;
CREATE MACRO trino_is_timestamp(x) AS
    regexp_full_match(CAST(x AS VARCHAR), '\s*[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?\s*');
CREATE MACRO trino_timestamp_text(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_timestamp(x)
         THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: ' || CAST(x AS VARCHAR)) ELSE x END;
CREATE MACRO trino_timestamp_text_or_null(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_timestamp(x) THEN NULL ELSE x END;
CREATE MACRO trino_is_date(x) AS
    regexp_full_match(CAST(x AS VARCHAR), '\s*[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*');
CREATE MACRO trino_date_text(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_date(x)
         THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || CAST(x AS VARCHAR)) ELSE x END;
CREATE MACRO trino_date_text_or_null(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_date(x) THEN NULL ELSE x END;
CREATE MACRO trino_valid_json(j) AS CASE WHEN json_valid(j) THEN j END;
CREATE MACRO trino_varchar(x) AS
    CASE typeof(x)
        WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
        WHEN 'TIMESTAMP WITH TIME ZONE'
            THEN strftime(timezone('UTC', TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ)), '%Y-%m-%d %H:%M:%S.%g UTC')
        WHEN 'JSON' THEN json_extract_string(trino_valid_json(CAST(x AS VARCHAR)), '$')
        ELSE CAST(x AS VARCHAR) END;
CREATE MACRO trino_json_extract(j, p) AS json_extract(trino_valid_json(j), p);
CREATE MACRO trino_json_extract_scalar(j, p) AS
    CASE WHEN json_type(trino_valid_json(j), p) IN ('OBJECT', 'ARRAY') THEN NULL
         ELSE json_extract_string(trino_valid_json(j), p) END;
CREATE MACRO trino_json_parse(j) AS
    CASE WHEN j IS NOT NULL AND NOT json_valid(j)
         THEN error('INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: ''' || j || '''') ELSE CAST(j AS JSON) END;
CREATE MACRO trino_json_parse_or_null(j) AS CASE WHEN json_valid(j) THEN CAST(j AS JSON) END;
CREATE MACRO trino_json_format(j) AS CAST(j AS VARCHAR);
CREATE MACRO trino_json_array_length(j) AS
    CASE WHEN json_type(trino_valid_json(j)) = 'ARRAY' THEN CAST(json_array_length(trino_valid_json(j)) AS BIGINT) END;
CREATE MACRO trino_is_iso8601_timestamp(x) AS
    regexp_full_match(
        x, '[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?(T([0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?'
    ) AND TRY_CAST(x AS TIMESTAMPTZ) IS NOT NULL;
CREATE MACRO trino_unknown_zone(x) AS
    coalesce(regexp_full_match(x, '[0-9]{4}-.*T.*[+-](1[5-9](:?[0-5][0-9])?|2[0-3](:?[0-5][0-9])?|14:?(0[1-9]|[1-5][0-9]))'), false);
CREATE MACRO trino_wall_clock(x) AS regexp_replace(x, '(T.*)[+-][0-9]{2}(:?[0-9]{2})?$', '\1Z');
CREATE MACRO trino_from_iso8601_timestamp_nanos_or_null(x) AS
    CASE WHEN trino_is_iso8601_timestamp(x) THEN TRY_CAST(x AS TIMESTAMPTZ) END;
CREATE MACRO trino_from_iso8601_timestamp_nanos(x) AS
    CASE WHEN trino_unknown_zone(x) THEN error('NOT_SUPPORTED: Time zone not supported: ' || x)
         WHEN x IS NOT NULL AND NOT trino_is_iso8601_timestamp(x)
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE TRY_CAST(x AS TIMESTAMPTZ) END;
CREATE MACRO trino_from_iso8601_timestamp(x) AS date_trunc('millisecond', trino_from_iso8601_timestamp_nanos(x));
CREATE MACRO trino_from_iso8601_timestamp_or_null(x) AS
    date_trunc('millisecond', trino_from_iso8601_timestamp_nanos_or_null(x));
CREATE MACRO trino_from_iso8601_date_or_null(x) AS
    CASE WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN TRY_CAST(x AS DATE) END;
CREATE MACRO trino_from_iso8601_date(x) AS
    CASE WHEN x IS NOT NULL AND trino_from_iso8601_date_or_null(x) IS NULL
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE TRY_CAST(x AS DATE) END;
CREATE MACRO trino_to_iso8601(x) AS
    CASE typeof(x)
        WHEN 'DATE' THEN CAST(x AS VARCHAR)
        WHEN 'TIMESTAMP WITH TIME ZONE'
            THEN strftime(timezone('UTC', TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ)), '%Y-%m-%dT%H:%M:%S.%gZ')
        ELSE strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g') END;
CREATE MACRO trino_parse(x, f) AS
    CASE WHEN x IS NOT NULL AND try_strptime(x, f) IS NULL
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE try_strptime(x, f) END;
CREATE MACRO trino_parse_or_null(x, f) AS try_strptime(x, f);
CREATE MACRO trino_parse_datetime(x, f) AS timezone('UTC', trino_parse(x, f));
CREATE MACRO trino_parse_datetime_or_null(x, f) AS timezone('UTC', try_strptime(x, f));
CREATE MACRO trino_regexp_extract(s, p, g := 0) AS
    CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;
CREATE MACRO trino_split_part(s, d, n) AS
    CASE WHEN n <= len(str_split(s, d)) THEN split_part(s, d, n) END;
CREATE MACRO trino_slice(x, start, length) AS x[start:start + length - 1];
CREATE MACRO trino_array_position(x, e) AS CAST(coalesce(list_position(x, e), 0) AS BIGINT);
CREATE MACRO trino_array_join(x, d) AS array_to_string(x, d);
CREATE MACRO trino_map_agg(k, v) AS map(list(k), list(v));
CREATE MACRO trino_md5(x) AS unhex(md5(x));
CREATE MACRO trino_sha1(x) AS unhex(sha1(x));
CREATE MACRO trino_sha256(x) AS unhex(sha256(x));
