CREATE MACRO redshift_cut(x, n) AS
    CASE WHEN strlen(x) <= n THEN x WHEN strlen(x) = length(x) THEN substring(x, 1, n)
         ELSE substring(x, 1, len(list_filter(range(1, n + 1), lambda k: strlen(substring(x, 1, k)) <= n))) END;
CREATE MACRO redshift_integer(x, name) AS
    CASE WHEN NOT regexp_full_match(x, '\s*[+-]?[0-9]+\s*')
         THEN error('invalid input syntax for integer: "' || x || '"') ELSE trim(x) END;
CREATE MACRO redshift_divide_decimals(n, d, scale) AS
    CASE WHEN n IS NULL OR d IS NULL THEN NULL WHEN d = 0 THEN error('Divide by zero')
         ELSE CAST((n // d) + CASE WHEN 2 * abs(n % d) < abs(d) THEN 0 WHEN (n < 0) = (d < 0) THEN 1 ELSE -1 END AS VARCHAR)
              || 'e-' || scale END;
CREATE MACRO redshift_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);
CREATE MACRO redshift_float_text(x) AS
    CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
         WHEN x <> 0 AND (abs(x) >= 1e15 OR abs(x) < 1e-4)
         THEN error('the sandbox writes numbers of this size as text otherwise than Redshift')
         ELSE regexp_replace(CAST(x AS VARCHAR), '\.0$', '') END;
CREATE MACRO redshift_substring(s, start, n) AS
    CASE WHEN n < 0 THEN error('negative substring length not allowed') WHEN start < 1 AND start + n <= 1 THEN ''
         WHEN start < 1 THEN substring(s, 1, start + n - 1) ELSE substring(s, start, n) END;
CREATE MACRO redshift_substring_from(s, start) AS substring(s, greatest(start, 1));
CREATE MACRO redshift_left(s, n) AS
    CASE WHEN n < 0 THEN error('the sandbox has no LEFT of a negative number') ELSE left(s, n) END;
CREATE MACRO redshift_right(s, n) AS
    CASE WHEN n < 0 THEN error('the sandbox has no RIGHT of a negative number') ELSE right(s, n) END;
CREATE MACRO redshift_lpad(s, n, p) AS
    CASE WHEN p = '' THEN left(s, greatest(n, 0)) ELSE lpad(s, CAST(greatest(n, 0) AS INTEGER), p) END;
CREATE MACRO redshift_rpad(s, n, p) AS
    CASE WHEN p = '' THEN left(s, greatest(n, 0)) ELSE rpad(s, CAST(greatest(n, 0) AS INTEGER), p) END;
CREATE MACRO redshift_split_part(s, d, n) AS
    CASE WHEN n <= 0 THEN error('field position must be greater than zero') WHEN d = '' AND n > 1 THEN ''
         WHEN d = '' THEN s ELSE split_part(s, d, n) END;
CREATE MACRO redshift_initcap(s) AS
    CASE WHEN s IS NULL THEN NULL ELSE coalesce(array_to_string(list_transform(
         regexp_extract_all(s, '[\pL\pN]+|[^\pL\pN]+'), lambda w: upper(w[1]) || lower(substring(w, 2))), ''), '') END;
CREATE MACRO redshift_regexp_substr(s, p, position, occurrence) AS
    CASE WHEN s IS NULL OR p IS NULL THEN NULL
         ELSE coalesce(regexp_extract_all(substring(s, position), p)[occurrence], '') END;
CREATE MACRO redshift_regexp_instr(s, p) AS
    CASE WHEN s IS NULL OR p IS NULL THEN NULL WHEN NOT regexp_matches(s, p) THEN 0
         ELSE length(regexp_extract(s, '(?s)^(.*?)(?:' || p || ')', 1)) + 1 END;
CREATE MACRO redshift_strtol(s, base) AS
    CASE WHEN NOT regexp_full_match(lower(s), '[+-]?(0x)?[0-9a-z]+')
              OR len(list_filter(str_split(regexp_replace(lower(s), '^[+-]?(0x)?', ''), ''),
                     lambda c: strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) > base)) > 0
         THEN error('The input ' || s || ' is not valid to be converted to base ' || base)
         ELSE list_reduce(list_transform(str_split(regexp_replace(lower(s), '^[+-]?(0x)?', ''), ''),
              lambda c: CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT)), lambda a, b: a * base + b)
              * CASE WHEN starts_with(s, '-') THEN -1 ELSE 1 END END;
CREATE MACRO redshift_ln(x) AS CASE WHEN x <= 0 THEN error('cannot take logarithm of zero or a negative number') ELSE ln(x) END;
CREATE MACRO redshift_log(x) AS
    CASE WHEN x <= 0 THEN error('cannot take logarithm of zero or a negative number') ELSE log10(x) END;
CREATE MACRO redshift_sqrt(x) AS
    CASE WHEN x < 0 THEN error('cannot take square root of a negative number') ELSE sqrt(x) END;
CREATE MACRO redshift_cbrt(x) AS CASE WHEN round(cbrt(x)) ** 3 = x THEN round(cbrt(x)) ELSE cbrt(x) END;
CREATE MACRO redshift_add_months(d, n) AS
    CAST(CASE WHEN CAST(d AS DATE) = last_day(CAST(d AS TIMESTAMP))
              THEN last_day(CAST(CAST(d AS TIMESTAMP) + to_months(CAST(n AS INTEGER)) AS TIMESTAMP))
                   + (CAST(d AS TIMESTAMP) - date_trunc('day', CAST(d AS TIMESTAMP)))
              ELSE CAST(d AS TIMESTAMP) + to_months(CAST(n AS INTEGER)) END AS TIMESTAMP);
CREATE MACRO redshift_is_last(d) AS CAST(d AS DATE) = last_day(CAST(d AS DATE));
CREATE MACRO redshift_months_between(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL THEN NULL
         WHEN day(a) = day(b) OR (redshift_is_last(a) AND redshift_is_last(b))
         THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
         ELSE (year(a) - year(b)) * 12 + month(a) - month(b) + (epoch(CAST(a AS TIMESTAMP) - date_trunc('month', CAST(a AS TIMESTAMP)))
              - epoch(CAST(b AS TIMESTAMP) - date_trunc('month', CAST(b AS TIMESTAMP)))) / 2678400e0 END;
CREATE MACRO redshift_weekday(name) AS
    list_position(['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'], lower(left(name, 2)));
CREATE MACRO redshift_next_day(d, name) AS
    CAST(CAST(d AS DATE) + CAST((redshift_weekday(name) - isodow(d) + 6) % 7 + 1 AS INTEGER) AS DATE);
CREATE MACRO redshift_parse(x, f, shown) AS
    CASE WHEN x IS NOT NULL AND try_strptime(x, f) IS NULL
         THEN error('invalid value "' || x || '" for the format "' || shown || '"') ELSE try_strptime(x, f) END;
CREATE MACRO redshift_json_path(j, path) AS
    CASE WHEN j IS NULL THEN NULL WHEN NOT json_valid(j) THEN error('JSON parsing error: Invalid JSON object ' || j)
         ELSE coalesce(json_extract_string(j, path), '') END;
CREATE MACRO redshift_json_path_or_null(j, path) AS
    CASE WHEN json_valid(j) THEN coalesce(json_extract_string(j, path), '') END;
CREATE MACRO redshift_json_array_length(j) AS
    CASE WHEN j IS NULL THEN NULL WHEN NOT coalesce(json_valid(j) AND json_type(j) = 'ARRAY', false)
         THEN error('JSON parsing error: Invalid json array object ' || j) ELSE CAST(json_array_length(j) AS INTEGER) END;
CREATE MACRO redshift_json_element(j, n) AS
    CASE WHEN j IS NULL THEN NULL WHEN NOT coalesce(json_valid(j) AND json_type(j) = 'ARRAY', false)
         THEN error('JSON parsing error: Invalid json array object ' || j)
         WHEN n < 0 THEN NULL ELSE json_extract_string(j, '$[' || n || ']') END;
CREATE MACRO redshift_json_parse(j) AS
    CASE WHEN j IS NOT NULL AND NOT json_valid(j) THEN error('JSON parsing error: invalid JSON ' || j) ELSE CAST(j AS JSON) END;
CREATE MACRO redshift_truncated(x, scale) AS
    rtrim(regexp_replace(
        CASE WHEN regexp_matches(x, '[eE]') THEN CAST(CAST(x AS DECIMAL(38, 18)) AS VARCHAR) ELSE trim(x) END,
        '^([+-]?[0-9]*\.[0-9]{' || scale || '})[0-9]*$', '\1'), '.');
CREATE MACRO redshift_iso_date(x) AS
    CASE WHEN NOT regexp_full_match(trim(x), '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( .*)?')
         THEN error('Invalid Date Format - length must be 10 or more: "' || x || '"') ELSE trim(x) END;
