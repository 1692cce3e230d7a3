CREATE MACRO trino_form(x, form, target) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), form)
         THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to ' || target) ELSE x END;
CREATE MACRO trino_is_timestamp(x) AS
    regexp_full_match(CAST(x AS VARCHAR), '\s*[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?\s*');
CREATE MACRO trino_timestamp_text(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_timestamp(x)
         THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: ' || CAST(x AS VARCHAR)) ELSE x END;
CREATE MACRO trino_is_date(x) AS
    regexp_full_match(CAST(x AS VARCHAR), '\s*[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*');
CREATE MACRO trino_date_text(x) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT trino_is_date(x)
         THEN error('INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || CAST(x AS VARCHAR)) ELSE x END;
CREATE MACRO trino_valid_json(j) AS CASE WHEN json_valid(j) THEN j END;
CREATE MACRO trino_json_extract(j, p) AS json_extract(trino_valid_json(j), p);
CREATE MACRO trino_json_extract_scalar(j, p) AS
    CASE WHEN json_type(trino_valid_json(j), p) IN ('OBJECT', 'ARRAY') THEN NULL
         ELSE json_extract_string(trino_valid_json(j), p) END;
CREATE MACRO trino_json_array_length(j) AS
    CASE WHEN json_type(trino_valid_json(j)) = 'ARRAY' THEN CAST(json_array_length(trino_valid_json(j)) AS BIGINT) END;
CREATE MACRO trino_is_iso8601_timestamp(x) AS
    regexp_full_match(
        x, '[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?(T([0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?'
    ) AND TRY_CAST(x AS TIMESTAMPTZ) IS NOT NULL;
CREATE MACRO trino_unknown_zone(x) AS
    coalesce(regexp_full_match(x, '[0-9]{4}-.*T.*[+-](1[5-9](:?[0-5][0-9])?|2[0-3](:?[0-5][0-9])?|14:?(0[1-9]|[1-5][0-9]))'), false);
CREATE MACRO trino_wall_clock(x) AS regexp_replace(x, '(T.*)[+-][0-9]{2}(:?[0-9]{2})?$', '\1Z');
CREATE MACRO trino_to_iso8601(x) AS
    CASE typeof(x)
        WHEN 'DATE' THEN CAST(x AS VARCHAR)
        WHEN 'TIMESTAMP WITH TIME ZONE'
            THEN strftime(timezone('UTC', TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ)), '%Y-%m-%dT%H:%M:%S.%gZ')
        ELSE strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g') END;
CREATE MACRO trino_md5(x) AS unhex(md5(x));
CREATE MACRO trino_sha1(x) AS unhex(sha1(x));
CREATE MACRO trino_sha256(x) AS unhex(sha256(x));
CREATE MACRO trino_whole_number(x, target) AS
    CASE WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(CAST(x AS VARCHAR), '[+-]?[0-9]+')
         THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to ' || target) ELSE x END;
CREATE MACRO trino_from_iso8601_timestamp_nanos(x) AS
    CASE WHEN trino_unknown_zone(x) THEN error('NOT_SUPPORTED: Time zone not supported: ' || x)
         WHEN x IS NOT NULL AND NOT trino_is_iso8601_timestamp(x)
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE TRY_CAST(x AS TIMESTAMPTZ) END;
CREATE MACRO trino_from_iso8601_timestamp(x) AS date_trunc('millisecond', trino_from_iso8601_timestamp_nanos(x));
CREATE MACRO trino_is_iso8601_date(x) AS
    regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND TRY_CAST(x AS DATE) IS NOT NULL;
CREATE MACRO trino_from_iso8601_date(x) AS
    CASE WHEN x IS NOT NULL AND NOT trino_is_iso8601_date(x)
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE TRY_CAST(x AS DATE) END;
CREATE MACRO trino_parse(x, f) AS
    CASE WHEN x IS NOT NULL AND try_strptime(x, f) IS NULL
         THEN error('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || x || '"') ELSE try_strptime(x, f) END;
CREATE MACRO trino_parse_datetime(x, f) AS timezone('UTC', trino_parse(x, f));
CREATE MACRO trino_cbrt(x) AS CASE WHEN round(cbrt(x)) ** 3 = x THEN round(cbrt(x)) ELSE cbrt(x) END;
CREATE MACRO trino_digits(m) AS rtrim(ltrim(replace(m, '.', ''), '0'), '0');
CREATE MACRO trino_exponent(m, e) AS
    coalesce(TRY_CAST(e AS INTEGER), 0) + CASE WHEN split_part(m, '.', 1) <> '0' THEN length(split_part(m, '.', 1)) - 1
         ELSE length(ltrim(split_part(m, '.', 2), '0')) - length(split_part(m, '.', 2)) - 1 END;
CREATE MACRO trino_scientific(sign, d, exponent) AS
    sign || d[1] || CASE WHEN length(d) > 1 THEN '.' || substring(d, 2) ELSE '' END || 'E' || exponent;
CREATE MACRO trino_double_text(x) AS
    CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
         WHEN x = 0 THEN CASE WHEN starts_with(CAST(x AS VARCHAR), '-') THEN '-0E0' ELSE '0E0' END
         ELSE trino_scientific(
             CASE WHEN x < 0 THEN '-' ELSE '' END,
             trino_digits(regexp_extract(CAST(x AS VARCHAR), '^-?([0-9.]+)', 1)),
             trino_exponent(regexp_extract(CAST(x AS VARCHAR), '^-?([0-9.]+)', 1),
                            regexp_extract(CAST(x AS VARCHAR), 'e([+-]?[0-9]+)$', 1))) END;
CREATE MACRO trino_timestamp_written(x) AS strftime(x, '%Y-%m-%d %H:%M:%S.%g');
CREATE MACRO trino_zoned_written(x) AS strftime(timezone('UTC', x), '%Y-%m-%d %H:%M:%S.%g UTC');
CREATE MACRO trino_json_text(x) AS
    CASE WHEN json_type(CAST(x AS VARCHAR)) IN ('OBJECT', 'ARRAY')
         THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(x AS VARCHAR) || ''' to varchar')
         ELSE json_extract_string(trino_valid_json(CAST(x AS VARCHAR)), '$') END;
CREATE MACRO trino_varchar(x) AS
    CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN trino_double_text(TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE))
         WHEN typeof(x) = 'TIMESTAMP' THEN trino_timestamp_written(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP))
         WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE' THEN trino_zoned_written(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ))
         WHEN typeof(x) = 'JSON' THEN trino_json_text(CAST(x AS VARCHAR))
         ELSE CAST(x AS VARCHAR) END;
CREATE MACRO trino_fitting(t, n) AS
    CASE WHEN length(t) > n
         THEN error('INVALID_CAST_ARGUMENT: Value ' || t || ' cannot be represented as varchar(' || n || ')') ELSE t END;
CREATE MACRO trino_divide(a, b) AS
    CASE WHEN b <> 0 THEN a / b WHEN a IS NULL OR b IS NULL THEN NULL
         WHEN a = 0 OR isnan(a) THEN CAST('NaN' AS DOUBLE)
         WHEN (a < 0) = starts_with(CAST(b AS VARCHAR), '-') THEN CAST('Infinity' AS DOUBLE)
         ELSE CAST('-Infinity' AS DOUBLE) END;
CREATE MACRO trino_divide_untyped(a, b) AS
    CASE WHEN typeof(a) IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT')
              AND typeof(b) IN ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT')
         THEN a / b ELSE error('NOT_SUPPORTED: the sandbox cannot tell the types of this division') END;
CREATE MACRO trino_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);
CREATE MACRO trino_quotient(n, d, scale) AS
    CASE WHEN n IS NULL OR d IS NULL THEN NULL WHEN d = 0 THEN error('DIVISION_BY_ZERO: Division by zero')
         ELSE CAST((n // d) + CASE WHEN 2 * abs(n % d) < abs(d) THEN 0 WHEN (n < 0) = (d < 0) THEN 1 ELSE -1 END AS VARCHAR)
              || 'e-' || scale END;
CREATE MACRO trino_subscript(x, i) AS
    CASE WHEN x IS NULL OR i IS NULL THEN NULL
         WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
         WHEN i < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i)
         WHEN i > len(x) THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: '
                                    || i || ' > ' || len(x))
         ELSE x[i] END;
CREATE MACRO trino_element_at(x, i) AS
    CASE WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
         WHEN abs(i) > len(x) THEN NULL ELSE x[i] END;
CREATE MACRO trino_map_subscript(m, k) AS
    CASE WHEN m IS NULL OR k IS NULL THEN NULL
         WHEN NOT list_contains(map_keys(m), k)
         THEN error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(k AS VARCHAR)) ELSE m[k] END;
CREATE MACRO trino_substr(s, i) AS
    CASE WHEN s IS NULL OR i IS NULL THEN NULL WHEN i = 0 OR -i > length(s) THEN '' ELSE substring(s, i) END;
CREATE MACRO trino_substr_length(s, i, n) AS
    CASE WHEN s IS NULL OR i IS NULL OR n IS NULL THEN NULL WHEN i = 0 OR n <= 0 OR -i > length(s) THEN ''
         ELSE substring(s, i, n) END;
CREATE MACRO trino_pad(n, p, done) AS
    CASE WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]')
         WHEN p = '' THEN error('INVALID_FUNCTION_ARGUMENT: Padding string must not be empty') ELSE done END;
CREATE MACRO trino_lpad(s, n, p) AS
    trino_pad(n, p, lpad(s, CAST(greatest(n, 0) AS INTEGER), CASE WHEN p = '' THEN ' ' ELSE p END));
CREATE MACRO trino_rpad(s, n, p) AS
    trino_pad(n, p, rpad(s, CAST(greatest(n, 0) AS INTEGER), CASE WHEN p = '' THEN ' ' ELSE p END));
CREATE MACRO trino_replace(s, f, t) AS
    CASE WHEN f <> '' THEN replace(s, f, t) WHEN s = '' THEN t
         ELSE t || array_to_string(list_transform(str_split(s, ''), lambda c: c || t), '') END;
CREATE MACRO trino_blanks() AS
    chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(28) || chr(29) || chr(30) || chr(31);
CREATE MACRO trino_trim(s) AS trim(s, trino_blanks());
CREATE MACRO trino_ltrim(s) AS ltrim(s, trino_blanks());
CREATE MACRO trino_rtrim(s) AS rtrim(s, trino_blanks());
CREATE MACRO trino_codepoint(s) AS
    CASE WHEN length(s) <> 1 THEN error('INVALID_FUNCTION_ARGUMENT: Input string must be a single character string')
         ELSE ord(s) END;
CREATE MACRO trino_split(s, d) AS
    CASE WHEN d = '' THEN error('INVALID_FUNCTION_ARGUMENT: The delimiter may not be the empty string')
         WHEN s = '' THEN [''] ELSE str_split(s, d) END;
CREATE MACRO trino_split_part(s, d, n) AS
    CASE WHEN n <= 0 THEN error('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero')
         WHEN n <= CASE WHEN s = '' THEN 1 ELSE len(str_split(s, d)) END THEN split_part(s, d, n) END;
CREATE MACRO trino_regexp_extract(s, p, g := 0) AS
    CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;
CREATE MACRO trino_regexp_extract_group(s, p, g) AS
    CASE WHEN NOT regexp_matches(s, p) THEN NULL
         WHEN regexp_extract(s, p, g) = ''
         THEN error('NOT_SUPPORTED: the sandbox cannot tell an empty group from one that did not match')
         ELSE regexp_extract(s, p, g) END;
CREATE MACRO trino_url_encode(x) AS replace(replace(replace(url_encode(x), '%20', '+'), '%2A', '*'), '~', '%7E');
CREATE MACRO trino_url_decode(x) AS url_decode(replace(x, '+', '%20'));
CREATE MACRO trino_from_utf8(x) AS
    CASE WHEN x IS NOT NULL AND TRY(decode(x)) IS NULL
         THEN error('NOT_SUPPORTED: the sandbox decodes valid UTF-8 alone') ELSE TRY(decode(x)) END;
CREATE MACRO trino_array_max(x) AS CASE WHEN list_count(x) = len(x) THEN list_max(x) END;
CREATE MACRO trino_array_min(x) AS CASE WHEN list_count(x) = len(x) THEN list_min(x) END;
CREATE MACRO trino_array_distinct(x) AS list_filter(x, lambda e, i: list_position(x, e) = i);
CREATE MACRO trino_array_position(x, e) AS
    CASE WHEN x IS NULL OR e IS NULL THEN NULL ELSE CAST(coalesce(list_position(x, e), 0) AS BIGINT) END;
CREATE MACRO trino_contains(x, e) AS
    CASE WHEN x IS NULL OR e IS NULL THEN NULL WHEN list_contains(x, e) THEN true WHEN list_count(x) < len(x) THEN NULL
         ELSE false END;
CREATE MACRO trino_slice(x, start, length) AS
    CASE WHEN start = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
         WHEN length < 0 THEN error('INVALID_FUNCTION_ARGUMENT: length must be greater than or equal to 0')
         WHEN -start > len(x) THEN x[2:1]
         WHEN start < 0 THEN x[len(x) + start + 1:least(len(x), len(x) + start + length)]
         ELSE x[start:start + length - 1] END;
CREATE MACRO trino_sequence_size(start, stop, step) AS
    CASE WHEN step = 0 THEN error('INVALID_FUNCTION_ARGUMENT: step must not be zero')
         WHEN (stop > start AND step < 0) OR (stop < start AND step > 0)
         THEN error('INVALID_FUNCTION_ARGUMENT: sequence stop value should be greater than or equal to start value '
                    || 'if step is greater than zero otherwise stop should be less than or equal to start')
         WHEN (stop - start) // step >= 10000
         THEN error('INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries')
         ELSE step END;
CREATE MACRO trino_sequence_step(start, stop, step) AS generate_series(start, stop, trino_sequence_size(start, stop, step));
CREATE MACRO trino_sequence(start, stop) AS
    trino_sequence_step(start, stop, CASE WHEN stop >= start THEN 1 ELSE -1 END);
CREATE MACRO trino_sequence_days(start, stop) AS
    list_transform(
        trino_sequence(0, date_diff('day', start, stop)), lambda n: start + CAST(n AS INTEGER));
CREATE MACRO trino_map_of(entries) AS
    map_from_entries(list_filter(entries, lambda e, i: list_position(list_transform(entries, lambda o: o.k), e.k) = i));
CREATE MACRO trino_json_members(x) AS
    CASE json_type(x)
         WHEN 'OBJECT' THEN list_transform(list_sort(json_keys(x)), lambda k: {'p': CAST(to_json(k) AS VARCHAR) || ':',
              'v': json_extract(x, '/' || replace(replace(k, '~', '~0'), '/', '~1'))})
         WHEN 'ARRAY' THEN list_transform(CAST(x AS JSON[]), lambda v: {'p': '', 'v': coalesce(v, CAST('null' AS JSON))})
         END;
CREATE MACRO trino_json_sorted_0(j) AS
    CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY') AND CAST(j AS VARCHAR) NOT IN ('{}', '[]')
         THEN error('NOT_SUPPORTED: the sandbox sorts the members of JSON three levels deep') ELSE CAST(j AS VARCHAR) END;
CREATE MACRO trino_json_sorted_1(j) AS
    CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY')
         THEN left(CAST(j AS VARCHAR), 1) || coalesce(array_to_string(list_transform(
              trino_json_members(j), lambda m1: m1.p || trino_json_sorted_0(m1.v)), ','), '')
              || right(CAST(j AS VARCHAR), 1)
         ELSE CAST(j AS VARCHAR) END;
CREATE MACRO trino_json_sorted_2(j) AS
    CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY')
         THEN left(CAST(j AS VARCHAR), 1) || coalesce(array_to_string(list_transform(
              trino_json_members(j), lambda m2: m2.p || trino_json_sorted_1(m2.v)), ','), '')
              || right(CAST(j AS VARCHAR), 1)
         ELSE CAST(j AS VARCHAR) END;
CREATE MACRO trino_json_sorted_3(j) AS
    CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY')
         THEN left(CAST(j AS VARCHAR), 1) || coalesce(array_to_string(list_transform(
              trino_json_members(j), lambda m3: m3.p || trino_json_sorted_2(m3.v)), ','), '')
              || right(CAST(j AS VARCHAR), 1)
         ELSE CAST(j AS VARCHAR) END;
CREATE MACRO trino_json_parse(j) AS
    CASE WHEN j IS NULL THEN NULL WHEN NOT json_valid(j)
         THEN error('INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: ''' || j || '''')
         ELSE CAST(trino_json_sorted_3(CAST(CAST(json(trino_valid_json(j)) AS VARCHAR) AS JSON)) AS JSON) END;
CREATE MACRO trino_json_format(j) AS CAST(j AS VARCHAR);
CREATE MACRO trino_json_checked(j) AS
    CASE WHEN j IS NOT NULL AND NOT json_valid(j)
         THEN error('INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: ''' || j || '''') ELSE CAST(j AS JSON) END;
